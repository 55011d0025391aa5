/**
 * The verbs of git that change the working tree or move HEAD.
 *
 * @module
 */

import { isHidden, known, lastName } from "./argument.ts";
import { type GitCall, type GitVerb, isGiven, overwrite, pathspecTexts } from "./git_call.ts";
import { type Options, readOptions } from "./options.ts";

const CHECKOUT =
  "2 3 B= b= d f l m p q t? U= conflict= detach force guess ignore-other-worktrees ignore-skip-worktree-bits inter-hunk-context= merge orphan= ours overlay overwrite-ignore patch pathspec-file-nul pathspec-from-file= progress quiet recurse-submodules? theirs track? unified=";

/** `git checkout`: of a branch or a commit, or of files. */
export function runCheckout(call: GitCall): void {
  const options = readOptions(call.args, CHECKOUT);
  const { operands, beforeDashes } = options;
  if (!options.isUnderstood || options.has("p", "patch", "pathspec-from-file")) {
    return call.site.unknown();
  }
  const flag = ["b", "B", "orphan", "detach", "d"].find((name) => options.has(name));
  if (flag) return call.tree.git({ kind: "tree", verb: `checkout ${dashed(flag)}` });
  if (beforeDashes !== null && operands.length > beforeDashes) {
    return overwrite(call, operands.slice(beforeDashes), "checkout --");
  }
  if (options.has("2", "3", "ours", "theirs")) return overwrite(call, operands, "checkout");
  if (operands.length > 1) return checkoutFiles(call, options);
  if (operands.length === 1) return checkoutOne(call, options);
  if (options.has("f", "force")) call.tree.git({ kind: "tree", verb: "checkout -f" });
}

/** `git checkout X y…`, where X is a commit or one file more. */
function checkoutFiles(call: GitCall, { operands: [first, ...rest] }: Options): void {
  if (first.kind === "many") return call.site.unknown();
  if (first.kind === "glob") call.site.write(first, "git checkout", { below: true });
  else if (first.kind === "text") {
    call.site.write(first, "git checkout", { below: true, when: "exists" });
  }
  overwrite(call, rest, "checkout");
}

/** `git checkout X`, where X is a branch, a commit or a file. */
function checkoutOne(call: GitCall, options: Options): void {
  const [target] = options.operands;
  const { text } = target;
  if (isHidden(target)) return call.site.unknown();
  // no branch is named so
  if (target.kind === "glob" || /^[.:/~]/.test(text)) {
    return overwrite(call, options.operands, "checkout");
  }
  const isForced = options.has("f", "force");
  if (isHead(text)) {
    if (isForced) call.tree.git({ kind: "tree", verb: "checkout -f" });
    return;
  }
  const maybe = text === "-" || options.beforeDashes !== null ? {} : { maybePath: text };
  call.tree.git({ kind: "tree", verb: `checkout ${text}`, ...maybe });
}

const isHead = (revision: string) => revision === "HEAD" || revision === "@";
const dashed = (name: string) => (name.length > 1 ? "--" : "-") + name;

const SWITCH =
  "C= c= d f m q t? conflict= create= detach discard-changes force force-create= guess ignore-other-worktrees merge orphan= progress quiet recurse-submodules? track?";

/** `git switch`. */
export function runSwitch({ site, tree, args }: GitCall): void {
  const options = readOptions(args, SWITCH);
  if (!options.isUnderstood) return site.unknown();
  const flag = ["c", "C", "create", "force-create", "orphan", "detach", "d"].find((name) =>
    options.has(name)
  );
  if (flag) return tree.git({ kind: "tree", verb: `switch ${dashed(flag)}` });
  const [target] = options.operands;
  if (!target) return;
  tree.git({ kind: "tree", verb: isHidden(target) ? "switch" : `switch ${target.text}` });
}

const RESTORE =
  "2 3 m p q S s= U= W conflict= ignore-skip-worktree-bits ignore-unmerged inter-hunk-context= merge ours overlay patch pathspec-file-nul pathspec-from-file= progress quiet recurse-submodules? source= staged theirs unified= worktree";

/** `git restore`; with `--staged` alone the files stay as they are. */
export function runRestore(call: GitCall): void {
  const options = readOptions(call.args, RESTORE);
  if (!options.isUnderstood || options.has("p", "patch", "pathspec-from-file")) {
    return call.site.unknown();
  }
  if (options.has("S", "staged") && !options.has("W", "worktree")) return;
  overwrite(call, options.operands, "restore");
}

const RESET =
  "N p q U= z hard intent-to-add inter-hunk-context= keep merge mixed patch pathspec-file-nul pathspec-from-file= quiet recurse-submodules? refresh soft unified=";

/** `git reset`; without `--hard`, `--merge` and `--keep` it matters where it moves HEAD. */
export function runReset({ site, tree, args }: GitCall): void {
  const options = readOptions(args, RESET);
  if (!options.isUnderstood) return site.unknown();
  const flag = ["hard", "merge", "keep"].find((name) => options.has(name));
  if (flag) return tree.git({ kind: "tree", verb: `reset --${flag}` });
  const { operands: [target, ...paths], beforeDashes } = options;
  const isIndexOnly = options.has("p", "patch", "pathspec-from-file") || paths.length > 0;
  if (isIndexOnly || !target || beforeDashes === 0) return;
  if (target.kind !== "text") return site.unknown();
  if (isHead(target.text) || /^[.:/~]/.test(target.text)) return;
  const takesPaths = beforeDashes === null && !options.has("soft", "mixed");
  const maybe = takesPaths ? { maybePath: target.text } : {};
  tree.git({ kind: "tree", verb: `reset ${target.text}`, ...maybe });
}

/** `git clean`; without `-f` it does nothing. */
export function runClean({ site, tree, args }: GitCall): void {
  const options = readOptions(args, "d e= f i n q X x dry-run exclude= force interactive quiet");
  if (!options.isUnderstood || options.has("i", "interactive")) return site.unknown();
  if (options.has("n", "dry-run") || !options.has("f", "force")) return;
  const pathspecs = pathspecTexts(options.operands);
  if (!pathspecs) return site.unknown();
  tree.git({ kind: "tree", verb: "clean -f", ...(pathspecs.length > 0 ? { pathspecs } : {}) });
}

const STASH_PUSH =
  "a k m= p q S u U= all include-untracked inter-hunk-context= keep-index message= patch pathspec-file-nul pathspec-from-file= quiet staged unified=";
const STACK_VERBS = ["apply", "branch", "clear", "drop", "pop", "save"];

/** `git stash`; what it puts away and takes back is the whole tree, but for `push` with paths. */
export function runStash(call: GitCall): void {
  const { site, tree, args: [first, ...rest] } = call;
  const act = (verb: string) => tree.git({ kind: "tree", verb, stack: true });
  if (!first) return act("stash");
  if (first.kind !== "text") return site.unknown();
  if (isGiven(rest.slice(0, 1), "--help", "-h")) return;
  if (STACK_VERBS.includes(first.text)) return act(`stash ${first.text}`);
  const isPush = first.text === "push";
  if (!isPush && !first.text.startsWith("-")) return;
  const options = readOptions(isPush ? rest : call.args, STASH_PUSH);
  if (!options.isUnderstood || options.has("pathspec-from-file")) return site.unknown();
  if (options.operands.length === 0) return act(isPush ? "stash push" : "stash");
  overwrite(call, options.operands, "stash push");
}

const WORKTREE =
  "B= b= d f q checkout detach force guess-remote lock orphan quiet reason= relative-paths track";

/** `git worktree`: what it removes or moves away is the working tree of somebody. */
export function runWorktree({ site, args: [first, ...rest] }: GitCall): void {
  const verb = first?.text;
  if (verb !== "add" && verb !== "remove" && verb !== "move") return;
  const options = readOptions(rest, WORKTREE);
  const [target] = options.operands;
  if (!options.isUnderstood || !target) return site.unknown();
  if (verb === "add") site.in(target).begin();
  else site.in(target).git({ kind: "tree", verb: `worktree ${verb}` });
}

const INIT =
  "b= q bare initial-branch= object-format= quiet ref-format= separate-git-dir= shared? template=";

/** `git init`: a repository of its own, where nobody else is. */
export function runInit({ site, args }: GitCall): void {
  const options = readOptions(args, INIT);
  const [target] = options.operands;
  if (options.isUnderstood) (target ? site.in(target) : site).begin();
}

const CLONE =
  "4 6 b= c= j= l n o= q s u= v also-filter-submodules bare branch= bundle-uri= config= depth= dissociate filter= jobs= local mirror no-checkout origin= progress quiet recurse-submodules? recursive reference-if-able= reference= reject-shallow remote-submodules revision= separate-git-dir= server-option= shallow-exclude= shallow-since= shallow-submodules shared single-branch sparse tags template= upload-pack= verbose";

/** `git clone`: likewise, in a folder named after the address if no other is given. */
export function runClone({ site, args }: GitCall): void {
  const options = readOptions(args, CLONE);
  const [address, target] = options.operands;
  if (!options.isUnderstood || !address) return;
  const name = lastName(address.text.replaceAll(":", "/")).replace(/\.git$/, "");
  const folder = target ?? (isHidden(address) || name === "" ? null : known(name));
  if (folder) site.in(folder).begin();
}

/** A verb that changes the tree, unless one of these words is given. */
export function changesTree(name: string, ...unless: readonly string[]): GitVerb {
  return ({ tree, args }) => {
    if (!isGiven(args, ...unless)) tree.git({ kind: "tree", verb: name });
  };
}

/** A verb that changes the tree if one of these words is given. */
export function changesTreeWith(name: string, ...words: readonly string[]): GitVerb {
  return ({ tree, args }) => {
    const word = words.find((one) => isGiven(args, one));
    if (word !== undefined) tree.git({ kind: "tree", verb: `${name} ${word}` });
  };
}

/** A verb that changes the tree by commits that it is given, or by going on. */
export function bringsCommits(name: string): GitVerb {
  return ({ tree, args }) => {
    if (args.length > 0 && !isGiven(args, "--quit")) tree.git({ kind: "tree", verb: name });
  };
}

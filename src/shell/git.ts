/**
 * What a call of git does to the working tree, the index and HEAD, as far as it matters to the other
 * sessions that work there.
 *
 * @module
 */

import type { Argument } from "./argument.ts";
import type { Site } from "./effects.ts";
import { asksForHelp, type GitVerb } from "./git_call.ts";
import { runAdd, runCommit, runMove, runRemove } from "./git_index.ts";
import {
  bringsCommits,
  changesTree,
  changesTreeWith,
  runCheckout,
  runClean,
  runClone,
  runInit,
  runReset,
  runRestore,
  runStash,
  runSwitch,
  runWorktree,
} from "./git_tree.ts";
import { readOptions } from "./options.ts";

const GLOBAL =
  "C= c= h p P v attr-source= bare config-env= exec-path? git-dir= glob-pathspecs help html-path icase-pathspecs info-path list-cmds= literal-pathspecs man-path namespace= no-advice no-lazy-fetch no-optional-locks no-pager no-replace-objects noglob-pathspecs paginate super-prefix= version work-tree=";

/** Options with which git tells something and does nothing. */
const TELLING = ["h", "v", "help", "html-path", "info-path", "list-cmds", "man-path", "version"];

/**
 * Tells what a call of git does.
 *
 * @param args What follows `git`.
 * @param variables Those that were set for this call.
 */
export function runGit(
  site: Site,
  args: readonly Argument[],
  variables: ReadonlyMap<string, Argument>,
): void {
  const options = readOptions(args, GLOBAL, "leading");
  if (!options.isUnderstood) return site.unknown();
  if (options.has(...TELLING)) return;
  const place = options.values("C").reduce((here, folder) => here.in(folder), site);
  const root = options.values("work-tree").at(-1) ?? variables.get("GIT_WORK_TREE");
  // another repository's index and HEAD, over files that may be anybody's
  if (!root && (options.has("git-dir") || variables.has("GIT_DIR"))) return site.unknown();
  const [verb, ...rest] = options.operands;
  if (!verb) return;
  if (verb.kind !== "text") return site.unknown();
  if (asksForHelp(rest)) return;
  if (!Object.hasOwn(VERBS, verb.text)) {
    // an alias, or a program of its own
    if (!HARMLESS.includes(verb.text)) site.unknown();
    return;
  }
  VERBS[verb.text]({ site: place, tree: root ? place.in(root) : place, args: rest });
}

const unknown: GitVerb = ({ site }) => site.unknown();

/** `git apply`: the patch says which files; some options only look, or only change the index. */
const apply: GitVerb = ({ site, args }) => {
  const looks = args.some(({ text }) => /^--(check|stat|numstat|summary|cached)$/.test(text));
  if (!looks) site.unknown();
};

/** `git merge-file OURS BASE THEIRS` puts the outcome into OURS. */
const mergeFile: GitVerb = ({ site, args }) => {
  const options = readOptions(
    args,
    "L= p q diff-algorithm= diff3 marker-size= object-id ours quiet stdout theirs union zdiff3",
  );
  if (!options.isUnderstood) return site.unknown();
  if (options.has("p", "stdout", "object-id") || !options.operands[0]) return;
  site.write(options.operands[0], "git merge-file");
};

const VERBS: Readonly<Record<string, GitVerb>> = {
  add: runAdd,
  am: changesTree("am", "--quit", "--show-current-patch"),
  apply,
  bisect: changesTreeWith(
    "bisect",
    ...["start", "good", "bad", "new", "old", "skip", "reset", "run", "replay"],
  ),
  checkout: runCheckout,
  "checkout-index": changesTreeWith("checkout-index", "-f", "--force"),
  "cherry-pick": bringsCommits("cherry-pick"),
  clean: runClean,
  clone: runClone,
  commit: runCommit,
  "filter-branch": changesTree("filter-branch"),
  "filter-repo": changesTree("filter-repo", "--analyze", "--dry-run"),
  init: runInit,
  merge: changesTree("merge", "--quit"),
  "merge-file": mergeFile,
  mv: runMove,
  pull: changesTree("pull", "--dry-run"),
  "read-tree": changesTreeWith("read-tree", "-u", "--reset"),
  rebase: changesTree("rebase", "--quit", "--edit-todo", "--show-current-patch"),
  reset: runReset,
  restore: runRestore,
  revert: bringsCommits("revert"),
  rm: runRemove,
  "sparse-checkout": changesTreeWith(
    "sparse-checkout",
    ...["add", "clean", "disable", "init", "reapply", "set"],
  ),
  stage: runAdd,
  stash: runStash,
  submodule: unknown,
  subtree: unknown,
  switch: runSwitch,
  "symbolic-ref": movesHead("symbolic-ref"),
  "update-ref": movesHead("update-ref"),
  worktree: runWorktree,
};

/** A verb that sets references, HEAD among them. */
function movesHead(name: string): GitVerb {
  return ({ site, tree, args }) => {
    const options = readOptions(
      args,
      "d m= q z create-reflog delete no-deref no-recurse quiet short stdin",
    );
    if (!options.isUnderstood || options.has("stdin")) return site.unknown();
    const [reference, value] = options.operands;
    if (!reference || !(value || options.has("d", "delete"))) return;
    const act = { kind: "tree", verb: `${name} ${reference.text}` } as const;
    const branch = /^refs\/heads\/(.+)/.exec(reference.text)?.[1];
    if (reference.text === "HEAD") tree.git(act);
    else if (branch !== undefined) tree.git({ ...act, branch });
  };
}

/** Verbs that neither touch the files of the working tree nor move HEAD nor stage. */
const HARMLESS =
  ("annotate archive blame branch bugreport bundle cat-file check-attr check-ignore " +
    "check-mailmap check-ref-format cherry column commit-graph commit-tree config count-objects " +
    "credential daemon describe diagnose diff diff-files diff-index diff-tree difftool fast-export " +
    "fetch fmt-merge-msg for-each-ref for-each-repo format-patch fsck gc get-tar-commit-id grep " +
    "hash-object help index-pack instaweb interpret-trailers log ls-files ls-remote ls-tree " +
    "mailinfo mailsplit maintenance merge-base merge-tree mktag mktree multi-pack-index name-rev notes " +
    "pack-objects pack-refs patch-id prune range-diff reflog refs remote repack replace replay repo " +
    "request-pull rerere rev-list rev-parse send-email shortlog show show-branch show-index show-ref " +
    "status stripspace tag unpack-file update-index update-server-info var verify-commit " +
    "verify-pack verify-tag version whatchanged write-tree push last-modified").split(" ");

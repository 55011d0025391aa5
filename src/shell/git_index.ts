/**
 * The verbs of git that put whole files into the index or a commit, or take them out.
 *
 * @module
 */

import { asksForHelp, type GitCall, overwrite, pathspecTexts } from "./git_call.ts";
import { type Options, readOptions } from "./options.ts";
import { transfer } from "./transfer.ts";

const ADD =
  "A e f i N n p U= u v all chmod= dry-run edit force ignore-errors ignore-missing ignore-removal intent-to-add inter-hunk-context= interactive patch pathspec-file-nul pathspec-from-file= refresh renormalize sparse unified= update verbose warn-embedded-repo";

/** `git add`, `git stage`. */
export function runAdd({ site, tree, args }: GitCall): void {
  const options = readOptions(args, ADD);
  if (options.has("n", "N", "dry-run", "intent-to-add", "refresh")) return;
  const isAsked = options.has("e", "i", "p", "edit", "interactive", "patch", "pathspec-from-file");
  if (!options.isUnderstood || isAsked) return site.unknown();
  const flag = options.has("A", "all") ? " -A" : options.has("u", "update") ? " -u" : "";
  if (options.operands.length === 0 && flag === "" && !options.has("renormalize")) return;
  stage({ site, tree, args }, options, `add${flag}`);
}

/** Tells that files are staged, and which. */
function stage({ site, tree }: GitCall, { operands }: Options, verb: string): void {
  const pathspecs = pathspecTexts(operands);
  if (!pathspecs) return site.unknown();
  const only = operands.length === 1 ? ` ${operands[0].text}` : "";
  tree.git({ kind: "stage all", verb: verb + only, pathspecs });
}

const COMMIT =
  "a C= c= e F= i m= n o p q S? s t= U= u? v z ahead-behind all allow-empty allow-empty-message amend author= branch cleanup= date= dry-run edit file= fixup= gpg-sign? include inter-hunk-context= interactive long message= no-post-rewrite no-status no-verify null only patch pathspec-file-nul pathspec-from-file= porcelain quiet reedit-message= reset-author reuse-message= short signoff squash= status template= trailer= unified= untracked-files? verbose verify";

/** `git commit`. */
export function runCommit(call: GitCall): void {
  const { site, tree, args } = call;
  const options = readOptions(args, COMMIT);
  if (options.has("dry-run", "short", "porcelain", "long")) return;
  const isAsked = options.has("p", "interactive", "patch", "pathspec-from-file");
  if (!options.isUnderstood || isAsked) return site.unknown();
  const takesAll = options.has("a", "all");
  const takesSome = options.operands.length > 0;
  if (takesAll) tree.git({ kind: "stage all", verb: "commit -a", pathspecs: [] });
  else if (takesSome) stage(call, options, "commit");
  const takesIndex = !takesSome || options.has("i", "include");
  if (!takesAll && takesIndex) tree.git({ kind: "commit" });
}

const REMOVE =
  "f n q r cached dry-run force ignore-unmatch pathspec-file-nul pathspec-from-file= quiet sparse";

/** `git rm`. */
export function runRemove(call: GitCall): void {
  const options = readOptions(call.args, REMOVE);
  if (options.has("n", "cached", "dry-run")) return;
  if (!options.isUnderstood || options.has("pathspec-from-file")) return call.site.unknown();
  overwrite(call, options.operands, "rm");
}

/** `git mv`. */
export function runMove({ site, args }: GitCall): void {
  const options = readOptions(args, "f k n v dry-run force sparse verbose");
  if (options.has("n", "dry-run") || asksForHelp(args)) return;
  const target = options.operands.at(-1);
  if (!options.isUnderstood || !target) return site.unknown();
  const sources = options.operands.slice(0, -1);
  transfer(site, { by: "git mv", sources, target, targetIs: "either", isMove: true });
}

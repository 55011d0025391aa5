/**
 * A glance at a command, which spares most of them (`ls`, `npm test`, `git status`) the parser: that
 * loads in milliseconds, and a hook has few. Imports nothing.
 *
 * @module
 */

/** What reads `2>&1` and throws output away writes no file. */
const HARMLESS_REDIRECTION = /\d?>&\d|[&\d]?>{1,2}[ \t]*\/dev\/null(?![\w/])/g;

/** Programs and cmdlets that write, with their aliases. */
const WRITES =
  /(?<![\w-])(tee|sponge|g?sed|perl|ruby|g?awk|rm|rmdir|unlink|shred|truncate|mv|cp|install|ln|dd|gh|sc|ac|clc|ri|del|erase|rd|mi|move|cpi|copy|rni|ren|ni|(set|add|clear)-content|out-file|tee-object|(remove|move|copy|rename|new)-item)(?![\w-])/i;

const GIT = /(?<![\w-])git(?![\w-])/i;

/** The verbs of git that do more than tell. */
const GIT_VERBS =
  /(?<![\w-])(add|am|bisect|checkout(-index)?|cherry-pick|clean|commit|filter-(branch|repo)|merge(-file)?|mv|pull|read-tree|rebase|reset|restore|revert|rm|sparse-checkout|stage|stash|switch|symbolic-ref|update-ref|worktree)(?![\w-])/;

/**
 * Whether `analyseShell()` may find a write or a git act in a command. `false` is sure, but for names
 * that are put together on purpose, as in `g"i"t`.
 */
export function mayMatter(command: string): boolean {
  if (command.replace(HARMLESS_REDIRECTION, "").includes(">")) return true;
  return WRITES.test(command) || (GIT.test(command) && GIT_VERBS.test(command));
}

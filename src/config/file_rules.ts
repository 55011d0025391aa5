/**
 * What the configuration says about one file: whether edits of it are guarded, and for how long a
 * reservation of it lasts without activity.
 *
 * A glob without `/` names files by their base name, wherever they are; among `ignore_files` and the
 * files of work areas also folders, with everything below. `name/` is everything below any folder of
 * that name. A glob with another `/` is a path from the working tree's top, and with a `/` at its end
 * everything below it; there `*` also matches `/`, and `**` between slashes any folders or none.
 *
 * @module
 */

import { compileGlob, type Matcher } from "../domain/glob.ts";
import type { CoordinationConfig, WorkArea } from "./types.ts";

/** What applies to a file. */
export interface FileRule {
  /** Whether edits of it are checked and reserved. */
  readonly guarded: boolean;
  /** How long a reservation lasts without activity, in seconds. */
  readonly timeoutS: number;
  readonly kind: "critical" | "docs" | "other";
}

/** How well globs name a file: not at all, by what it is called, by where it is. */
type Fit = 0 | 1 | 2;

/** A file's path in the parts that globs look at. */
interface FilePath {
  readonly whole: string;
  readonly name: string;
  readonly folders: readonly string[];
}

/**
 * What applies to a file. A critical file is guarded although an ignore pattern matches it too, with
 * one exception: a critical glob that is a mere base name does not reach into an ignored folder, or
 * `*.js` would guard all of `node_modules/`. Of several timeouts the most specific glob's counts.
 *
 * @param config Its `enable_file_locks: false` leaves no file guarded.
 * @param path The file's path inside its working tree, with `/`.
 */
export function fileRule(config: CoordinationConfig, path: string): FileRule {
  const file = filePath(path);
  const critical = bestFit(config.critical_files, file);
  const isFree = bestFit(config.ignore_files, file, true) > critical;
  const kind = critical > 0 && !isFree
    ? "critical"
    : bestFit(config.docs_files, file) > 0
    ? "docs"
    : "other";
  return {
    guarded: config.enable_file_locks && !isFree,
    timeoutS: timeoutOf(config.timeouts, file) ?? config.lock_timeout,
    kind,
  };
}

/** Whether a file is part of a work area; of several globs that name it the last one counts. */
export function isInWorkArea(area: WorkArea, path: string): boolean {
  const file = filePath(path);
  const last = area.files.findLast((glob) =>
    fit(glob.startsWith("!") ? glob.slice(1) : glob, file, true) > 0
  );
  return last !== undefined && !last.startsWith("!");
}

function filePath(path: string): FilePath {
  const names = path.normalize("NFC").split("/").filter((name) => name !== "" && name !== ".");
  return { whole: names.join("/"), name: names.at(-1) ?? "", folders: names.slice(0, -1) };
}

function bestFit(globs: readonly string[], file: FilePath, namesFolders = false): Fit {
  let best: Fit = 0;
  for (const glob of globs) {
    const found = fit(glob, file, namesFolders);
    if (found === 2) return 2;
    if (found > best) best = found;
  }
  return best;
}

function timeoutOf(timeouts: CoordinationConfig["timeouts"], file: FilePath): number | null {
  let best: { readonly timeoutS: number; readonly weight: number } | null = null;
  for (const [glob, timeoutS] of Object.entries(timeouts)) {
    if (fit(glob, file) === 0) continue;
    const weight = weigh(glob);
    if (!best || weight >= best.weight) best = { timeoutS, weight };
  }
  return best && best.timeoutS;
}

/** How many characters a glob names itself: the more, the more specific it is. */
function weigh(glob: string): number {
  const named = glob.includes("[") ? glob.replace(/\[[^\]]*\]/g, "") : glob;
  return named.replaceAll("*", "").replaceAll("?", "").length;
}

/** @param namesFolders Whether a glob without `/` names folders with all their files too. */
function fit(glob: string, file: FilePath, namesFolders = false): Fit {
  const text = withoutLead(glob);
  const isFolder = text.endsWith("/");
  const body = isFolder ? text.slice(0, -1) : text;
  if (body.includes("/")) return pathMatches(body, isFolder, file.whole) ? 2 : 0;
  if ((isFolder || namesFolders) && file.folders.some((name) => nameMatches(body, name))) return 2;
  return !isFolder && nameMatches(body, file.name) ? 1 : 0;
}

/** Without `./`, and without `**` in front of a single name, which is looked for anywhere as it is. */
function withoutLead(glob: string): string {
  if (glob.startsWith("./")) return withoutLead(glob.slice(2));
  if (!glob.startsWith("**/")) return glob;
  const rest = glob.slice(3);
  return rest !== "" && !rest.slice(0, -1).includes("/") ? rest : glob;
}

/** Most globs are a name or an ending. A hook asks once: compiling them all would take it longer. */
function nameMatches(glob: string, name: string): boolean {
  const star = glob.lastIndexOf("*");
  if (star > 0 || hasOtherWildcard(glob)) return compiled(glob).some((matches) => matches(name));
  return star < 0 ? name === glob : name.endsWith(glob.slice(1));
}

function pathMatches(glob: string, isFolder: boolean, path: string): boolean {
  const rooted = glob.startsWith("/") ? glob : `/${glob}`;
  if (isFolder && !glob.includes("*") && !hasOtherWildcard(glob)) {
    return path.startsWith(`${rooted.slice(1)}/`);
  }
  return compiled(isFolder ? `${rooted}/*` : rooted).some((matches) => matches(path));
}

function hasOtherWildcard(glob: string): boolean {
  return glob.includes("?") || glob.includes("[");
}

const compiledGlobs = new Map<string, readonly Matcher[]>();

/** A server asks about many files. */
function compiled(glob: string): readonly Matcher[] {
  const known = compiledGlobs.get(glob);
  if (known) return known;
  const matchers = withAnyFolders(glob)
    .map((variant) => compileGlob(variant.startsWith("/") ? variant.slice(1) : variant));
  compiledGlobs.set(glob, matchers);
  return matchers;
}

/** The globs that one with `**` between slashes stands for: with folders there, and with none. */
function withAnyFolders(glob: string): string[] {
  const at = glob.indexOf("/**/");
  if (at < 0) return [glob];
  const before = glob.slice(0, at);
  return withAnyFolders(glob.slice(at + 3))
    .flatMap((after) => [before + after, `${before}/*${after}`]);
}

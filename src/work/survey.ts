/**
 * What a working tree consists of: the areas that its folders and files show, and those that are
 * configured.
 *
 * @module
 */

import { isInWorkArea } from "../config/file_rules.ts";
import type { WorkArea } from "../config/types.ts";
import {
  below,
  folderOf,
  type Ground,
  isIgnored,
  isNamedBy,
  isRoot,
  listFolder,
  nameOf,
} from "./folders.ts";
import { endingOf, isSource, isTest, TEST_FOLDERS } from "./languages.ts";
import { fold, ignoredGlobs, type WorkView } from "./view.ts";
import { isContainer } from "./words.ts";

/** How many entries of folders are looked at to find out what a project consists of. */
const MAX_ENTRIES = 200;

const found = new WeakMap<WorkView, Map<string, readonly string[]>>();

/** All areas that a file is part of. */
export function areasWith(view: WorkView, path: string): readonly string[] {
  let known = found.get(view);
  if (!known) found.set(view, known = new Map());
  let areas = known.get(path);
  if (!areas) known.set(path, areas = findAreas(view, path));
  return areas;
}

function findAreas(view: WorkView, path: string): string[] {
  const configured = Object.entries(view.areas)
    .filter(([, area]) => isIn(area, path))
    .map(([name]) => name);
  if (configured.length > 0) return configured;
  const ground = groundOf(view);
  if (isIgnored(ground, path) || isRoot(ground)) return [];
  const area = folderArea(path) ?? kindArea(surveyOf(view), view, nameOf(path));
  return area === null ? [] : [area];
}

/** The areas that are known in a view. */
export function knownAreas(view: WorkView): string[] {
  const configured = Object.keys(view.areas);
  return configured.length > 0 ? configured : [...surveyOf(view).areas];
}

/** The working tree with what is nobody's work in it. */
export function groundOf(view: WorkView): Ground {
  return { tree: view.tree, ignored: ignoredGlobs(view) };
}

const folded = new WeakMap<WorkArea, WorkArea>();

/** Reservations on a file system that folds case have folded paths, the configuration has not. */
function isIn(area: WorkArea, path: string): boolean {
  let other = folded.get(area);
  if (!other) folded.set(area, other = { ...area, files: area.files.map((glob) => fold(glob)) });
  return isInWorkArea(area, path) || isInWorkArea(other, fold(path));
}

/** What a project's top folders and files show. */
interface Survey {
  readonly areas: readonly string[];
  readonly folders: readonly string[];
  /** Whether there are pages at the top, which scripts beside them belong to. */
  readonly hasPages: boolean;
}

const surveys = new WeakMap<WorkView, Survey>();

function surveyOf(view: WorkView): Survey {
  let survey = surveys.get(view);
  if (!survey) surveys.set(view, survey = lookAround(view));
  return survey;
}

/** Programs first, then tests, then documentation. */
function lookAround(view: WorkView): Survey {
  const ground = groundOf(view);
  if (isRoot(ground)) return { areas: [], folders: [], hasPages: false };
  const { files, folders } = listFolder(ground, "", MAX_ENTRIES);
  const survey = { areas: [], folders, hasPages: files.some((name) => /\.html?$/i.test(name)) };
  let left = MAX_ENTRIES - files.length - folders.length;
  const areas = folders.flatMap((folder) => {
    if (!isContainer(folder)) return [folder];
    const inside = listFolder(ground, folder, Math.max(left, 1));
    left -= inside.files.length + inside.folders.length;
    const own = inside.files.some(isSource) ? [folder] : [];
    return [...inside.folders.map((name) => below(folder, name)), ...own];
  });
  const kinds = files.map((name) => kindArea(survey, view, name)).filter((area) => area !== null);
  const isLate = (area: string) =>
    DOC_FOLDERS.includes(fold(area)) ? 2 : isTest(`${area}/_`) ? 1 : 0;
  const all = [...new Set([...areas, ...kinds])].sort((one, other) => isLate(one) - isLate(other));
  return { ...survey, areas: all };
}

/** The folder that means something, or null for a file at the top. */
function folderArea(path: string): string | null {
  const names = folderOf(path).split("/");
  if (names[0] === "") return null;
  return isContainer(names[0]) && names.length > 1 ? below(names[0], names[1]) : names[0];
}

const DOC_FOLDERS = ["docs", "doc", "documentation"];
const PAGES = new Set(
  ["html", "htm", "css", "scss", "sass", "less", "vue", "svelte", "astro", "jsx", "tsx"],
);
const SCRIPTS = new Set(["js", "mjs", "cjs", "ts", "mts", "cts"]);

/** What kind of work a file at the top is, or null for settings and the like. */
function kindArea({ folders, hasPages }: Survey, view: WorkView, name: string): string | null {
  const called = (names: readonly string[]) =>
    folders.find((folder) => names.includes(fold(folder))) ?? names[0];
  if (isNamedBy(view.docs, name)) return called(DOC_FOLDERS);
  if (isTest(name)) return called(TEST_FOLDERS);
  const ending = endingOf(name);
  if (PAGES.has(ending) || (hasPages && SCRIPTS.has(ending))) return "frontend";
  return isSource(name) ? "backend" : null;
}

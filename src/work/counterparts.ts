/**
 * The tests of a source file, and the sources of a test.
 *
 * @module
 */

import {
  below,
  filesBelow,
  folderOf,
  type Ground,
  isCreatable,
  isIgnored,
  isRoot,
  kindOf,
  listFolder,
  nameOf,
  namesIn,
  type Reach,
} from "./folders.ts";
import {
  isTest,
  type Language,
  languageOf,
  TEST_FOLDERS,
  testedBy,
  testForm,
  testNames,
} from "./languages.ts";
import { isContainer } from "./words.ts";

/** Enough for the tests of most projects, at a few milliseconds. */
const TESTS_REACH: Reach = { maxEntries: 200, maxDepth: 4 };
const SOURCES_REACH: Reach = { maxEntries: 300, maxDepth: 6 };

/**
 * The files that go with a path, the nearest first: of a source its tests, or where it has none the
 * one that could be made; of a test its sources.
 */
export function counterpartsOf(ground: Ground, path: string): string[] {
  const language = languageOf(path);
  if (!language) return [];
  if (isTest(path)) return sourcesOf(ground, path, language);
  const homes = testHomes(ground, path);
  const tests = testsOf(ground, path, language, homes);
  if (tests.length > 0) return tests;
  const test = newTestOf(ground, path, language, homes[0] ?? null);
  return isCreatable(ground, test) && !isIgnored(ground, test) ? [test] : [];
}

/** A folder of tests, with what is in it. */
interface Home {
  readonly folder: string;
  readonly files: readonly string[];
}

function testsOf(
  ground: Ground,
  path: string,
  language: Language,
  homes: readonly Home[],
): string[] {
  const names = testNames(path, language);
  const folder = folderOf(path);
  const beside = filesIn(ground, [folder, mirrorOf(folder)], names)
    .filter((test) => test !== path && isTest(test));
  const further = homes.flatMap(({ files }) => files)
    .filter((test) => names.includes(nameOf(test)));
  return nearestFirst(path, [...new Set([...beside, ...further])]);
}

function sourcesOf(ground: Ground, path: string, language: Language): string[] {
  const subject = testedBy(path, language);
  if (subject === null) return [];
  const names = language.endings.map((ending) => `${subject}.${ending}`);
  const folder = folderOf(path);
  const beside = filesIn(ground, [folder, folderOf(folder), mirrorOf(folder)], names);
  const start = isRoot(ground) ? folderOf(folder) : "";
  const further = filesBelow(ground, start, SOURCES_REACH)
    .filter((source) => names.includes(nameOf(source)));
  const found = [...new Set([...beside, ...further])].filter((source) => !isTest(source));
  return nearestFirst(path, found);
}

/** The files of some names that are in some folders. */
function filesIn(
  ground: Ground,
  folders: readonly (string | null)[],
  names: readonly string[],
): string[] {
  return [...new Set(folders)].filter((folder) => folder !== null)
    .flatMap((folder) => namesIn(ground, folder, names, "file").map((name) => below(folder, name)));
}

/** The test that a source does not have yet, called and placed as the project does it. */
function newTestOf(ground: Ground, path: string, language: Language, home: Home | null): string {
  const folder = folderOf(path);
  const named = (form: string | null) => testNames(path, language, form)[0];
  if (language.alwaysBeside) return below(folder, named(null));
  const mirror = language.mirrors ? mirrorOf(folder) : null;
  if (mirror !== null) return below(mirror, named(null));
  const beside = listFolder(ground, folder, TESTS_REACH.maxEntries).files;
  const styleBeside = styleOf(beside, language);
  if (styleBeside !== null) return below(folder, named(styleBeside));
  const style = home && styleOf(home.files, language);
  if (language.home === undefined && style === null) {
    return below(folder, named(usesDeno(ground) ? "*_test" : null));
  }
  const inHome = home?.folder ?? below(packageOf(ground, path), language.home!);
  return below(folderIn(ground, path, inHome, language), named(style ?? formFor(inHome, language)));
}

/** The form of the tests among some files, or null where there are none. */
function styleOf(files: readonly string[], language: Language): string | null {
  for (const file of files) {
    const form = languageOf(file) === language ? testForm(file, language) : null;
    if (form !== null) return form;
  }
  return null;
}

/** The form that goes with a folder's name: `*_spec` with `spec`. */
function formFor(home: string, language: Language): string | null {
  const word = nameOf(home).toLowerCase().startsWith("spec") ? "spec" : "test";
  return language.tests.find((form) => form.toLowerCase().includes(word)) ?? null;
}

/** The folder for a new test in a folder of tests: the one that corresponds to the source's. */
function folderIn(ground: Ground, path: string, home: string, language: Language): string {
  const root = folderOf(home);
  const way = folderOf(path).slice(root.length).split("/").filter((name) => name !== "");
  const inner = isContainer(way[0] ?? "") ? way.slice(1) : way;
  const like = [home, ...inner].join("/");
  return language.mirrors || kindOf(ground, like) === "folder" ? like : home;
}

/** The folders of tests in the folders around a file, the nearest first. */
function testHomes(ground: Ground, path: string): Home[] {
  const homes: Home[] = [];
  const names = [...TEST_FOLDERS, "Tests", "Test"];
  let levels = isRoot(ground) ? 2 : Infinity;
  for (let at = folderOf(path); levels > 0; at = folderOf(at), levels--) {
    const found = namesIn(ground, at, names, "folder")
      .sort((one, other) => names.indexOf(one) - names.indexOf(other));
    homes.push(...found.map((name) => {
      const folder = below(at, name);
      return { folder, files: filesBelow(ground, folder, TESTS_REACH) };
    }));
    if (at === "") break;
  }
  return homes;
}

/** The folder that a file's sources and tests are in: above `src` or another container. */
function packageOf(ground: Ground, path: string): string {
  const names = folderOf(path).split("/");
  const container = names.findLastIndex(isContainer);
  if (container >= 0) return names.slice(0, container).join("/");
  return isRoot(ground) ? folderOf(path) : "";
}

/** Where the tests of sources in `src/main/...` are, and the other way round. */
function mirrorOf(folder: string): string | null {
  const [, before, kind, after] = /^((?:.*\/)?src\/)(main|test)(\/.*)?$/.exec(folder) ?? [];
  if (kind === undefined) return null;
  return `${before}${kind === "main" ? "test" : "main"}${after ?? ""}`;
}

function nearestFirst(path: string, files: readonly string[]): string[] {
  const around = new Set(folderOf(path).split("/"));
  const nearness = (file: string) =>
    folderOf(file).split("/").filter((name) => around.has(name)).length;
  return files.toSorted((one, other) => nearness(other) - nearness(one));
}

function usesDeno(ground: Ground): boolean {
  return namesIn(ground, "", ["deno.json", "deno.jsonc"], "file").length > 0;
}

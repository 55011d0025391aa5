/**
 * How the tests of a source file are called in each language, and where they are.
 *
 * @module
 */

import { folderOf, nameOf } from "./folders.ts";

/** What tests of a language look like. */
export interface Language {
  /** Endings of its sources. */
  readonly endings: readonly string[];
  /** Names of tests without their ending, `*` for the source's name; the usual one first. */
  readonly tests: readonly string[];
  /** The ending of its tests, where it is another. */
  readonly testEnding?: string;
  /** Where a project keeps tests that has none yet; without it they are beside the source. */
  readonly home?: string;
  /** Whether tests are in folders like those of the sources. */
  readonly mirrors?: boolean;
  /** Whether tests are beside their source in every project. */
  readonly alwaysBeside?: boolean;
}

/** The folders that tests are in. */
export const TEST_FOLDERS: readonly string[] = ["tests", "test", "spec", "specs", "__tests__"];

const LANGUAGES: readonly Language[] = [
  { endings: ["py"], tests: ["test_*", "*_test"], home: "tests" },
  {
    endings: ["ts", "tsx", "mts", "cts", "js", "jsx", "mjs", "cjs", "vue", "svelte"],
    tests: ["*.test", "*.spec", "*_test", "*-test"],
  },
  { endings: ["go"], tests: ["*_test"], alwaysBeside: true },
  { endings: ["rs"], tests: ["*"], home: "tests" },
  {
    endings: ["java", "kt", "scala", "groovy"],
    tests: ["*Test", "*Tests", "*IT", "*Spec"],
    home: "test",
    mirrors: true,
  },
  { endings: ["rb"], tests: ["*_spec", "*_test", "test_*"], home: "spec", mirrors: true },
  { endings: ["php"], tests: ["*Test"], home: "tests", mirrors: true },
  { endings: ["cs"], tests: ["*Tests", "*Test"], home: "tests" },
  { endings: ["ex"], tests: ["*_test"], testEnding: "exs", home: "test", mirrors: true },
  { endings: ["dart"], tests: ["*_test"], home: "test", mirrors: true },
  { endings: ["swift"], tests: ["*Tests", "*Test"], home: "Tests" },
  { endings: ["c", "cc", "cpp", "cxx"], tests: ["test_*", "*_test"], home: "tests" },
];

/** Sources whose tests are nothing to suggest, since they are of no known form. */
const OTHER_SOURCES = new Set(
  ("h hpp sql sh bash lua pl r jl hs ml clj erl zig nim html htm css scss sass less astro ps1 tf proto")
    .split(" "),
);

/** Files that are there for the language's sake. */
const BOILERPLATE = /^(?:__init__\.py|setup\.py|conftest\.py|.*\.config\.[cm]?[jt]s|.*\.d\.ts)$/;

/** The language of a source or a test, or null. */
export function languageOf(path: string): Language | null {
  const ending = endingOf(path);
  return LANGUAGES.find((one) => one.endings.includes(ending) || one.testEnding === ending) ?? null;
}

/** Whether people work on a file as on a program: neither settings nor boilerplate. */
export function isSource(path: string): boolean {
  if (BOILERPLATE.test(nameOf(path))) return false;
  return languageOf(path) !== null || OTHER_SOURCES.has(endingOf(path));
}

/** Whether a file is a test, or helps tests. */
export function isTest(path: string): boolean {
  if (folderOf(path).split("/").some((name) => TEST_FOLDERS.includes(name.toLowerCase()))) {
    return true;
  }
  const language = languageOf(path);
  return language !== null && testForm(path, language) !== null;
}

/** Which form a test's name has, or null where its name alone does not show that it is a test. */
export function testForm(path: string, { tests }: Language): string | null {
  const name = stemOf(path);
  return tests.find((form) => form !== "*" && subjectIn(name, form) !== null) ?? null;
}

/** The name of what a test is for, or null where it does not look like a test. */
export function testedBy(path: string, language: Language): string | null {
  const form = testForm(path, language) ?? (language.tests.includes("*") ? "*" : null);
  return form && subjectIn(stemOf(path), form);
}

function subjectIn(name: string, form: string): string | null {
  const [before, after] = form.split("*");
  const isMatch = name.length > before.length + after.length && name.startsWith(before) &&
    name.endsWith(after);
  return isMatch ? name.slice(before.length, name.length - after.length) : null;
}

/** The names that tests of a source can have; those of a form first, else of the usual one. */
export function testNames(path: string, language: Language, form: string | null = null): string[] {
  const forms = form === null ? language.tests : [form, ...language.tests];
  const subject = subjectOf(path);
  const names = testEndings(path, language)
    .flatMap((ending) => forms.map((one) => `${one.replace("*", () => subject)}.${ending}`));
  return [...new Set(names)];
}

function testEndings(path: string, { testEnding }: Language): string[] {
  const ending = endingOf(path);
  if (testEnding !== undefined) return [testEnding];
  if (ending === "vue" || ending === "svelte") return ["ts", "js"];
  return /^[tj]sx$/.test(ending) ? [ending, ending.slice(0, 2)] : [ending];
}

/** What a source is called after: a file such as `index.ts` after its folder. */
function subjectOf(path: string): string {
  const stem = stemOf(path);
  const folder = nameOf(folderOf(path));
  return /^(?:index|mod|__init__)$/.test(stem) && folder !== "" ? folder : stem;
}

/** The last name of a path without its ending. */
export function stemOf(path: string): string {
  const name = nameOf(path);
  const dot = name.lastIndexOf(".");
  return dot > 0 ? name.slice(0, dot) : name;
}

/** What follows the last dot, in small letters. */
export function endingOf(path: string): string {
  const name = nameOf(path);
  const dot = name.lastIndexOf(".");
  return dot > 0 ? name.slice(dot + 1).toLowerCase() : "";
}

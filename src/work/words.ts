/**
 * Whether a text of people is about something: by its words, whatever their endings.
 *
 * @module
 */

/** Different words for one thing. */
const SAME: Readonly<Record<string, string>> = {
  documentation: "doc",
  readme: "doc",
  spec: "test",
};

/** Stems that say nothing of what a work is about. */
const COMMON = new Set(
  ("the and for with from into onto over add fix new old write rewrite implement test doc feature " +
    "code work refactor update improve make support file change clean move use create build run " +
    "all some thi that its bug issue task remove session unit project logic system").split(" "),
);

/** The folders that hold areas rather than being one. */
const CONTAINERS = new Set(
  ("src source sources lib libs app apps packages crates modules services cmd internal pkg projects " +
    "workspaces plugins").split(" "),
);

/** Whether a folder holds areas rather than being one. */
export function isContainer(folder: string): boolean {
  return CONTAINERS.has(folder.toLowerCase());
}

/** The words of a text, without endings; of `camelCase`, its parts. */
export function wordsOf(text: string): string[] {
  const apart = text.replace(/([\p{Ll}\p{N}])(\p{Lu})/gu, "$1 $2").toLowerCase();
  return apart.split(/[^\p{L}\p{N}]+/u).filter((word) => word !== "").map(stemOf);
}

/** Whether a text names something, such as "the auth pages" the area `src/auth`. */
export function isAbout(text: string, name: string): boolean {
  const wanted = wordsOf(name.split("/").filter((part) => !isContainer(part)).at(-1) ?? "");
  if (wanted.length === 0) return false;
  const words = wordsOf(text);
  const found = wanted.filter((word) => words.some((other) => isAlike(word, other)));
  return found.length >= wanted.length * 0.6;
}

/** Whether two texts share a word that says what they are about. */
export function haveSubjectInCommon(one: string, other: string): boolean {
  const subjects = subjectsOf(one);
  return subjectsOf(other).some((word) => subjects.some((mine) => isAlike(word, mine)));
}

function subjectsOf(text: string): string[] {
  return wordsOf(text).filter((word) =>
    word.length >= 3 && !COMMON.has(word) && !CONTAINERS.has(word)
  );
}

function stemOf(word: string): string {
  let stem = word;
  if (stem.length >= 4 && stem.endsWith("s") && !stem.endsWith("ss")) stem = stem.slice(0, -1);
  if (stem.length >= 7 && stem.endsWith("ing")) stem = stem.slice(0, -3);
  return Object.hasOwn(SAME, stem) ? SAME[stem] : stem;
}

/** Equal, or one with four letters at least begins the other: "auth" and "authentication". */
function isAlike(one: string, other: string): boolean {
  const [short, long] = one.length <= other.length ? [one, other] : [other, one];
  return short === long || (short.length >= 4 && long.startsWith(short));
}

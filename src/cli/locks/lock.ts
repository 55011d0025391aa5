/**
 * `csc lock`: takes a named lock, extends it, and all that seed 004's script does with locks.
 *
 * @module
 */

import { didYouMean } from "../../domain/did_you_mean.ts";
import type { CommandLine } from "../command.ts";

/** What can be done with a lock, and how many words it takes behind its own. */
interface Verb {
  readonly least: number;
  readonly most: number;
  /** Of the options that not all verbs have. */
  readonly options: readonly string[];
  run(line: CommandLine, words: readonly string[]): Promise<number>;
}

const OPTIONS = ["wait", "purpose", "holder", "reason"];

/** Words of seed 004's script: no lock is called so without saying that it is a resource. */
const VERBS: ReadonlyMap<string, Verb> = new Map<string, Verb>([
  ["acquire", {
    least: 1,
    most: 2,
    options: ["wait", "purpose", "holder"],
    run: async (...args) => (await import("./take.ts")).acquireLock(...args),
  }],
  ["release", {
    least: 1,
    most: 1,
    options: ["holder"],
    run: async (...args) => (await import("./end.ts")).releaseLock(...args),
  }],
  ["check", {
    least: 1,
    most: 1,
    options: ["holder"],
    run: async (...args) => (await import("./look.ts")).checkLock(...args),
  }],
  ["wait", {
    least: 1,
    most: 2,
    options: [],
    run: async (...args) => (await import("./look.ts")).waitForLock(...args),
  }],
  ["list", {
    least: 0,
    most: 1,
    options: ["holder"],
    run: async (...args) => (await import("./look.ts")).listLocks(...args),
  }],
  ["info", {
    least: 1,
    most: 1,
    options: [],
    run: async (...args) => (await import("./look.ts")).lockInfo(...args),
  }],
  ["force-release", {
    least: 1,
    most: 1,
    options: ["holder", "reason"],
    run: async (...args) => (await import("./end.ts")).forceRelease(...args),
  }],
  ["status", {
    least: 0,
    most: 1,
    options: ["holder"],
    run: async (...args) => (await import("./look.ts")).lockStatus(...args),
  }],
]);

/** Runs `csc lock`. */
export async function lock(line: CommandLine): Promise<number> {
  const [word, ...rest] = line.words;
  if (word === undefined) throw line.mistake("a lock's name is missing");
  const verb = VERBS.get(word);
  const words = verb ? rest : line.words;
  if (!verb && rest.length > 0) checkSeconds(line, word, rest[0]);
  const { least, most, options, run } = verb ?? VERBS.get("acquire")!;
  if (words.length < least) throw line.mistake(`'${word}' of which lock? Its name is missing`);
  if (words.length > most) throw line.mistake(`'${words[most]}' is one word too many`);
  const foreign = OPTIONS.find((option) =>
    line.text(option) !== undefined && !options.includes(option)
  );
  if (foreign !== undefined) throw line.mistake(`--${foreign} is not for '${word}'`);
  return await run(line, words);
}

/** Where the first word is neither a verb nor followed by seconds, a verb was meant. */
function checkSeconds(line: CommandLine, word: string, next: string): void {
  const guess = didYouMean(word, [...VERBS.keys()]);
  if (/^-?\d/.test(next) || guess === "") return;
  throw line.mistake(`unknown action '${word}' (${guess})`);
}

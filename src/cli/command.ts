/**
 * What a command of the command line is.
 *
 * @module
 */

import { CoordinatorError } from "../domain/error.ts";
import { didYouMean } from "../domain/did_you_mean.ts";
import { parseArgs } from "../std/parse_args.ts";

/** An option of a command. */
export interface Option {
  readonly name: string;
  /** One letter that means the same: `m` for `-m`. */
  readonly short?: string;
  /** What its value is called in the help; without it the option has none. */
  readonly value?: string;
  readonly help: string;
}

/** A command line, split into its parts. */
export interface CommandLine {
  readonly words: readonly string[];
  /** An option's value; of several the last. */
  readonly text: (option: string) => string | undefined;
  /** All values of an option that was given several times. */
  readonly all: (option: string) => readonly string[];
  readonly has: (option: string) => boolean;
  /** The error for a mistake that the command finds itself. */
  readonly mistake: (fault: string) => CoordinatorError;
}

/** The rights that a command can give up. */
export const PERMISSIONS = ["read", "write", "env", "sys", "run", "net"] as const;

/** One of Deno's permissions. */
export type Permission = typeof PERMISSIONS[number];

/** A command: what the help says of it, and the module that runs it. */
export interface Command {
  readonly name: string;
  readonly summary: string;
  /** Each way to call it, without `csc`. */
  readonly usage: readonly string[];
  /** How many words it takes beside its options, at the most. */
  readonly maxWords: number;
  readonly options: readonly Option[];
  /** A call, without `csc`, and what it does. */
  readonly examples: readonly (readonly [call: string, what: string])[];
  /** The rights that it needs. */
  readonly permissions: readonly Permission[];
  /** Loads what it needs, and only that; answers the exit code. */
  run(line: CommandLine): Promise<number>;
}

/** Chooses the configuration file. */
export const CONFIG_OPTION: Option = {
  name: "config",
  value: "FILE",
  help: "read the configuration from this file",
};

/** Asks for output that programs read. */
export const JSON_OPTION: Option = { name: "json", help: "print JSON, for programs" };

/**
 * Splits a command's arguments.
 *
 * @throws {CoordinatorError} `invalid_argument` for an unknown option or a missing value.
 */
export function parseCommandLine(command: Command, args: string[]): CommandLine {
  const withValue = command.options.filter((option) => option.value).map(({ name }) => name);
  const without = command.options.filter((option) => !option.value).map(({ name }) => name);
  const shorts = command.options.flatMap(({ name, short }) => short ? [[short, name]] : []);
  const parsed = parseArgs(hideDashes(command, args), {
    string: ["_", ...withValue],
    boolean: without,
    collect: withValue,
    alias: Object.fromEntries(shorts),
    unknown: (arg) => {
      if (!arg.startsWith("-") || arg === "-") return true;
      throw unknownOption(command, arg);
    },
  });
  const all = (name: string) => ((parsed[name] ?? []) as string[]).map(shown);
  for (const name of withValue) {
    if (all(name).includes("")) throw usageError(command, `the option --${name} needs a value`);
  }
  const words = parsed._.map((word) => shown(String(word)));
  if (words.length > command.maxWords) {
    throw usageError(command, `'${words[command.maxWords]}' is one word too many`);
  }
  return {
    words,
    text: (name) => all(name).at(-1),
    all,
    has: (name) => parsed[name] === true,
    mistake: (fault) => usageError(command, fault),
  };
}

/**
 * Gives words that begin with a dash and are no options a character in front that no argument has: a
 * negative number, and an option's value, unless it is itself an option.
 */
function hideDashes({ options }: Command, args: readonly string[]): string[] {
  const named = (one: Option) => [`--${one.name}`, ...(one.short ? [`-${one.short}`] : [])];
  const known = new Set(options.flatMap(named));
  const takesValue = new Set(options.filter(({ value }) => value).flatMap(named));
  const end = args.indexOf("--");
  return args.map((arg, i) => {
    if (end >= 0 && i >= end) return arg;
    const isValue = i > 0 && takesValue.has(args[i - 1]) && arg.startsWith("-") && !known.has(arg);
    return isValue || /^-\d/.test(arg) ? `\0${arg}` : arg;
  });
}

function shown(word: string): string {
  return word.replace(/^\0/, "");
}

/** More ways to call a command are not read in an error. */
const MOST_SHOWN = 4;

function usageError(command: Command, fault: string): CoordinatorError {
  return new CoordinatorError(
    "invalid_argument",
    `csc ${command.name}: ${fault}`,
    command.usage.length > MOST_SHOWN
      ? `\`csc ${command.name} --help\` shows each way to call it.`
      : `Usage: ${command.usage.map((usage) => `csc ${usage}`).join(" | ")}`,
  );
}

function unknownOption(command: Command, arg: string): CoordinatorError {
  const names = [...command.options.map(({ name }) => `--${name}`), "--help"];
  const guess = didYouMean(arg.replace(/=.*/, ""), names);
  return usageError(command, `unknown option ${arg}${guess && ` (${guess})`}`);
}

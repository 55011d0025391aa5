/**
 * What a command of the command line is.
 *
 * @module
 */

import { CoordinatorError } from "../domain/error.ts";
import { didYouMean } from "../domain/text.ts";
import { parseArgs } from "../std/parse_args.ts";

/** An option of a command. */
export interface Option {
  readonly name: string;
  /** What its value is called in the help; without it the option has none. */
  readonly value?: string;
  readonly help: string;
}

/** A command line, split into its parts. */
export interface CommandLine {
  readonly words: readonly string[];
  readonly text: (option: string) => string | undefined;
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
  const parsed = parseArgs(args.map(hideNegative), {
    string: ["_", ...withValue],
    boolean: without,
    unknown: (arg) => {
      if (!arg.startsWith("-") || arg === "-") return true;
      throw unknownOption(command, arg);
    },
  });
  for (const name of withValue) {
    if (parsed[name] === "") throw usageError(command, `the option --${name} needs a value`);
  }
  const words = parsed._.map((word) => String(word).replace(/^\0/, ""));
  if (words.length > command.maxWords) {
    throw usageError(command, `'${words[command.maxWords]}' is one word too many`);
  }
  return {
    words,
    text: (name) => parsed[name] as string | undefined,
    has: (name) => parsed[name] === true,
    mistake: (fault) => usageError(command, fault),
  };
}

/** A negative number is a word, no option: with a character that no argument has, it looks like one. */
function hideNegative(arg: string): string {
  return /^-\d/.test(arg) ? `\0${arg}` : arg;
}

function usageError(command: Command, fault: string): CoordinatorError {
  return new CoordinatorError(
    "invalid_argument",
    `csc ${command.name}: ${fault}`,
    `Usage: ${command.usage.map((usage) => `csc ${usage}`).join(" | ")}`,
  );
}

function unknownOption(command: Command, arg: string): CoordinatorError {
  const names = [...command.options.map(({ name }) => `--${name}`), "--help"];
  const guess = didYouMean(arg.replace(/=.*/, ""), names);
  return usageError(command, `unknown option ${arg}${guess && ` (${guess})`}`);
}

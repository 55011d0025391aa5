import { parseArgs as untyped } from "@std/cli/parse-args";

/** What to recognise; see `@std/cli`. */
export interface ParseOptions {
  /** Options without a value. */
  boolean?: string[];
  /** Options with a value. */
  string?: string[];
  /** Options that can be given several times; their values come as a list. */
  collect?: string[];
  /** Short names. */
  alias?: Record<string, string>;
  /** Called for each word that is neither; `false` drops it. */
  unknown?: (arg: string, key?: string, value?: unknown) => unknown;
}

/** The words of a command line: positional ones under `_`, options under their names. */
export type ParsedArgs = { _: (string | number)[] } & Record<string, unknown>;

/** Splits a command line into options and positional words. */
// Through `unknown`: on JSR the function infers its result from the options, which ours are data.
export const parseArgs = untyped as unknown as (
  args: string[],
  options: ParseOptions,
) => ParsedArgs;

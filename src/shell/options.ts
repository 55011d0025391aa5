/**
 * Options of command-line programs, read as getopt and git read them: clusters of letters, values
 * attached or apart, long names with `=` or cut short, `--`.
 *
 * @module
 */

import { type Argument, isHidden } from "./argument.ts";

/** What the options of a command came to. */
export class Options {
  /** Everything that is no option and no option's value. */
  readonly operands: Argument[] = [];
  /** How many operands stood before `--`; null without one. */
  beforeDashes: number | null = null;
  /** Whether every option is known; if not, an operand may be the value of an option. */
  isUnderstood = true;
  readonly #found = new Map<string, Argument[]>();

  /** Whether one of these was given. */
  has(...names: readonly string[]): boolean {
    return names.some((name) => this.#found.has(name));
  }

  /** The values given to these. */
  values(...names: readonly string[]): Argument[] {
    return names.flatMap((name) => this.#found.get(name) ?? []);
  }

  /** Notes an option. */
  add(name: string, value?: Argument): void {
    const values = this.#found.get(name) ?? [];
    if (value) values.push(value);
    this.#found.set(name, values);
  }
}

/** Whether an option takes a value: no, yes (attached or the next word), only if attached. */
type Arity = "" | "=" | "?";

const specs = new Map<string, ReadonlyMap<string, Arity>>();

/**
 * Reads the options of a command.
 *
 * @param args What follows the command's name.
 * @param spec The options there are, parted by spaces, letters and long names alike: `x` has no
 * value, `x=` takes one, `x?` takes one only if it is attached.
 * @param order `"leading"`: options end at the first operand, as with `sudo`.
 */
export function readOptions(
  args: readonly Argument[],
  spec: string,
  order: "anywhere" | "leading" = "anywhere",
): Options {
  const arities = compile(spec);
  const options = new Options();
  for (let at = 0; at < args.length; at++) {
    const arg = args[at];
    const { text } = arg;
    if (text === "--" && arg.kind === "text") {
      options.beforeDashes = options.operands.length;
      for (const rest of args.slice(at + 1)) options.operands.push(rest);
      break;
    }
    if (!text.startsWith("-") || (text === "-" && !isHidden(arg))) {
      if (order === "anywhere") options.operands.push(arg);
      else {
        for (const rest of args.slice(at)) options.operands.push(rest);
        break;
      }
    } else {
      const read = text.startsWith("--") ? readLong : readCluster;
      if (read(arg, args[at + 1], arities, options)) at++;
    }
  }
  return options;
}

/** Reads `--name`, `--name=value`, `--name value`; answers whether it took the next word. */
function readLong(
  arg: Argument,
  next: Argument | undefined,
  arities: ReadonlyMap<string, Arity>,
  options: Options,
): boolean {
  const equals = arg.text.indexOf("=");
  const name = fullName(arg.text.slice(2, equals < 0 ? undefined : equals), arities);
  if (name === null || (equals < 0 && isHidden(arg))) {
    options.isUnderstood = false;
  } else if (equals >= 0) {
    options.add(name, { text: arg.text.slice(equals + 1), kind: arg.kind });
  } else if (arities.get(name) === "=") {
    return takeNext(name, next, options);
  } else {
    options.add(name);
  }
  return false;
}

/** Reads `-a`, `-ab`, `-avalue`, `-a value`; answers whether it took the next word. */
function readCluster(
  arg: Argument,
  next: Argument | undefined,
  arities: ReadonlyMap<string, Arity>,
  options: Options,
): boolean {
  const { text, kind } = arg;
  for (let at = 1; at < text.length; at++) {
    const letter = text[at];
    const arity = arities.get(letter);
    if (arity === undefined) {
      options.isUnderstood = false;
      return false;
    }
    const rest = text.slice(at + 1);
    if (arity === "") options.add(letter);
    else if (rest === "" && !isHidden(arg)) {
      if (arity === "=") return takeNext(letter, next, options);
      options.add(letter);
    } else {
      options.add(letter, { text: rest, kind });
      return false;
    }
  }
  if (isHidden(arg)) options.isUnderstood = false;
  return false;
}

function takeNext(name: string, next: Argument | undefined, options: Options): boolean {
  if (next) options.add(name, next);
  else options.isUnderstood = false;
  return next !== undefined;
}

/** The option that a long name, which may be cut short, stands for. */
function fullName(given: string, arities: ReadonlyMap<string, Arity>): string | null {
  if (given.length > 1 && arities.has(given)) return given;
  const fitting = [...arities.keys()].filter((name) => name.length > 1 && name.startsWith(given));
  if (given.length > 1 && fitting.length === 1) return fitting[0];
  return given.startsWith("no-") ? given : null; // what it takes back is without value
}

function compile(spec: string): ReadonlyMap<string, Arity> {
  let arities = specs.get(spec);
  if (!arities) {
    arities = new Map(
      spec.split(" ").filter(Boolean).map((word) => {
        const arity = word.endsWith("=") ? "=" : word.endsWith("?") ? "?" : "";
        return [arity ? word.slice(0, -1) : word, arity];
      }),
    );
    specs.set(spec, arities);
  }
  return arities;
}

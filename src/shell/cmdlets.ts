/**
 * The cmdlets of PowerShell that write files, and their parameters.
 *
 * @module
 */

import { type Argument, known, lastName, readPattern } from "./argument.ts";
import type { Site } from "./effects.ts";
import { transfer } from "./transfer.ts";

/** An argument of a cmdlet. */
export interface Item {
  readonly argument: Argument;
  /** Whether it may be a parameter's name. */
  readonly isBare: boolean;
  /** Whether a comma joins it to the one before. */
  readonly isJoined: boolean;
}

/** How a cmdlet is called, and what it does. */
interface Cmdlet {
  readonly name: string;
  /** Parameters with a value; those that may be given by position come first, in their order. */
  readonly values: readonly string[];
  /** How many of `values` may be given by position. */
  readonly positions: number;
  /** Parameters without a value. */
  readonly switches: readonly string[];
  run(site: Site, given: Given, name: string): void;
}

/** What a cmdlet was given, by the names of its parameters. */
type Given = ReadonlyMap<string, readonly Argument[]>;

const COMMON_SWITCHES = ["confirm", "debug", "verbose", "whatif"];
const COMMON_VALUES =
  "erroraction ea errorvariable ev informationaction infa outbuffer outvariable ov pipelinevariable progressaction warningaction wa warningvariable"
    .split(" ");

function cmdlet(
  name: string,
  positional: string,
  values: string,
  switches: string,
  run: Cmdlet["run"],
): Cmdlet {
  const first = positional.split(" ");
  return {
    name,
    values: [...first, ...values.split(" "), ...COMMON_VALUES],
    positions: first.length,
    switches: [...switches.split(" "), ...COMMON_SWITCHES],
    run,
  };
}

const CHOICE = "credential exclude filter include literalpath pspath lp";

/** The files that `-Path`, which takes patterns, or `-LiteralPath` name; null where they are chosen by more than that. */
function pathsOf(given: Given): Argument[] | null {
  if (["filter", "include", "exclude"].some((name) => given.has(name))) return null;
  const literal = ["literalpath", "pspath", "lp"].flatMap((name) => given.get(name) ?? []);
  const paths = [...given.get("path") ?? [], ...given.get("filepath") ?? []].map(readPattern);
  return [...literal, ...paths];
}

const writesPaths: Cmdlet["run"] = (site, given, name) => {
  const paths = pathsOf(given);
  if (!paths) return site.unknown();
  const below = given.has("recurse") ? { below: true as const } : {};
  for (const path of paths) site.write(path, name, below);
};

/** `Copy-Item`, `Move-Item`. */
const brings: Cmdlet["run"] = (site, given, name) => {
  const sources = pathsOf(given);
  if (!sources) return site.unknown();
  if (given.has("recurse")) site.unknown(); // what is in a folder that is copied is not known
  const target = given.get("destination")?.[0] ?? { text: "", kind: "one" };
  transfer(site, { by: name, sources, target, targetIs: "either", isMove: name === "Move-Item" });
};

const renames: Cmdlet["run"] = (site, given, name) => {
  const [path] = pathsOf(given) ?? [];
  const target = given.get("newname")?.[0];
  if (path?.kind !== "text") return site.unknown();
  site.write(path, name, { below: true });
  if (target?.kind !== "text") return site.unknown();
  const folder = path.text.slice(0, path.text.length - lastName(path.text).length);
  site.write(known(folder + target.text), name);
};

/** `New-Item`, which replaces a file with `-Force` only. */
const creates: Cmdlet["run"] = (site, given, name) => {
  const type = given.get("itemtype")?.[0] ?? given.get("type")?.[0];
  if (!given.has("force") || (type && !/^file$/i.test(type.text))) return;
  const file = given.get("name")?.[0];
  for (const path of given.get("path") ?? (file ? [known("")] : [])) {
    const isKnown = path.kind === "text" && (!file || file.kind === "text");
    if (!isKnown) site.unknown();
    else site.write(known([path.text, file?.text ?? ""].filter(Boolean).join("/")), name);
  }
};

const CONTENT = `${CHOICE} encoding stream`;
const CONTENT_SWITCHES = "asbytestream force nonewline passthru";

/** Made when they are first asked for: a bash command needs none of them, and has to be quick. */
const listCmdlets = (): readonly (readonly [cmdlet: Cmdlet, ...aliases: string[]])[] => [
  [cmdlet("Set-Content", "path value", CONTENT, CONTENT_SWITCHES, writesPaths), "sc"],
  [cmdlet("Add-Content", "path value", CONTENT, CONTENT_SWITCHES, writesPaths), "ac"],
  [cmdlet("Clear-Content", "path", CONTENT, "force", writesPaths), "clc"],
  [
    cmdlet(
      "Out-File",
      "filepath encoding",
      "inputobject literalpath pspath lp width",
      "append force noclobber nonewline",
      (site, given, name) => {
        if (!given.has("noclobber")) writesPaths(site, given, name);
      },
    ),
  ],
  [
    cmdlet(
      "Tee-Object",
      "filepath",
      "encoding inputobject literalpath pspath lp variable",
      "append",
      writesPaths,
    ),
    "tee",
  ],
  [
    cmdlet("Remove-Item", "path", `${CHOICE} stream`, "force recurse", writesPaths),
    ...["rm", "ri", "del", "erase", "rd", "rmdir"],
  ],
  [
    cmdlet("Move-Item", "path destination", CHOICE, "force passthru", brings),
    ...["mv", "mi", "move"],
  ],
  [
    cmdlet(
      "Copy-Item",
      "path destination",
      `${CHOICE} fromsession tosession`,
      "container force passthru recurse",
      brings,
    ),
    ...["cp", "cpi", "copy"],
  ],
  [
    cmdlet(
      "Rename-Item",
      "path newname",
      "credential literalpath pspath lp",
      "force passthru",
      renames,
    ),
    ...["rni", "ren"],
  ],
  [
    cmdlet("New-Item", "path", "credential itemtype name target type value", "force", creates),
    "ni",
  ],
];

let byName: ReadonlyMap<string, Cmdlet> | null = null;

function findCmdlet(name: string): Cmdlet | undefined {
  byName ??= new Map(
    listCmdlets().flatMap(([one, ...aliases]) =>
      [one.name.toLowerCase(), ...aliases].map((alias) => [alias, one] as const)
    ),
  );
  return byName.get(name);
}

/** Tells what a cmdlet writes; answers whether it is one that is known here. */
export function runCmdlet(site: Site, name: string, items: readonly Item[]): boolean {
  const found = findCmdlet(name);
  if (!found) return false;
  const given = bind(found, items);
  if (!given || isPossible(given, "confirm")) site.unknown();
  else if (!isPossible(given, "whatif")) found.run(site, given, found.name);
  return true;
}

/** Whether a switch is on, or may be. */
function isPossible(given: Given, name: string): boolean {
  const [value] = given.get(name) ?? [];
  return given.has(name) && !/^\$?false$/i.test(value?.text ?? "");
}

/** Gives each argument to its parameter; null where one is not known. */
function bind(to: Cmdlet, items: readonly Item[]): Given | null {
  const given = new Map<string, Argument[]>();
  const take = (name: string, argument: Argument) => {
    const values = given.get(name);
    if (values) values.push(argument);
    else given.set(name, [argument]);
  };
  let waiting: string | null = null;
  let last: string | null = null;
  for (const { argument, isBare, isJoined } of items) {
    const parameter = isBare && !isJoined ? /^-([A-Za-z]+)(:?)/.exec(argument.text) : null;
    if (!parameter) {
      const position = to.values.slice(0, to.positions).find((name) => !given.has(name));
      const name: string | null = isJoined ? last : waiting ?? position ?? null;
      if (name === null) return null;
      take(name, argument);
      [last, waiting] = [name, null];
      continue;
    }
    if (waiting !== null) return null;
    const name = parameterName(to, parameter[1].toLowerCase());
    if (name === null) return null;
    const rest: Argument = {
      text: argument.text.slice(parameter[0].length),
      kind: argument.kind,
    };
    if (parameter[2] !== "" && (rest.text !== "" || rest.kind !== "text")) take(name, rest);
    else if (to.values.includes(name)) waiting = name;
    else given.set(name, []);
    last = name;
  }
  return waiting === null ? given : null;
}

/** The parameter that a name, which may be cut short, stands for. */
function parameterName(of: Cmdlet, given: string): string | null {
  const names = [...of.values, ...of.switches];
  if (names.includes(given)) return given;
  const fitting = names.filter((name) => name.startsWith(given));
  return fitting.length === 1 ? fitting[0] : null;
}

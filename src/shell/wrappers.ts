/**
 * Commands that run another command, which is what counts.
 *
 * @module
 */

import { type Argument, isHidden, lastName } from "./argument.ts";
import { enter } from "./effects.ts";
import { readOptions } from "./options.ts";
import { isRooted } from "./place.ts";

/** A command without what it was wrapped in. */
export interface Unwrapped {
  /** The program's name without its folder, `""` of a program that is no system's. */
  readonly name: string;
  readonly args: readonly Argument[];
  /** Where it runs; null where only the shell knows. */
  readonly folder: string | null;
  /** Variables set for it alone. */
  readonly variables: ReadonlyMap<string, Argument>;
  /** Whether it runs in the shell itself, where `cd` lasts. */
  readonly isInShell: boolean;
}

/** How a wrapper is called. */
interface Wrapper {
  readonly options: string;
  /** Options with which it runs nothing. */
  readonly tells?: readonly string[];
  /** Options with which what it runs, or where, is not told by its operands. */
  readonly hides?: readonly string[];
  /** Options that name the folder to run in. */
  readonly folder?: readonly string[];
  /** How many operands come before the command. */
  readonly operands?: number;
  /** Whether `NAME=value` may come before the command. */
  readonly setsVariables?: boolean;
  /** Whether the command runs in the shell itself. */
  readonly isInShell?: boolean;
}

const SUDO: Wrapper = {
  options:
    "A B b C= D= E e g= H h= i K k l n P p= R= r= S s T= t= U= u= V v askpass background bell chdir= chroot= close-from= command-timeout= edit group= host= list login non-interactive other-user= preserve-env? preserve-groups prompt= remove-timestamp reset-timestamp role= set-home shell stdin type= user= validate version",
  tells: ["l", "v", "V", "K", "list", "validate", "version"],
  hides: ["e", "i", "R", "chroot", "edit", "login"],
  folder: ["D", "chdir"],
  setsVariables: true,
};

const WRAPPERS: Readonly<Record<string, Wrapper>> = {
  sudo: SUDO,
  doas: { options: "a= C= L n s u=", tells: ["C", "L"] },
  env: {
    options:
      "0 a= C= i S= u= v argv0= block-signal? chdir= debug default-signal? ignore-environment ignore-signal? list-signal-handling null split-string= unset=",
    hides: ["S", "split-string"],
    folder: ["C", "chdir"],
    setsVariables: true,
  },
  command: { options: "p V v", tells: ["v", "V"], isInShell: true },
  builtin: { options: "", isInShell: true },
  exec: { options: "a= c l" },
  nohup: { options: "" },
  nice: { options: "n= adjustment=" },
  ionice: { options: "c= n= P= p= t u= class= classdata= ignore pid=", tells: ["p", "P", "u"] },
  chrt: { options: "a b d f i m o r v T= P= D= R", operands: 1, tells: ["m"] },
  taskset: { options: "a c", operands: 1 },
  setsid: { options: "c f w ctty fork wait" },
  stdbuf: { options: "e= i= o= error= input= output=" },
  unbuffer: { options: "p" },
  chronic: { options: "e v" },
  caffeinate: { options: "d i m s u t= w=" },
  time: { options: "a f= o= p q v V append format= output= portability quiet verbose version" },
  timeout: {
    options: "f k= p s= v foreground kill-after= preserve-status signal= verbose",
    operands: 1,
  },
  busybox: { options: "", tells: ["list"] },
};

/** Each one is read with all that follows it. */
const MOST_WRAPPERS = 16;

/**
 * Takes the wrappers off a command.
 *
 * @param words The command's words, its name first.
 * @returns null where there is nothing to run, `"unknown"` where it was not understood.
 */
export function unwrap(
  words: readonly Argument[],
  folder: string | null,
): Unwrapped | null | "unknown" {
  const variables = new Map<string, Argument>();
  let rest = words;
  let place = folder;
  let isInShell = true;
  for (let depth = 0; depth < MOST_WRAPPERS; depth++) {
    const [first] = rest;
    if (!first) return null;
    if (isHidden(first)) return "unknown";
    const name = programName(first.text);
    const wrapper = Object.hasOwn(WRAPPERS, name) ? WRAPPERS[name] : null;
    if (!wrapper) return { name, args: rest.slice(1), folder: place, variables, isInShell };
    isInShell = isInShell && wrapper.isInShell === true;
    const options = readOptions(rest.slice(1), wrapper.options, "leading");
    if (options.has(...wrapper.tells ?? [])) return null;
    if (options.has(...wrapper.hides ?? [])) return "unknown";
    if (!options.isUnderstood && !isNiceness(name, rest[1])) return "unknown";
    for (const target of options.values(...wrapper.folder ?? [])) place = enter(place, target);
    rest = options.isUnderstood ? options.operands : rest.slice(2);
    if (wrapper.setsVariables) rest = takeVariables(rest, variables);
    rest = rest.slice(wrapper.operands ?? 0);
  }
  return "unknown";
}

/** `nice -5` of old, whose option is the number. */
function isNiceness(name: string, arg: Argument | undefined): boolean {
  return name === "nice" && arg !== undefined && /^-+\d+$/.test(arg.text);
}

/** The name of a program of the system; one of the project (`./install`) is nobody's to know. */
function programName(word: string): string {
  if (!/[/\\]/.test(word)) return word.replace(/\.exe$/i, "");
  return isRooted(word) ? lastName(word).replace(/\.exe$/i, "") : "";
}

function takeVariables(
  words: readonly Argument[],
  variables: Map<string, Argument>,
): readonly Argument[] {
  let at = 0;
  for (; at < words.length; at++) {
    const { text, kind } = words[at];
    const equals = text.indexOf("=");
    if (equals < 1) break;
    variables.set(text.slice(0, equals), { text: text.slice(equals + 1), kind });
  }
  return words.slice(at);
}

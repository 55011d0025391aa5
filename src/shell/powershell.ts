/**
 * Follows a PowerShell command to its simple commands, and through `cd` from folder to folder.
 *
 * @module
 */

import type { Analysis } from "./analysis.ts";
import type { Argument } from "./argument.ts";
import { type Item, runCmdlet } from "./cmdlets.ts";
import { splitPowershell, type Token } from "./powershell_words.ts";
import { Shell } from "./shell.ts";
import { joinWords, runUnwrapped } from "./simple_command.ts";
import { unwrap } from "./wrappers.ts";

/** Reads a PowerShell text. Where it is broken nothing of it is run. */
export function readPowershell(analysis: Analysis, text: string, folder: string | null): void {
  const tokens = splitPowershell(text);
  if (!tokens) return analysis.unknown();
  new PowershellReader(analysis, folder).read(tokens);
}

/** Keywords whose blocks are run where they stand. */
const FLOW = new Set(
  "begin catch do else elseif end finally for foreach if process switch try until while".split(" "),
);

/** Commands that run the blocks that they are given. */
const BLOCK_RUNNERS = new Set(["%", "?", "foreach-object", "measure-command", "where-object"]);

/** Commands that run something else than their text tells. */
const HIDING = new Set(
  (". cmd icm ii invoke-command invoke-item saps sajb start start-job start-process start-threadjob")
    .split(" "),
);

/** What a bracket interrupts. */
interface Frame {
  /** The words of the command that it stands in. */
  readonly items: Item[];
  readonly isCall: boolean;
  /** Whether the commands within are run. */
  readonly runs: boolean;
  /** Where the shell was. */
  readonly folder: string | null;
  /** Whether the command ends with the bracket, as with `if`. */
  readonly endsCommand: boolean;
}

class PowershellReader {
  readonly #analysis: Analysis;
  readonly #shell: Shell;
  readonly #frames: Frame[] = [];
  #items: Item[] = [];
  /** Whether `&` stands before the command, so that a text in quotes may be its name. */
  #isCall = false;
  #isJoined = false;

  constructor(analysis: Analysis, folder: string | null) {
    this.#analysis = analysis;
    this.#shell = new Shell(folder);
  }

  read(tokens: readonly Token[]): void {
    for (let at = 0; at < tokens.length; at++) {
      const token = tokens[at];
      if (token.type === "word") this.#add(token.argument, token.isBare);
      else if (token.type === "mark") this.#mark(token.text);
      else {
        const target = tokens[at + 1];
        if (target?.type === "word") at++;
        this.#redirect(token.text, target?.type === "word" ? target.argument : null);
      }
    }
    this.#finish();
  }

  get #runs(): boolean {
    return this.#frames.at(-1)?.runs ?? true;
  }

  #add(argument: Argument, isBare: boolean): void {
    this.#items.push({ argument, isBare, isJoined: this.#isJoined });
    this.#isJoined = false;
  }

  #redirect(operator: string, target: Argument | null): void {
    if (!this.#runs) return;
    if (!target) return this.#analysis.unknown();
    this.#analysis.site(this.#shell.folder).write(target, operator);
  }

  #mark(mark: string): void {
    if (mark === ",") this.#isJoined = true;
    else if (mark === "(" || mark === "{" || mark === "@{") this.#open(mark);
    else if (mark === ")" || mark === "}") this.#close();
    else if (mark === "&" && this.#command().length === 0) this.#isCall = true;
    else this.#finish();
  }

  #open(mark: string): void {
    const head = this.#command()[0]?.argument.text.toLowerCase() ?? "";
    const isFlow = FLOW.has(head);
    const isCalled = this.#isCall && this.#command().length === 0;
    const isRun = mark === "(" || (mark === "{" && (isFlow || isCalled || BLOCK_RUNNERS.has(head)));
    if (mark === "{" && !isRun && this.#runs) this.#analysis.unknown();
    this.#frames.push({
      items: this.#items,
      isCall: this.#isCall,
      runs: this.#runs && isRun,
      folder: this.#shell.folder,
      endsCommand: mark === "{" && isFlow,
    });
    this.#items = [];
    this.#isCall = false;
  }

  #close(): void {
    this.#finish();
    const frame = this.#frames.pop();
    if (!frame) return;
    // whether a block was run, and how often, is not known
    if (frame.folder !== this.#shell.folder) this.#shell.folder = null;
    this.#items = frame.endsCommand ? [] : frame.items;
    this.#isCall = frame.isCall && !frame.endsCommand;
    if (!frame.endsCommand) this.#add({ text: "", kind: "many" }, false);
  }

  /** The words of the command, without what its outcome is assigned to. */
  #command(): readonly Item[] {
    const items = this.#items;
    const [first, second] = items;
    const isVariable = first && (!first.isBare || first.argument.text.startsWith("["));
    const assigns = isVariable && /^[-+*/%?]{0,2}=$/.test(second?.argument.text ?? "");
    const rest = assigns ? items.slice(2) : items;
    return rest[0]?.argument.text.toLowerCase() === "return" ? rest.slice(1) : rest;
  }

  #finish(): void {
    const items = this.#command();
    const isCall = this.#isCall;
    this.#items = [];
    this.#isCall = false;
    this.#isJoined = false;
    if (items.length > 0 && this.#runs) this.#run(items, isCall);
  }

  #run(items: readonly Item[], isCall: boolean): void {
    const [{ argument: { text, kind }, isBare }, ...rest] = items;
    if (!isBare && !isCall) return; // an expression
    if (kind !== "text" || text.startsWith("[")) return this.#analysis.unknown();
    const name = text.toLowerCase().replace(/^microsoft\.powershell\.\w+\\/, "");
    const words = rest.map(({ argument }) => argument);
    if (this.#moves(name, words)) return;
    if (HIDING.has(name)) return this.#analysis.unknown();
    if (name === "iex" || name === "invoke-expression") return this.#expression(words);
    const site = this.#analysis.site(this.#shell.folder);
    if (!isUnixStyle(name, words) && runCmdlet(site, name, rest)) return;
    const command = unwrap([{ text: name, kind: "text" }, ...words], this.#shell.folder);
    if (command === "unknown") this.#analysis.unknown();
    else if (command) runUnwrapped(this.#analysis, command, command.variables);
  }

  #expression(words: readonly Argument[]): void {
    const text = joinWords(words)?.text;
    if (text === undefined) this.#analysis.unknown();
    else this.#analysis.read("powershell", text, this.#shell.folder);
  }

  /** Follows `Set-Location` and its like; answers whether it was one. */
  #moves(name: string, words: readonly Argument[]): boolean {
    const target = words.find(({ text, kind }) => kind !== "text" || !/^-[A-Za-z]/.test(text));
    switch (name) {
      case "set-location":
      case "sl":
      case "cd":
      case "chdir":
        if (target) this.#shell.cd(target);
        return true;
      case "push-location":
      case "pushd":
        this.#shell.pushd(target ?? { text: ".", kind: "text" });
        return true;
      case "pop-location":
      case "popd":
        this.#shell.popd();
        return true;
      default:
        return false;
    }
  }
}

/** `rm -rf x`, which outside Windows is the program `rm` and not the alias of a cmdlet. */
function isUnixStyle(name: string, words: readonly Argument[]): boolean {
  if (!/^(cp|mv|rm|tee)$/.test(name)) return false;
  const flags = words.filter(({ text }) => /^-./.test(text));
  return flags.length > 0 && flags.every(({ text }) => /^(-[A-Za-z]{1,2}|--.*)$/.test(text));
}

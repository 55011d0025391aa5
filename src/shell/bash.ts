/**
 * Follows a bash command through its lists, pipelines, subshells and loops to the simple commands,
 * and through `cd` from folder to folder. `unbash` reads the grammar, since splitters into words
 * (shell-quote, shlex) lose newlines, comments, here-documents and the 2 of `2>`.
 *
 * @module
 */

import { forEachChild, parse } from "unbash";
import type {
  AndOr,
  Command,
  CompoundList,
  HereDocBody,
  If,
  Pipeline,
  Redirection,
  Statement,
  SyntaxNode,
  Word,
} from "unbash";
import type { Analysis } from "./analysis.ts";
import type { Argument } from "./argument.ts";
import { readWord } from "./bash_words.ts";
import { Shell } from "./shell.ts";
import { joinWords, runUnwrapped } from "./simple_command.ts";
import { unwrap } from "./wrappers.ts";

type Body = Extract<SyntaxNode, { type: "Function" }>["body"];

/** The parser takes a time of n² over the here-documents that begin on one line. */
const MOST_HEREDOCS_A_LINE = 500;

/** Reads a bash text. */
export function readBash(analysis: Analysis, text: string, folder: string | null): void {
  new BashReader(analysis).readText(text, new Shell(folder));
}

class BashReader {
  readonly #analysis: Analysis;
  readonly #functions = new Map<string, Body>();
  readonly #running = new Set<Body>();

  constructor(analysis: Analysis) {
    this.#analysis = analysis;
  }

  /** A shell reads line by line: it runs the lines before the one that it cannot read. */
  readText(text: string, shell: Shell): void {
    if (startsTooManyHereDocs(text)) return this.#analysis.unknown();
    const { commands, errors } = parse(text);
    if (!errors?.length) return this.#statements(commands, shell);
    this.#analysis.unknown();
    const error = errors.reduce((first, { pos }) => Math.min(first, pos), Infinity);
    const line = text.lastIndexOf("\n", error - 1);
    // a statement that was left open has no end
    const open = commands.findIndex(({ pos, end }) => end > line || end <= pos);
    this.#statements(open < 0 ? commands : commands.slice(0, open), shell);
  }

  #statements(statements: readonly Statement[], shell: Shell): void {
    for (const { command, background } of statements) {
      this.#node(command, background ? shell.fork() : shell);
      if (leaves(command)) return;
    }
  }

  #node(node: SyntaxNode, shell: Shell): void {
    switch (node.type) {
      case "Command":
        return this.#command(node, shell);
      case "CompoundList":
        return this.#statements(node.commands, shell);
      case "AndOr":
        return this.#andOr(node, shell);
      case "Pipeline":
        return this.#pipeline(node, shell);
      case "Redirected":
        this.#redirections(node.redirects, shell);
        return this.#node(node.command, shell);
      case "BraceGroup":
        return this.#node(node.body, shell);
      case "Subshell":
      case "Coproc":
        return this.#node(node.body, shell.fork());
      case "If":
        return this.#if(node, shell);
      case "While":
        this.#node(node.clause, shell);
        return this.#branches([node.body], shell);
      case "For":
      case "Select":
        for (const word of node.wordlist ?? []) this.#substitutions(word, shell);
        return this.#branches([node.body], shell);
      case "ArithmeticFor":
        return this.#branches([node.body], shell);
      case "Case":
        this.#substitutions(node.word, shell);
        return this.#branches(node.items.map(({ body }) => body), shell);
      case "Function":
        this.#functions.set(node.name.value, node.body);
        return;
      default: // tests and arithmetic, which do nothing but by their substitutions
        return this.#substitutions(node, shell);
    }
  }

  /** Bodies of which one, or none, is run. */
  #branches(bodies: readonly CompoundList[], shell: Shell): void {
    const start = shell.fork();
    for (const body of bodies) {
      const branch = start.fork();
      this.#node(body, branch);
      if (!leavesAtEnd(body)) shell.join(branch);
    }
  }

  #if(node: If, shell: Shell): void {
    this.#node(node.clause, shell);
    for (const { clause } of node.elif) this.#node(clause, shell);
    const bodies = [node.then, ...node.elif.map(({ then }) => then)];
    this.#branches(node.else ? [...bodies, node.else] : bodies, shell);
  }

  #andOr({ commands, operators }: AndOr, shell: Shell): void {
    let failed: Shell | null = null; // where the shell may be if what came before has failed
    commands.forEach((command, at) => {
      const isElse = operators[at - 1] === "||";
      const here: Shell = isElse && failed ? failed : shell;
      const before = here.fork();
      this.#node(command, here);
      const after = isChangeOfFolder(command) ? before : here.fork();
      if (isElse && !leaves(command)) shell.join(here);
      if (isElse || !failed) failed = after;
      else failed.join(after);
    });
  }

  #pipeline({ commands }: Pipeline, shell: Shell): void {
    for (const command of commands) this.#node(command, commands.length > 1 ? shell.fork() : shell);
  }

  #command(command: Command, shell: Shell): void {
    const variables = new Map<string, Argument>();
    for (const part of command.prefix) {
      if (part.type !== "Assignment") continue;
      this.#substitutions(part, shell);
      const values = part.value.type === "Word" ? readWord(part.value) : [];
      if (values.length === 1) variables.set(part.name, values[0]);
    }
    this.#redirections(command.redirects, shell);
    if (!command.name) return;
    const words: Argument[] = [];
    for (const node of [command.name, ...command.args]) {
      this.#substitutions(node, shell);
      if (node.type === "Assignment") words.push({ text: node.text, kind: "one" });
      else for (const word of readWord(node)) words.push(word);
    }
    this.#run(words, variables, shell);
  }

  #run(words: readonly Argument[], variables: Map<string, Argument>, shell: Shell): void {
    const body = words[0]?.kind === "text" ? this.#functions.get(words[0].text) : undefined;
    if (body) return this.#call(body, shell);
    const command = unwrap(words, shell.folder);
    if (command === "unknown") return this.#analysis.unknown();
    if (!command) return;
    for (const [name, value] of command.variables) variables.set(name, value);
    if (command.isInShell && this.#builtin(command.name, command.args, shell)) return;
    runUnwrapped(this.#analysis, command, variables);
  }

  #call(body: Body, shell: Shell): void {
    if (this.#running.has(body)) return;
    this.#running.add(body);
    this.#analysis.within(body.end - body.pos, () => this.#node(body, shell));
    this.#running.delete(body);
  }

  /** Runs what changes the shell itself; answers whether it was such a command. */
  #builtin(name: string, args: readonly Argument[], shell: Shell): boolean {
    switch (name) {
      case "cd":
      case "chdir":
        shell.cd(args.find(({ text }) => !/^-[LPe@]+$|^--$/.test(text)));
        break;
      case "pushd":
        if (args.length === 1 && !/^[-+]/.test(args[0].text)) shell.pushd(args[0]);
        else shell.folder = null;
        break;
      case "popd":
        if (args.length === 0) shell.popd();
        else shell.folder = null;
        break;
      case "eval": {
        const text = joinWords(args)?.text;
        if (text === undefined) this.#analysis.unknown();
        else this.#analysis.within(text.length, () => this.readText(text, shell));
        break;
      }
      case "source":
      case ".":
      case "trap":
      case "alias":
        this.#analysis.unknown();
        break;
      default:
        return false;
    }
    return true;
  }

  #redirections(redirections: readonly Redirection[], shell: Shell): void {
    for (const one of redirections) {
      if (one.type === "HereDoc") this.#substitutions(one.body, shell);
      else if (one.target) {
        this.#substitutions(one.target, shell);
        if (one.type === "Redirect") this.#redirect(one, one.target, shell);
      }
    }
  }

  #redirect(
    { operator, descriptor }: Extract<Redirection, { type: "Redirect" }>,
    target: Word,
    shell: Shell,
  ): void {
    if (operator === "<" || operator === "<&" || operator === "<>") return;
    if (operator === ">&" && /^(\d+-?|-)$/.test(target.value)) return;
    if (target.parts?.some(({ type }) => type === "ProcessSubstitution")) return;
    const [path, ...more] = readWord(target);
    if (path.kind !== "text" || more.length > 0) return this.#analysis.unknown();
    const number = descriptor?.type === "FileDescriptor" ? descriptor.value : "";
    this.#analysis.site(shell.folder).write(path, `${number}${operator}`);
  }

  /** Follows the commands within a word, which a shell runs to learn what the word is. */
  #substitutions(node: SyntaxNode, shell: Shell): void {
    if (isPlain(node)) return;
    forEachChild(node, (child) => {
      if (child.type !== "Script") return this.#substitutions(child, shell);
      if ("errors" in child && child.errors?.length) return this.#analysis.unknown();
      const chars = child.end - child.pos;
      this.#analysis.within(chars, () => this.#statements(child.commands, shell.fork()));
    });
  }
}

/** Whether nothing can be substituted in a word or a here-document. */
function isPlain(node: SyntaxNode | HereDocBody): boolean {
  if (node.type !== "Word" && node.type !== "HereDocBody" && node.type !== "Assignment") {
    return false;
  }
  return !/[$`(]/.test(node.text);
}

/** Whether nothing of the list that a command is in runs after it. */
function leaves(node: SyntaxNode): boolean {
  if (node.type === "BraceGroup") return leavesAtEnd(node.body);
  if (node.type !== "Command" || !node.name) return false;
  return ["exit", "return", "break", "continue"].includes(node.name.value);
}

function leavesAtEnd({ commands }: CompoundList): boolean {
  const last = commands.at(-1);
  return last !== undefined && leaves(last.command);
}

function isChangeOfFolder(node: SyntaxNode): boolean {
  return node.type === "Command" && /^(cd|pushd|popd)$/.test(node.name?.value ?? "");
}

function startsTooManyHereDocs(text: string): boolean {
  let count = 0;
  let line = text.indexOf("\n");
  for (let at = text.indexOf("<<"); at >= 0; at = text.indexOf("<<", at + 2)) {
    if (line >= 0 && line < at) {
      count = 0;
      line = text.indexOf("\n", at);
    }
    if (++count > MOST_HEREDOCS_A_LINE) return true;
  }
  return false;
}

/**
 * `csc history`: what the sessions of this machine did.
 *
 * @module
 */

import type { Coordination } from "../../coordination/coordination.ts";
import { projectFolder } from "../../coordinator/workspace.ts";
import { CoordinatorError } from "../../domain/error.ts";
import { isObject, type Json } from "../../domain/json.ts";
import { shorten } from "../../domain/text.ts";
import type { Target } from "../../guard/place.ts";
import type { JournalEvent } from "../../journal/journal.ts";
import { bold, green, red } from "../../std/colors.ts";
import { inProject } from "../acting.ts";
import type { CommandLine } from "../command.ts";
import { endOf } from "../locks/locks.ts";
import { filesNamed } from "../named_file.ts";
import { print, printJson } from "../output.ts";
import { table } from "../table.ts";
import { localTime, parseSpan } from "../time.ts";

const USUAL_SPAN = "24h";

/** Runs `csc history`. */
export async function history(line: CommandLine): Promise<number> {
  const [word] = line.words;
  const files = word === undefined ? null : filesNamed(line, word);
  const span = line.text("last") ?? USUAL_SPAN;
  const spanS = parseSpan(span);
  if (spanS === null || spanS === 0) {
    throw line.mistake(`--last takes a time such as 30m, 24h or 7d, not '${shorten(span, 20)}'`);
  }
  return await inProject(line, async ({ desk }) => {
    const all = desk.journal.readSince(Date.now() - spanS * 1000);
    const names = await Names.of(desk, all);
    const wanted = line.text("session");
    const only = wanted === undefined ? null : names.sessionOf(wanted);
    const events = all.filter((event) =>
      (only === null || event.session === only) && (files === null || isAbout(event, files))
    );
    if (line.has("json")) printJson(events.map((event) => forPrograms(event, names)));
    else forPeople(events, names, span);
    return 0;
  }, files?.[0].repository?.worktree ?? projectFolder());
}

function isAbout({ tree, path }: JournalEvent, files: readonly Target[]): boolean {
  return files.some((file) => file.tree === tree && file.path === path);
}

/** What sessions are called, those that ended long ago included. */
class Names {
  readonly #aliases: ReadonlyMap<string, string>;

  private constructor(aliases: ReadonlyMap<string, string>) {
    this.#aliases = aliases;
  }

  static async of(desk: Coordination, events: readonly JournalEvent[]): Promise<Names> {
    const known = (await desk.roster.list()).map(({ record }) =>
      [record.session, record.alias] as const
    );
    const aliases = new Map(known);
    for (const session of new Set(events.map((event) => event.session))) {
      if (aliases.has(session)) continue;
      const start = desk.journal.read(session).findLast(({ event }) => event === "start");
      const alias = isObject(start?.detail) ? start.detail.alias : null;
      if (typeof alias === "string") aliases.set(session, alias);
    }
    return new Names(aliases);
  }

  aliasOf(session: string): string {
    return shorten(this.#aliases.get(session) ?? session, 20);
  }

  /** The name of the holder that a text is the key of, or null where it is none. */
  holderIn(text: string): string | null {
    const [session, agent] = text.split("/");
    const alias = this.#aliases.get(session);
    if (alias === undefined) return null;
    return shorten(alias, 20) + (agent === undefined ? "" : `/${agent.slice(0, 8)}`);
  }

  /** The session that an alias, an id or its start means; aliases of ended sessions come again. */
  sessionOf(word: string): string {
    const all = [...this.#aliases];
    const found = all.find(([session]) => session === word) ??
      all.find(([, alias]) => alias.toLowerCase() === word.toLowerCase()) ??
      all.find(([session]) => word.length >= 4 && session.startsWith(word));
    if (found) return found[0];
    throw new CoordinatorError(
      "not_found",
      `No session '${shorten(word, 60)}' did anything in that time`,
      all.length > 0
        ? `Known are ${shorten(all.map(([, alias]) => alias).join(", "), 200)}.`
        : "Look further back: --last 7d.",
    );
  }
}

function forPrograms(event: JournalEvent, names: Names) {
  const { session, ...rest } = event;
  return { ...rest, session_id: session, alias: names.aliasOf(session) };
}

/** How events are told; those in capitals are what people look for. */
const WORDS: Readonly<Record<string, string>> = {
  start: "started",
  reserve: "reserved",
  edit: "edited",
  deny: "DENIED",
  overlap: "OVERLAP",
  release: "gave back",
  force: "FORCED",
  "take-over": "TOOK OVER",
  "hand-over": "its turn",
  commit: "COMMIT",
  lock: "locked",
  unlock: "unlocked",
  note: "said",
  end: "ended",
};

const PAINTS: Readonly<Record<string, (text: string) => string>> = {
  deny: red,
  overlap: red,
  force: red,
  "take-over": bold,
  commit: green,
};

/** Several times the same, shown as one. */
interface Line {
  readonly event: JournalEvent;
  count: number;
}

function forPeople(events: readonly JournalEvent[], names: Names, span: string): void {
  const lines = condensed(events);
  if (lines.length === 0) return print(`Nothing was done in the last ${span}.`);
  const rows = lines.map(({ event, count }) => {
    const by = names.aliasOf(event.session) + (event.agent ? `/${event.agent.slice(0, 8)}` : "");
    const word = WORDS[event.event] ?? shorten(event.event, 20);
    const what = count > 1 ? `${word} ×${count}` : word;
    return [localTime(event.at), by, what, subjectOf(event, names)];
  });
  print(table(["TIME", "SESSION", "WHAT", "FILE"], rows, {
    paint: (row) => PAINTS[lines[row].event.event] ?? null,
  }));
}

/** Without reservations that an edit followed, and with repeated edits in one line. */
function condensed(events: readonly JournalEvent[]): Line[] {
  const edited = new Set(events.filter(({ event }) => event === "edit").map(subjectKey));
  const lines: Line[] = [];
  const last = new Map<string, Line>();
  for (const event of events) {
    if (event.event === "reserve" && edited.has(subjectKey(event))) continue;
    const before = last.get(event.session);
    const isAgain = before !== undefined && before.event.event === event.event &&
      event.path !== undefined && subjectKey(before.event) === subjectKey(event);
    if (isAgain) {
      before.count++;
      continue;
    }
    const line = { event, count: 1 };
    lines.push(line);
    last.set(event.session, line);
  }
  return lines;
}

function subjectKey({ session, agent, tree, path }: JournalEvent): string {
  return JSON.stringify([session, agent, tree, path]);
}

/** A file with what there is to say of it, or what an event without a file was about. */
function subjectOf({ path, tree, tool, detail, event }: JournalEvent, names: Names): string {
  const about = detail === undefined ? "" : wordsOf(event, detail, names);
  const place = path !== undefined ? endOf(path, 120) : event === "commit" ? "" : tree ?? "";
  const by = event === "edit" && tool && tool !== "Edit" ? tool : "";
  const rest = [by, about].filter((text) => text !== "").join(", ");
  if (place === "") return rest;
  return rest === "" ? place : `${place} (${rest})`;
}

/** Which details of an event people are told; of other events all. */
const TOLD: Readonly<Record<string, readonly string[]>> = {
  start: ["source"],
  lock: ["lock"],
  unlock: ["lock"],
  deny: ["holder"],
  overlap: ["with"],
  commit: ["commit", "paths"],
};

/** Details for programs. */
const HIDDEN: ReadonlySet<string> = new Set(["intent_at", "progress_at"]);

/** Journal details in words: `holder: Session_1`. */
function wordsOf(event: string, detail: Json, names: Names): string {
  if (!isObject(detail)) return shorten(textOf(detail, names), 160);
  const told = TOLD[event] ?? Object.keys(detail).filter((key) => !HIDDEN.has(key));
  const parts = told.flatMap((key) => {
    const value = detail[key] ?? null;
    if (value === null) return [];
    const text = textOf(value, names);
    const shown = event === "commit" && key === "commit" ? text.slice(0, 12) : text;
    return [`${key.replaceAll("_", " ")}: ${shown}`];
  });
  return shorten(parts.join(", "), 160);
}

function textOf(value: Json, names: Names): string {
  if (typeof value === "string") return names.holderIn(value) ?? value;
  return Array.isArray(value)
    ? value.map((one) => textOf(one, names)).join(" ")
    : JSON.stringify(value);
}

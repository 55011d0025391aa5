/**
 * `csc intent` and `csc progress`: what a session says of its work, so that others are offered other
 * work and see how long to wait.
 *
 * @module
 */

import type { Coordination } from "../../coordination/coordination.ts";
import { CoordinatorError } from "../../domain/error.ts";
import type { Json } from "../../domain/json.ts";
import { shorten } from "../../domain/text.ts";
import type { SessionRecord } from "../../roster/session_record.ts";
import { declaredBy } from "../../work/declared.ts";
import { inProject, needRegistered } from "../acting.ts";
import type { CommandLine } from "../command.ts";
import { print, printJson } from "../output.ts";
import { wrapped } from "../table.ts";

/** A longer text is not read by anybody. */
const MAX_CHARS = 500;
const MAX_CAPACITY = 1000;

/** Runs `csc intent`; without arguments it shows what was said. */
export async function intent(line: CommandLine): Promise<number> {
  const text = textOf(line, line.words.join(" "), "TEXT");
  const changes: Record<string, Json> = {};
  if (line.words.length > 0) {
    changes.intent = text;
    changes.intent_at = new Date().toISOString();
  }
  for (const [option, key] of [["area", "work_area"], ["depends-on", "depends_on"]]) {
    const value = line.text(option);
    if (value !== undefined) changes[key] = listOf(textOf(line, value, `--${option}`));
  }
  const capacity = line.text("capacity");
  if (capacity !== undefined) changes.capacity = capacityOf(line, capacity);
  return await declare(line, changes);
}

/** Runs `csc progress`. */
export async function progress(line: CommandLine): Promise<number> {
  const [percent, ...words] = line.words;
  if (percent === undefined) throw line.mistake("a percentage is missing");
  const number = /^\d{1,3}(\.\d+)? ?%?$/.test(percent) ? Number.parseFloat(percent) : NaN;
  if (!(number <= 100)) throw line.mistake(`'${percent}' is no percentage from 0 to 100`);
  return await declare(line, {
    percent_done: number,
    progress_at: new Date().toISOString(),
    ...(words.length > 0 ? { progress: textOf(line, words.join(" "), "TEXT") } : {}),
  });
}

function textOf(line: CommandLine, text: string, what: string): string {
  if (!text.isWellFormed()) throw line.mistake(`${what} holds half of a character`);
  if (text.length > MAX_CHARS) {
    throw line.mistake(`${what} has ${text.length} characters; ${MAX_CHARS} are the limit`);
  }
  return text;
}

/** One name as it is, several as a list; `-` takes back what was said. */
function listOf(text: string): Json {
  if (text === "-") return "";
  const names = text.split(",").map((name) => name.trim()).filter((name) => name !== "");
  return names.length > 1 ? names : names[0] ?? "";
}

function capacityOf(line: CommandLine, text: string): number {
  const capacity = /^\d{1,4}$/.test(text) ? Number(text) : NaN;
  if (capacity <= MAX_CAPACITY) return capacity;
  throw line.mistake(`--capacity takes a whole number from 0 to ${MAX_CAPACITY}`);
}

async function declare(
  line: CommandLine,
  changes: { readonly [key: string]: Json },
): Promise<number> {
  return await inProject(line, async ({ desk }) => {
    const { record } = await needRegistered(desk, line);
    const now = Object.keys(changes).length === 0
      ? record
      : await change(desk, record.session, changes);
    if (line.has("json")) {
      const { session, alias, metadata } = now;
      printJson({ session_id: session, alias, metadata });
    } else {
      print(wrapped(sentence(now), 0, 2));
    }
    return 0;
  });
}

async function change(
  desk: Coordination,
  session: string,
  changes: { readonly [key: string]: Json },
): Promise<SessionRecord> {
  const at = new Date().toISOString();
  const record = await desk.roster.update(session, ({ metadata }) => {
    const isNewWork = changes.intent !== undefined && changes.intent !== metadata.intent;
    const kept = isNewWork ? { ...metadata, ...NO_PROGRESS } : metadata;
    return { last_activity: at, metadata: withoutEmpty({ ...kept, ...changes }) };
  });
  if (record === null) {
    throw new CoordinatorError(
      "not_found",
      `The session ${shorten(session, 60)} has just ended`,
      "`csc status` lists those that go on.",
    );
  }
  desk.journal.append({ event: "note", session, detail: changes });
  return record;
}

/** How far something else was says nothing of new work. */
const NO_PROGRESS = { percent_done: "", progress: "", progress_at: "" };

/** An empty text takes back what was said. */
function withoutEmpty(metadata: { readonly [key: string]: Json }): { [key: string]: Json } {
  return Object.fromEntries(Object.entries(metadata).filter(([, value]) => value !== ""));
}

function sentence(record: SessionRecord): string {
  const { intent, workAreas, dependsOn, percentDone } = declaredBy(record);
  const parts = [
    intent,
    ...(workAreas.length > 0 ? [`area ${workAreas.join(", ")}`] : []),
    ...(percentDone === null ? [] : [`${Math.round(percentDone)} % done`]),
    ...(dependsOn.length > 0 ? [`depends on ${dependsOn.join(", ")}`] : []),
    ...(typeof record.metadata.capacity === "number"
      ? [`capacity ${record.metadata.capacity}`]
      : []),
  ].filter((part) => part !== "");
  return `${record.alias}: ${parts.join("; ") || "says nothing of its work"}`;
}

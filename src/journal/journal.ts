/**
 * What the sessions of this machine did: one line an event, one file a session, only ever appended
 * to. Hooks write it before and after every edit.
 *
 * ```text
 * journal/
 *   <session>.jsonl              of a session that goes on
 *   archive/<session>@<time>…    of one that ended; of a resumed one there are several
 * ```
 *
 * @module
 */

import type { Json } from "../domain/json.ts";
import { ioError, withFile } from "../os/io_error.ts";
import { join } from "../os/path.ts";
import { ensurePrivateFolder, lstatOrNull, removeIfThere } from "../os/private_folder.ts";
import { archivedName, liveName, sessionOfStem, stemIn, stemOf } from "./file_name.ts";
import { appendLine, readLastLines, readLines } from "./lines.ts";
import { pruneJournal } from "./prune.ts";

/** One thing that a session did, or that happened to it. */
export interface JournalEvent {
  /** When, in ISO form. */
  readonly at: string;
  /**
   * What: `start`, `reserve`, `edit`, `deny`, `overlap`, `release`, `force`, `take-over`,
   * `hand-over`, `commit`, `lock`, `unlock`, `note`, `end`, or another word.
   */
  readonly event: string;
  readonly session: string;
  /** The sub-agent of the session that did it; absent for the session itself. */
  readonly agent?: string;
  /** The working tree of the file: absolute real path of its top folder. */
  readonly tree?: string;
  /** The file's path in the tree, with `/`. */
  readonly path?: string;
  readonly tool?: string;
  /** Fencing token of the reservation. */
  readonly token?: number;
  /** Snapshot of the file before the edit; null where it was absent. */
  readonly before?: string | null;
  /** Snapshot of the file after the edit; null where it was absent. */
  readonly after?: string | null;
  /** Anything else, short: a line is kept within 8 kB by shortening this. */
  readonly detail?: Json;
}

/** Longest line, in bytes of UTF-8. */
const MAX_LINE_BYTES = 8000;

const encoder = new TextEncoder();

/** The journal of a machine's sessions in one project. */
export class Journal {
  /** Its folder. */
  readonly folder: string;
  readonly #archive: string;

  /** @param folder Its folder, of which the journal is the only user; created at the first write. */
  constructor(folder: string) {
    this.folder = folder;
    this.#archive = join(folder, "archive");
  }

  /**
   * Adds an event to the journal of its session.
   *
   * @param event `at` is now by default.
   * @throws {CoordinatorError} `store_io` where it cannot be written.
   */
  append(event: Omit<JournalEvent, "at"> & { at?: string }): void {
    const path = join(this.folder, liveName(event.session));
    const line = lineOf({ ...event, at: event.at ?? new Date().toISOString() });
    withFile("write", path, () => appendLine(this.folder, path, line));
  }

  /** The events of a session, oldest first, with those of the times it had ended before. */
  read(session: string): JournalEvent[] {
    return this.#files(stemOf(session))
      .flatMap((path) => withFile("read", path, () => readLines(path)))
      .filter((line) => isEvent(line) && line.session === session) as JournalEvent[];
  }

  /** All sessions with a journal. */
  sessions(): string[] {
    const stems = new Set([...names(this.#archive), ...names(this.folder)].map(stemIn));
    const sessions = new Set<string>();
    for (const stem of stems) {
      if (stem === null) continue;
      const known = sessionOfStem(stem);
      for (const session of known === null ? this.#sessionsIn(stem) : [known]) {
        sessions.add(session);
      }
    }
    return [...sessions].sort();
  }

  /**
   * The events of all sessions since a time, oldest first.
   *
   * @param sinceMs Milliseconds since 1970; 0 for all there is.
   */
  readSince(sinceMs: number): JournalEvent[] {
    const since = new Date(Math.max(0, sinceMs)).toISOString();
    const isOld = (line: unknown) => isEvent(line) && line.at < since;
    const events: JournalEvent[] = [];
    for (const path of this.#files(null)) {
      if ((modifiedMs(path) ?? 0) < sinceMs) continue;
      const lines = withFile("read", path, () => readLastLines(path, isOld));
      for (const line of lines) if (isEvent(line) && line.at >= since) events.push(line);
    }
    return events.sort((one, other) => one.at < other.at ? -1 : one.at > other.at ? 1 : 0);
  }

  /** When a session's last event was written, as the file system says; null where it has none. */
  lastActivityMs(session: string): number | null {
    const liveMs = modifiedMs(join(this.folder, liveName(session)));
    if (liveMs !== null) return liveMs;
    const times = this.#files(stemOf(session)).flatMap((path) => modifiedMs(path) ?? []);
    return times.length === 0 ? null : Math.max(...times);
  }

  /** Puts the journal of a session that ended away; a later event begins a new one. */
  archive(session: string): void {
    const path = join(this.folder, liveName(session));
    if (lstatOrNull(path) === null) return;
    withFile("archive", path, () => {
      ensurePrivateFolder(this.#archive);
      const nowMs = Date.now();
      // Never over an older one, whose events would be lost.
      for (let count = 0;; count++) {
        const target = join(this.#archive, archivedName(session, nowMs, count));
        if (lstatOrNull(target) !== null) continue;
        return rename(path, target);
      }
    });
  }

  /** Removes the journal of a session that goes on: of one that is nobody's history. */
  discard(session: string): void {
    removeIfThere(join(this.folder, liveName(session)));
  }

  /**
   * Removes the journals, archived or not, that nobody wrote to for some time, and the snapshots
   * beside the journal's folder that no journal names any more. Snapshots of the last day stay: their
   * edit may still be waiting for a permission.
   *
   * @param retentionDays How long journals are kept, in days.
   * @param nowMs The time that counts as now.
   * @returns How many files were removed.
   */
  prune(retentionDays: number, nowMs: number = Date.now()): number {
    return withFile("clean up", this.folder, () => pruneJournal(this.folder, retentionDays, nowMs));
  }

  /** The files of one session, or of all; those of earlier times first. */
  #files(stem: string | null): string[] {
    const ours = (name: string) => stem === null ? stemIn(name) !== null : stemIn(name) === stem;
    const archived = names(this.#archive).filter(ours).sort();
    const live = stem === null ? names(this.folder).filter(ours) : [`${stem}.jsonl`];
    return [
      ...archived.map((name) => join(this.#archive, name)),
      ...live.map((name) => join(this.folder, name)),
    ];
  }

  #sessionsIn(stem: string): Set<string> {
    const lines = this.#files(stem).flatMap(readLines);
    return new Set(lines.filter(isEvent).map(({ session }) => session));
  }
}

function lineOf(event: JournalEvent): Uint8Array {
  const line = encode(event);
  if (line.length <= MAX_LINE_BYTES || event.detail === undefined) return line;
  const text = JSON.stringify(event.detail);
  for (let chars = MAX_LINE_BYTES; chars >= 1; chars = Math.floor(chars * 0.7)) {
    const shorter = encode({ ...event, detail: text.slice(0, chars).toWellFormed() + "…" });
    if (shorter.length <= MAX_LINE_BYTES) return shorter;
  }
  return encode({ ...event, detail: undefined });
}

function encode(event: JournalEvent): Uint8Array {
  return encoder.encode(JSON.stringify(event) + "\n");
}

function isEvent(line: unknown): line is JournalEvent {
  if (typeof line !== "object" || line === null) return false;
  const { at, event, session } = line as Record<string, unknown>;
  return typeof at === "string" && typeof event === "string" && typeof session === "string";
}

function names(folder: string): string[] {
  try {
    return Array.from(Deno.readDirSync(folder), ({ name }) => name);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw ioError("list", folder, error);
  }
}

function modifiedMs(path: string): number | null {
  return lstatOrNull(path)?.mtime?.getTime() ?? null;
}

/** Another process may have moved it just now. */
function rename(from: string, to: string): void {
  try {
    Deno.renameSync(from, to);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

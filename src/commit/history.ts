/**
 * The versions of a file, from the edits that sessions recorded and what the file was in between.
 *
 * @module
 */

import type { JournalEvent } from "../journal/journal.ts";
import { digest, type Snapshots } from "../journal/snapshots.ts";
import { isObject } from "../domain/json.ts";
import { alignHead } from "./align.ts";
import type { Bytes } from "./checkout.ts";
import { carry } from "./carry.ts";
import { bytesOf, tokensOf } from "./tokens.ts";
import { type Line, NOBODY, Weave } from "./weave.ts";

/** One recorded edit of one file. */
export interface Edit {
  readonly session: string;
  /** When, in milliseconds since 1970. */
  readonly atMs: number;
  /** Snapshot of the file before; null where it was absent, undefined where nothing is known. */
  readonly before: string | null | undefined;
  /** Snapshot of the file after. */
  readonly after: string | null | undefined;
}

/** A commit of one session's hunks of a file. */
export interface OwnCommit {
  readonly session: string;
  /** What of the journal it took into account: up to this time, in milliseconds since 1970. */
  readonly seenMs: number;
  /** The start of the content's name that HEAD had before; `""` where it had none. */
  readonly headId: string;
}

/** What is recorded of one file. */
export interface Recorded {
  readonly edits: Edit[];
  readonly commits: OwnCommit[];
}

/** What the journal says of a commit. */
export interface CommitDetail {
  readonly commit: string;
  /** The files, as the journal spells them. */
  readonly paths: readonly string[];
  /** What HEAD had of each before; see {@linkcode OwnCommit}. */
  readonly heads: readonly string[];
  /** Up to when the journal was taken into account, in ISO form. */
  readonly seen: string;
}

/** The start of a content's name, long enough to know it again. */
export function shortId(id: string | null): string {
  return id?.slice(0, 16) ?? "";
}

/** What all sessions did to the files of a working tree that one session has edited, by path. */
export function recordedOf(
  events: readonly JournalEvent[],
  tree: string,
  session: string,
): Map<string, Recorded> {
  const files = new Map<string, Recorded>();
  const fileOf = (path: string) => {
    let file = files.get(path);
    if (!file) files.set(path, file = { edits: [], commits: [] });
    return file;
  };
  const mine = new Set<string>();
  for (const event of events) {
    if (event.tree !== tree) continue;
    if (event.event === "commit") {
      for (const [path, commit] of commitsIn(event)) fileOf(path).commits.push(commit);
    } else if (event.event === "edit" && event.path !== undefined) {
      if (event.session === session) mine.add(event.path);
      fileOf(event.path).edits.push({
        session: event.session,
        atMs: Date.parse(event.at) || 0,
        before: event.before,
        after: event.after,
      });
    }
  }
  for (const path of files.keys()) if (!mine.has(path)) files.delete(path);
  return files;
}

function commitsIn({ session, detail }: JournalEvent): [path: string, OwnCommit][] {
  if (!isObject(detail)) return [];
  const { paths, heads, seen } = detail;
  if (!Array.isArray(paths) || !Array.isArray(heads) || typeof seen !== "string") return [];
  const seenMs = Date.parse(seen) || 0;
  return paths.map((path, index) => [
    String(path),
    { session, seenMs, headId: String(heads[index] ?? "") },
  ]);
}

/** What a snapshot holds; undefined where it is gone, damaged, or was never kept. */
export type Content = Bytes | null | undefined;

/** Reads a snapshot, and makes sure that it is what its name says. */
export async function contentOf(
  snapshots: Snapshots,
  id: string | null | undefined,
): Promise<Content> {
  if (id === null || id === undefined) return id;
  const bytes = snapshots.read(id) as Bytes | null;
  return bytes !== null && await digest(bytes) === id ? bytes : undefined;
}

/** What a file is in HEAD and in the working tree; null where it is absent. */
export interface Ends {
  readonly head: Bytes | null;
  readonly tree: Bytes | null;
  /** What git makes of the file's line ends, so that versions compare as they do for git. */
  readonly normalize?: (content: Bytes) => Bytes;
}

/**
 * Weaves the versions of a file together, and finds out which of their lines HEAD has. Edits whose
 * snapshots are gone are passed over: what they changed counts as recorded by nobody.
 *
 * @returns Null where HEAD is too different from all of them to tell what it has of each.
 */
export async function weaveOf(
  { edits, commits }: Recorded,
  snapshots: Snapshots,
  ends: Ends,
): Promise<Weave | null> {
  const headId = shortId(ends.head && await digest(ends.head));
  const builder = new Builder([headId, ...commits.map((commit) => commit.headId)]);
  const versions = new Versions(snapshots, ends.normalize);
  const replay = commits.toSorted((one, other) => one.seenMs - other.seenMs);
  for (const edit of inOrder(edits)) {
    while (replay.length > 0 && replay[0].seenMs < edit.atMs) await builder.replay(replay.shift()!);
    const before = await versions.get(edit.before);
    const after = await versions.get(edit.after);
    if (before === undefined || after === undefined) continue;
    builder.add(before, NOBODY, edit.atMs);
    builder.add(after, edit.session, edit.atMs);
  }
  for (const commit of replay) await builder.replay(commit);
  builder.add(await versionOf(ends.tree), NOBODY, Date.now());
  const { weave } = builder;
  if (weave === null || await builder.knowsHead(headId)) return weave;
  return alignHead(weave, tokensOf(ends.head)) ? weave : null;
}

/** A content with its name. */
interface Version {
  readonly id: string | null;
  readonly content: Bytes | null;
}

async function versionOf(content: Bytes | null): Promise<Version> {
  return { id: content && await digest(content), content };
}

/** Reads versions of a file; mostly the one before an edit is the one after the last. */
class Versions {
  readonly #snapshots: Snapshots;
  readonly #normalize: Ends["normalize"];
  #last: { readonly key: string; readonly version: Version } | null = null;

  constructor(snapshots: Snapshots, normalize: Ends["normalize"]) {
    [this.#snapshots, this.#normalize] = [snapshots, normalize];
  }

  async get(key: string | null | undefined): Promise<Version | undefined> {
    if (key === null) return { id: null, content: null };
    if (key === undefined) return undefined;
    if (this.#last?.key === key) return this.#last.version;
    const content = await contentOf(this.#snapshots, key);
    if (!content) return undefined;
    const version = this.#normalize
      ? await versionOf(this.#normalize(content))
      : { id: key, content };
    this.#last = { key, version };
    return version;
  }
}

/** Puts a weave together, and keeps track of what HEAD has of it. */
class Builder {
  weave: Weave | null = null;
  #current: string | null = null;
  /** Versions that are, or were, HEAD: the lines they had. */
  readonly #heads = new Map<string, ReadonlySet<Line> | null>();

  /** @param headIds The contents that HEAD had at some time; see `shortId`. */
  constructor(headIds: readonly string[]) {
    for (const id of headIds) this.#heads.set(id, null);
  }

  add({ id, content }: Version, owner: string, atMs: number): void {
    if (this.weave === null) {
      this.weave = new Weave(tokensOf(content));
      this.weave.markHead(new Set(this.weave.lines)); // unless proven wrong
    } else if (id !== this.#current) this.weave.add(tokensOf(content), owner, atMs);
    this.#current = id;
    const short = shortId(id);
    if (this.#heads.has(short)) this.#heads.set(short, new Set(this.weave.present()));
  }

  /** Does again what a commit of one session did to HEAD. */
  async replay({ session, headId }: OwnCommit): Promise<void> {
    if (this.weave === null || !await this.knowsHead(headId)) return;
    this.weave.markHead(new Set(carry(this.weave, session).lines));
  }

  /** Whether it is known which lines a content of HEAD has; they are marked then. */
  async knowsHead(headId: string): Promise<boolean> {
    const { weave } = this;
    if (weave === null) return false;
    const marked = bytesOf(weave.lines.filter(({ inHead }) => inHead).map(({ text }) => text));
    if (shortId(marked && await digest(marked)) !== headId) {
      const version = this.#heads.get(headId);
      if (!version) return false;
      weave.markHead(version);
    }
    weave.confirmHead();
    return true;
  }
}

/** Two processes that write at nearly the same time do so in either order. */
const SAME_TIME_MS = 2000;

/**
 * The edits in the order in which they were made: that of their times, unless among those of nearly
 * the same time one begins where another ends. Those of one session stay in order.
 */
function inOrder(edits: readonly Edit[]): Edit[] {
  const queues = [...Map.groupBy(edits, ({ session }) => session).values()];
  const ordered: Edit[] = [];
  for (;;) {
    const heads = queues.flatMap((queue) => queue.slice(0, 1));
    if (heads.length === 0) return ordered;
    heads.sort((one, other) => one.atMs - other.atMs);
    const next = nextOf(
      heads.filter(({ atMs }) => atMs <= heads[0].atMs + SAME_TIME_MS),
      ordered.at(-1),
    );
    ordered.push(next);
    queues.find((queue) => queue[0] === next)!.shift();
  }
}

function nextOf(heads: readonly Edit[], last: Edit | undefined): Edit {
  const goesOn = heads.find(({ before }) => last !== undefined && before === last.after);
  const isFirst = (edit: Edit) =>
    heads.every((other) => other === edit || other.after !== edit.before);
  return goesOn ?? heads.find(isFirst) ?? heads[0];
}

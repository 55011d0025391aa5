/**
 * What a commit of one session's edits would do to each file.
 *
 * @module
 */

import { CoordinatorError } from "../domain/error.ts";
import type { Journal } from "../journal/journal.ts";
import { digest, type Snapshots, whyNotKept } from "../journal/snapshots.ts";
import { join, relative, resolve } from "../os/path.ts";
import { lstatOrNull } from "../os/private_folder.ts";
import { type Carried, carry } from "./carry.ts";
import type { Checkout, Entry, Head } from "./checkout.ts";
import { diffLines } from "./diff.ts";
import { isSame, readEnds } from "./ends.ts";
import {
  contentOf,
  type Edit,
  type Ends,
  type Recorded,
  recordedOf,
  shortId,
  weaveOf,
} from "./history.ts";
import { spellings } from "./names.ts";
import { bytesOf, isMixed, tokensOf } from "./tokens.ts";
import { entangledWords, type LeftFile, lostWords } from "./words.ts";

/** What a file becomes. */
export interface PlannedFile {
  readonly path: string;
  /** As the journal spells it. */
  readonly key: string;
  /** What HEAD has now; see `shortId`. */
  readonly headId: string;
  /** How many separate places of it change. */
  readonly hunks: number;
  /** The new content as it would be in the working tree; null where the file goes. */
  readonly content: Uint8Array | null;
  /** As git writes it. */
  readonly mode: string;
}

/** What would be committed, and what would not. */
export interface Plan {
  /** Up to when the journal was taken into account, in ISO form. */
  readonly seen: string;
  readonly files: readonly PlannedFile[];
  readonly left: readonly LeftFile[];
}

/** Whose edits of which files are to be committed. */
export interface PlanRequest {
  readonly session: string;
  readonly journal: Journal;
  readonly snapshots: Snapshots;
  /** The journal's name of the working tree. */
  readonly tree: string;
  /** Only these files, and what is in these folders: paths in the tree with `/`. */
  readonly paths?: readonly string[];
}

/** Finds out what the edits of one session make of a commit. */
export async function planCommit(
  checkout: Checkout,
  head: Head,
  request: PlanRequest,
): Promise<Plan> {
  const { session, journal, paths } = request;
  const seen = new Date().toISOString();
  const recorded = recordedOf(journal.readSince(0), request.tree, session);
  const isAsked = (path: string) =>
    paths === undefined || paths.some((one) => one === path || path.startsWith(`${one}/`));
  const spelled = await spellings(checkout, head.commit, [...recorded.keys()]);
  const left: LeftFile[] = [];
  for (const path of paths ?? []) {
    const isKnown = [...spelled].flat().some((one) => one === path || one.startsWith(`${path}/`));
    if (!isKnown) left.push({ path, why: "this session has recorded no edit of it in this tree" });
  }
  const asked = [...spelled].filter((both) => both.some(isAsked));
  const names = asked.map(([, name]) => name);
  const [entries, ignored, hasModes] = await Promise.all([
    checkout.entries(head.commit, names),
    checkout.ignored(names),
    checkout.setting("core.filemode", true),
  ]);
  const files: PlannedFile[] = [];
  for (const [key, path] of asked) {
    const planner = new Planner(checkout, head, request, { key, path, hasModes });
    const file = await planner.plan(recorded.get(key)!, entries.get(path), ignored.has(path));
    left.push(...planner.left);
    if (file) files.push(file);
  }
  files.sort((one, other) => one.path < other.path ? -1 : 1);
  return { seen, files, left };
}

class Planner {
  readonly left: LeftFile[] = [];
  readonly #checkout: Checkout;
  readonly #head: Head;
  readonly #request: PlanRequest;
  readonly #key: string;
  readonly #path: string;
  readonly #hasModes: boolean;
  /** Of the content that HEAD has. */
  #headId: string | null = null;

  constructor(
    checkout: Checkout,
    head: Head,
    request: PlanRequest,
    { key, path, hasModes }: { key: string; path: string; hasModes: boolean },
  ) {
    [this.#checkout, this.#head, this.#request] = [checkout, head, request];
    [this.#key, this.#path, this.#hasModes] = [key, path, hasModes];
  }

  async plan(
    recorded: Recorded,
    entry: Entry | undefined,
    isIgnored: boolean,
  ): Promise<PlannedFile | null> {
    const { edits } = recorded;
    const path = join(this.#checkout.tree, this.#path);
    const info = lstatOrNull(path);
    if (info === null && !entry) return null; // it came and went
    const odd = oddity(entry, info);
    if (odd !== null) return await this.#leaveIfNew(edits, odd);
    let ends: Ends;
    try {
      ends = await readEnds(
        this.#checkout,
        entry ? this.#head.commit : null,
        this.#path,
        info !== null,
      );
    } catch (error) {
      if (error instanceof CoordinatorError) throw error;
      if (error instanceof Deno.errors.NotFound) return null; // gone in this moment
      return await this.#leaveIfNew(edits, "it cannot be read");
    }
    const { head, tree } = ends;
    this.#headId = head && await digest(head);
    if (isSame(head, tree) && !await this.#wasTakenBack(edits, tree)) return null;
    const gap = await this.#missing(edits);
    if (gap !== null && !await this.#isSettled(gap.edit)) return this.#leave(gap.why);
    const weave = await weaveOf(recorded, this.#request.snapshots, ends);
    if (weave === null) {
      return this.#leave(`HEAD has too little in common with what was edited; ${WHOLE}`);
    }
    const carried = carry(weave, this.#request.session);
    if (await this.#explain(carried, edits, entry !== undefined)) return null;
    const tokens = carried.lines.map(({ text }) => text);
    if (isMixed(tokens)) {
      return this.#leave(`HEAD has lines that it did not have when it was edited; ${WHOLE}`);
    }
    const hunks = diffLines(tokensOf(head), tokens).length;
    if (hunks === 0) return null;
    if (isIgnored && !entry) return this.#leave("git ignores it; to have it tracked: git add -f");
    return {
      path: this.#path,
      key: this.#key,
      headId: shortId(this.#headId),
      hunks,
      content: bytesOf(tokens),
      mode: this.#modeOf(entry, info),
    };
  }

  /** Says what stays out and why; answers whether that is the whole file. */
  async #explain(
    { entangled, lost }: Carried,
    edits: readonly Edit[],
    isTracked: boolean,
  ): Promise<boolean> {
    if (entangled.length > 0) {
      this.#leave(entangledWords(entangled, this.#path, isTracked));
      return true;
    }
    for (const one of lost) {
      if (await this.#isSettled(this.#own(edits).find(({ atMs }) => atMs === one.writtenMs)!)) {
        continue;
      }
      this.#leave(lostWords(one));
    }
    return false;
  }

  /**
   * Whether the file was committed after an edit, so that what became of it is of no interest. In the
   * same second that is so unless HEAD is still what was there before the edit.
   */
  async #isSettled({ atMs, before }: Edit): Promise<boolean> {
    const { commit } = this.#head;
    if (commit === null) return false;
    const answer = await this.#checkout.wasCommittedAfter(commit, this.#path, atMs);
    return answer ?? (this.#headId !== null && before !== this.#headId);
  }

  #own(edits: readonly Edit[]): Edit[] {
    return edits.filter(({ session }) => session === this.#request.session);
  }

  /** Whether somebody else made the file HEAD's again, after this session had edited it. */
  async #wasTakenBack(edits: readonly Edit[], tree: Uint8Array<ArrayBuffer> | null) {
    const last = this.#own(edits).at(-1)!;
    return last.after !== (tree && await digest(tree)) && !await this.#isSettled(last);
  }

  /** The last edit of the session whose copies are not there. */
  async #missing(edits: readonly Edit[]): Promise<{ edit: Edit; why: string } | null> {
    for (const edit of this.#own(edits).reverse()) {
      for (const id of [edit.before, edit.after]) {
        if (await contentOf(this.#request.snapshots, id) !== undefined) continue;
        const why = (id && whyNotKept(id)) ?? "the copies of what was edited are gone";
        return { edit, why: `${why} when this session edited it; ${WHOLE}` };
      }
    }
    return null;
  }

  /** Leaves the file out, unless all that this session did to it was committed since. */
  async #leaveIfNew(edits: readonly Edit[], why: string): Promise<null> {
    if (await this.#isSettled(this.#own(edits).at(-1)!)) return null;
    return this.#leave(`${why}; ${WHOLE}`);
  }

  #leave(why: string): null {
    this.left.push({ path: this.#path, why });
    return null;
  }

  #modeOf(entry: Entry | undefined, info: Deno.FileInfo | null): string {
    if (!this.#hasModes || info === null || info.mode === null) return entry?.mode ?? "100644";
    return info.mode & 0o100 ? "100755" : "100644";
  }
}

const WHOLE = "if all of it is yours, commit it whole (git commit -m MESSAGE -- FILE)";

/** Why a file cannot be taken apart into lines, or null where it can. */
function oddity(entry: Entry | undefined, info: Deno.FileInfo | null): string | null {
  if (entry && !/^100/.test(entry.mode)) {
    const kind = entry.mode === "120000"
      ? "a symbolic link"
      : entry.mode === "160000"
      ? "a submodule"
      : "a folder";
    return `it is ${kind} in HEAD`;
  }
  if (info === null || info.isFile) return null;
  return `it is ${
    info.isSymlink ? "a symbolic link" : info.isDirectory ? "a folder" : "no file"
  } now`;
}

/** A path as the tree has it, from what a person wrote; `""` is the tree itself. */
export function pathInTree(tree: string, path: string): string {
  const inside = relative(tree, resolve(tree, path));
  return Deno.build.os === "windows" ? inside.replaceAll("\\", "/") : inside;
}

/**
 * What sessions are to be told: stored first, then seen.
 *
 * @module
 */

import { isObject } from "../domain/json.ts";
import { join } from "../os/path.ts";
import { ensurePrivateFolder, lstatOrNull, removeIfThere } from "../os/private_folder.ts";
import { uniqueName } from "../os/unique.ts";
import type { StorageAdapter } from "../storage/adapter.ts";
import type { Scopes } from "./scopes.ts";

/** What a notice is about. */
export type NoticeKind = "turn" | "waiting" | "overlap" | "forced" | "denied" | "lost";

/** A notice as stored. */
export interface Notice {
  readonly kind: NoticeKind;
  readonly text: string;
  /** Who it comes from, as people know them. */
  readonly from: string;
  /** The sub-agent of the session that it is meant for; absent for the session itself. */
  readonly agent?: string;
  readonly at: string;
}

/** How long a notice waits for a session that never looks. */
const KEEP_MS = 24 * 3600 * 1000;

/** The notices of a project. */
export class Notices {
  readonly #store: StorageAdapter;
  readonly #scopes: Scopes;
  readonly #inbox: string;
  readonly #others: string;
  readonly #isWanted: (kind: NoticeKind) => boolean;

  /**
   * @param machineFolder Where sessions of this machine have their inboxes.
   * @param isWanted Whether sessions of this configuration are told a kind of notice; by default all.
   */
  constructor(
    store: StorageAdapter,
    scopes: Scopes,
    machineFolder: string,
    isWanted: (kind: NoticeKind) => boolean = () => true,
  ) {
    this.#store = store;
    this.#scopes = scopes;
    this.#inbox = join(machineFolder, "inbox");
    this.#others = join(machineFolder, "others");
    this.#isWanted = isWanted;
  }

  /** Stores a notice, and wakes its session where it runs on this machine. */
  async send(session: string, notice: Omit<Notice, "at">): Promise<void> {
    const at = new Date().toISOString();
    const scope = this.#scopes.notices(session);
    await this.#store.store(scope, `${at} ${uniqueName()}`, { ...notice, at }, { ttlMs: KEEP_MS });
    this.ring(session);
  }

  /**
   * What a session, or one of its sub-agents, has not seen yet and is to be told, oldest first; from
   * now on it has.
   */
  async take(session: string, agent?: string): Promise<Notice[]> {
    const scope = this.#scopes.notices(session);
    const notices: Notice[] = [];
    const stored = [...await this.#store.retrieveAll(scope)];
    // By the store's clock: those of the machines that they come from may differ.
    stored.sort(([, one], [, other]) => one.storedAtMs - other.storedAtMs);
    for (const [key, entry] of stored) {
      if (isObject(entry.value) && entry.value.agent !== agent) continue;
      // Of two hooks that look at once, one has it.
      const { ok } = await this.#store.delete(scope, key, { expected: entry.version });
      if (ok && isNotice(entry.value) && this.#isWanted(entry.value.kind)) {
        notices.push(entry.value);
      }
    }
    return notices;
  }

  /** How many notices a session has not seen. */
  async countUnseen(session: string): Promise<number> {
    return (await this.#store.listKeys(this.#scopes.notices(session))).length;
  }

  /** The file whose change wakes a session; made where it is not there. */
  openInbox(session: string): string {
    ensurePrivateFolder(this.#inbox);
    const path = this.#inboxOf(session);
    if (!lstatOrNull(path)) Deno.writeTextFileSync(path, "", { mode: 0o600 });
    return path;
  }

  /** Changes a session's inbox, so that its client looks; nothing where it has none here. */
  ring(session: string): void {
    const path = this.#inboxOf(session);
    if (!lstatOrNull(path)?.isFile) return;
    try {
      Deno.writeTextFileSync(path, `${Date.now()}\n`);
    } catch {
      // The notice is stored: the session sees it at its next step.
    }
  }

  /**
   * Takes note of which others a session knows of, by their aliases; answers whom it knew before, or
   * null where that cannot be told. In a file of its own: records are read by all sessions, and each
   * of them would carry all others.
   */
  swapOthers(
    session: string,
    others: { readonly [session: string]: string },
  ): { readonly [session: string]: string } | null {
    const path = join(this.#others, fileNameOf(session));
    const [before, now] = [textOf(path), JSON.stringify(others)];
    if (now !== before) {
      ensurePrivateFolder(this.#others);
      Deno.writeTextFileSync(path, now, { mode: 0o600 });
    }
    try {
      return before === null ? null : JSON.parse(before);
    } catch {
      return null; // written half by a hook that was ended
    }
  }

  /** Removes what a session that has ended leaves. */
  async close(session: string): Promise<void> {
    removeIfThere(this.#inboxOf(session));
    removeIfThere(join(this.#others, fileNameOf(session)));
    await this.#store.deleteScope(this.#scopes.notices(session));
  }

  #inboxOf(session: string): string {
    return join(this.#inbox, fileNameOf(session));
  }
}

function fileNameOf(session: string): string {
  return session.replaceAll(/[^A-Za-z0-9_-]/g, "_").slice(0, 100);
}

function textOf(path: string): string | null {
  try {
    return Deno.readTextFileSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}

function isNotice(value: unknown): value is Notice {
  return isObject(value) && typeof value.text === "string" && typeof value.kind === "string";
}

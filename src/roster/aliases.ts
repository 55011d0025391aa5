/**
 * Short names for sessions: the lowest number that is free. Sessions that start at once read the same
 * roster: so an alias is claimed by a write of its own.
 *
 * @module
 */

import { isObject, type Json } from "../domain/json.ts";
import type { StorageAdapter } from "../storage/adapter.ts";
import type { SessionRecord } from "./session_record.ts";

/** Where the aliases are claimed of sessions that are about to be in the roster. */
const ALIASES_KEY = "aliases";
/** By then they are there. */
const CLAIM_MS = 60_000;

/** The aliases of a project's sessions. */
export class Aliases {
  readonly #store: StorageAdapter;
  readonly #scope: string;

  /** @param scope Where claims are kept. */
  constructor(store: StorageAdapter, scope: string) {
    this.#store = store;
    this.#scope = scope;
  }

  /**
   * Claims an alias for a session that is not at work yet: the one it had before, if that is free.
   *
   * @param known All sessions of the roster.
   * @param nowMs The time by a clock that all who claim share, in milliseconds since 1970.
   */
  async claim(
    session: string,
    known: readonly Pick<SessionRecord, "session" | "alias">[],
    nowMs: number,
  ): Promise<string> {
    const taken = known.filter((one) => one.session !== session).map(({ alias }) => alias);
    const before = known.find((one) => one.session === session)?.alias;
    for (;;) {
      const entry = await this.#store.retrieve(this.#scope, ALIASES_KEY);
      const claims = freshClaims(entry?.value ?? null, nowMs);
      const others = claims.filter((one) => one.session !== session);
      const alias = freeAlias([...taken, ...others.map((one) => one.alias)], before);
      const next: Json[] = [...others, { alias, session, at_ms: nowMs }];
      const expected = entry?.version ?? "absent";
      const { ok } = await this.#store.store(this.#scope, ALIASES_KEY, next, { expected });
      if (ok) return alias;
    }
  }
}

function freshClaims(
  value: Json,
  nowMs: number,
): { alias: string; session: string; at_ms: number }[] {
  if (!Array.isArray(value)) return [];
  return value.flatMap((one) => {
    if (!isObject(one)) return [];
    const { alias, session, at_ms } = one;
    const isClaim = typeof alias === "string" && typeof session === "string" &&
      typeof at_ms === "number" && Math.abs(nowMs - at_ms) < CLAIM_MS;
    return isClaim ? [{ alias, session, at_ms }] : [];
  });
}

/** The lowest number that no session has, those that ended lately included; rather the wanted one. */
function freeAlias(taken: readonly string[], wanted: string | undefined): string {
  const aliases = new Set(taken);
  if (wanted !== undefined && !aliases.has(wanted)) return wanted;
  for (let number = 1;; number++) {
    if (!aliases.has(`Session_${number}`)) return `Session_${number}`;
  }
}

/**
 * The highest token of the leases that were collected: whoever gets such a lease anew gets a higher one.
 *
 * @module
 */

import type { StorageAdapter } from "../storage/adapter.ts";

/** The key of the floor in the book of a project's leases. */
export const FLOOR_KEY = "floor";

/** The floor under the tokens of one book. */
export class TokenFloor {
  readonly #store: StorageAdapter;
  readonly #scope: string;

  constructor(store: StorageAdapter, scope: string) {
    this.#store = store;
    this.#scope = scope;
  }

  /** The floor; 0 where nothing was collected yet. */
  async read(): Promise<number> {
    const entry = await this.#store.retrieve(this.#scope, FLOOR_KEY);
    return typeof entry?.value === "number" ? entry.value : 0;
  }

  /** Raises it to a token, unless it is there already. */
  async raise(token: number): Promise<void> {
    for (;;) {
      const entry = await this.#store.retrieve(this.#scope, FLOOR_KEY);
      if (typeof entry?.value === "number" && entry.value >= token) return;
      const expected = entry?.version ?? "absent";
      if ((await this.#store.store(this.#scope, FLOOR_KEY, token, { expected })).ok) return;
    }
  }
}

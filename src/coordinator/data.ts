/**
 * The scoped data of one project: what the data tools and `csc data` work on.
 *
 * @module
 */

import { escapeGlob } from "../domain/glob.ts";
import type { Json } from "../domain/json.ts";
import type { Entry, StorageAdapter } from "../storage/adapter.ts";
import type { InstancePool } from "./instances.ts";
import {
  checkReadable,
  checkWritable,
  INSTANCES_SCOPE,
  isReserved,
  REGISTRY_KEY,
  scopePrefix,
  sessionScope,
} from "./names.ts";

/** A value with who stored it and when. */
export interface Stored {
  readonly value: Json;
  readonly author: string | null;
  /** ISO time, or null where the coordinator made the value up itself. */
  readonly storedAt: string | null;
}

/**
 * The data of a project: on this machine, or, where a machine is named, read-only of another. What
 * changes the scope of this server's own instance throws `identity_lost` once that is another's.
 */
export class ProjectData {
  readonly #store: StorageAdapter;
  readonly #machine: string;
  readonly #project: string;
  readonly #pool: InstancePool;

  constructor(store: StorageAdapter, machine: string, project: string, pool: InstancePool) {
    this.#store = store;
    this.#machine = machine;
    this.#project = project;
    this.#pool = pool;
  }

  /** Stores a value under an author's name. */
  async store(scope: string, key: string, value: Json, author: string): Promise<void> {
    checkWritable(scope);
    const full = this.#full(scope);
    await this.#change(scope, (fence) => this.#store.store(full, key, value, { author, fence }));
  }

  /** A value, or null where there is none. */
  async retrieve(scope: string, key: string, machine = this.#machine): Promise<Stored | null> {
    checkReadable(scope);
    if (scope === INSTANCES_SCOPE && key === REGISTRY_KEY && machine === this.#machine) {
      // Computed, so that it is right also after a session was killed.
      return { value: (await this.#pool.list()).instances, author: null, storedAt: null };
    }
    const entry = await this.#store.retrieve(this.#full(scope, machine), key);
    return entry && storedIn(entry);
  }

  /** All values of a scope on this machine, by their keys. */
  async retrieveAll(scope: string): Promise<Map<string, Stored>> {
    checkReadable(scope);
    const entries = await this.#store.retrieveAll(this.#full(scope));
    return new Map([...entries].map(([key, entry]) => [key, storedIn(entry)]));
  }

  /** Removes a key; answers whether it existed. */
  async delete(scope: string, key: string): Promise<boolean> {
    checkWritable(scope);
    const full = this.#full(scope);
    const result = await this.#change(scope, (fence) => this.#store.delete(full, key, { fence }));
    return result.ok && result.existed;
  }

  /** Removes a scope; answers whether it existed. */
  async deleteScope(scope: string): Promise<boolean> {
    checkWritable(scope);
    if (!this.#isOwn(scope)) return await this.#store.deleteScope(this.#full(scope));
    const keys = await this.#store.listKeys(this.#full(scope));
    for (const key of keys) await this.delete(scope, key); // only keys are fenced
    return keys.length > 0;
  }

  /** The keys of a scope. */
  async listKeys(scope: string, machine = this.#machine): Promise<string[]> {
    checkReadable(scope);
    if (scope === INSTANCES_SCOPE) return [REGISTRY_KEY];
    return await this.#store.listKeys(this.#full(scope, machine));
  }

  /** The project's scopes, without the prefix and without the coordinator's own. */
  async listScopes(pattern = "*", machine = this.#machine): Promise<string[]> {
    const prefix = `${scopePrefix(machine, this.#project)}:`;
    const scopes = await this.#store.listScopes(escapeGlob(prefix) + pattern);
    return scopes.map((scope) => scope.slice(prefix.length)).filter((scope) => !isReserved(scope));
  }

  #isOwn(scope: string): boolean {
    const { own } = this.#pool;
    return own !== null && scope === sessionScope(own.instance);
  }

  /** In the scope of one's own instance only as long as it is one's own. */
  #change<R extends { readonly ok: boolean }>(
    scope: string,
    write: (fence?: number) => Promise<R>,
  ): Promise<R> {
    return this.#isOwn(scope) ? this.#pool.writeAs(this.#pool.own!, write) : write();
  }

  #full(scope: string, machine = this.#machine): string {
    return scope === "" ? "" : `${scopePrefix(machine, this.#project)}:${scope}`;
  }
}

function storedIn({ value, author, storedAtMs }: Entry): Stored {
  return { value, author, storedAt: new Date(storedAtMs).toISOString() };
}

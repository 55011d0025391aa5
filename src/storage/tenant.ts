/**
 * One store for many tenants, each with its own scopes. No tenant sees another's, whatever a scope is
 * called.
 *
 * The tenant `default` has the store's plain scopes, so that the sessions of a server's own machine
 * share with its clients. The scopes of others begin with their tenant's name; one that has no room
 * for it has a hash for its name, and a note of what it is called:
 *
 * ```text
 * laptop:acme/shop:issue:15                    default
 * csc-tenant:ada:laptop:acme/shop:issue:15     ada
 * csc-tenant~long:ada:5f2c…                    ada, a scope of more than some 980 characters
 * csc-tenant~names:ada                         ada, the names of these
 * ```
 *
 * @module
 */

import { compileGlob, escapeGlob, type Matcher } from "../domain/glob.ts";
import { copyValue, type Json } from "../domain/json.ts";
import { type Linked, linkedTo } from "../os/linked.ts";
import type {
  Change,
  DeleteResult,
  Entry,
  StorageAdapter,
  StoreOptions,
  StorePlace,
  StoreResult,
  WriteConditions,
} from "./adapter.ts";
import { checkName, MAX_NAME_LENGTH } from "./record.ts";

/** The tenant that has the plain scopes. */
export const DEFAULT_TENANT = "default";

/** What the scopes of all other tenants begin with. */
const MARK = "csc-tenant";

/** A tenant's view of a store that others share; closing it leaves the store open. */
export class TenantStore implements StorageAdapter {
  readonly place: StorePlace;
  readonly #store: StorageAdapter;
  readonly #isDefault: boolean;
  /** In front of each scope; the default tenant's only where a scope looks like another tenant's. */
  readonly #prefix: string;
  readonly #long: string;
  readonly #names: string;
  readonly #known = new Map<string, string>();
  readonly #closing = new AbortController();

  /**
   * @param store Where everything is kept.
   * @param tenant Letters, digits and dashes.
   */
  constructor(store: StorageAdapter, tenant: string) {
    if (!/^[a-z0-9][a-z0-9-]*$/.test(tenant)) {
      throw new TypeError(`'${tenant}' is no tenant's name`);
    }
    this.place = store.place;
    this.#store = store;
    this.#isDefault = tenant === DEFAULT_TENANT;
    const name = this.#isDefault ? "" : tenant;
    this.#prefix = `${MARK}:${name}:`;
    this.#long = `${MARK}~long:${name}:`;
    this.#names = `${MARK}~names:${name}`;
  }

  async store(
    scope: string,
    key: string,
    value: Json,
    options?: StoreOptions,
  ): Promise<StoreResult> {
    const short = this.#short(scope);
    if (short !== null) return await this.#store.store(short, key, value, options);
    // The value as it is now: its name has to be noted first.
    const copy = copyValue(value, { maxValueBytes: Infinity });
    return await this.#store.store(await this.#written(scope), key, copy, options);
  }

  async retrieve(scope: string, key: string): Promise<Entry | null> {
    return await this.#store.retrieve(await this.#scope(scope), key);
  }

  async delete(scope: string, key: string, conditions?: WriteConditions): Promise<DeleteResult> {
    // With a fence it leaves something behind, so that it counts as a write.
    return await this.#store.delete(await this.#written(scope), key, conditions);
  }

  async increment(scope: string, key: string, by?: number, author?: string): Promise<number> {
    return await this.#store.increment(await this.#written(scope), key, by, author);
  }

  async retrieveAll(scope: string): Promise<ReadonlyMap<string, Entry>> {
    return await this.#store.retrieveAll(await this.#scope(scope));
  }

  async listKeys(scope: string): Promise<string[]> {
    return await this.#store.listKeys(await this.#scope(scope));
  }

  async listScopes(pattern = "*"): Promise<string[]> {
    const matches = compileGlob(pattern);
    const found = new Set<string>();
    for (const one of this.#patterns(pattern)) {
      for (const scope of await this.#store.listScopes(one)) {
        const own = await this.#own(scope);
        if (own !== null && matches(own)) found.add(own);
      }
    }
    return [...found].sort();
  }

  async deleteScope(scope: string): Promise<boolean> {
    return await this.#store.deleteScope(await this.#scope(scope));
  }

  async watch(pattern = "*", signal?: AbortSignal): Promise<AsyncIterable<Change>> {
    const stop = linkedTo(this.#closing.signal, signal);
    const [only, ...others] = this.#patterns(pattern);
    // One watch, also where several patterns are needed: what it reports too much is left out.
    const all = this.#isDefault ? "*" : `${MARK}*${this.#prefix.slice(MARK.length)}*`;
    const changes = await this.#store.watch(others.length === 0 ? only : all, stop.signal);
    return this.#translated(changes, compileGlob(pattern), stop);
  }

  now(): Promise<number> {
    return this.#store.now();
  }

  close(): Promise<void> {
    this.#closing.abort();
    return Promise.resolve();
  }

  async *#translated(
    changes: AsyncIterable<Change>,
    matches: Matcher,
    stop: Linked,
  ): AsyncIterable<Change> {
    try {
      for await (const { scope, key, version } of changes) {
        const own = await this.#own(scope);
        if (own !== null && matches(own)) yield { scope: own, key, version };
      }
    } finally {
      stop.abort();
    }
  }

  /** The globs that match all scopes a tenant's glob can mean; some others may match too. */
  #patterns(pattern: string): string[] {
    const long = `${this.#long}*`;
    if (!this.#isDefault) return [this.#prefix + pattern, long];
    // A pattern that begins like no other tenant's scope matches none that had to be renamed.
    const start = /^[^*?[]*/.exec(pattern)![0];
    const isOther = !start.startsWith(MARK) && !MARK.startsWith(start);
    return isOther || pattern === "*" ? [pattern] : [pattern, `${escapeGlob(this.#prefix)}*`, long];
  }

  /** What a scope of the store is called by the tenant, or null where it is not the tenant's. */
  async #own(scope: string): Promise<string | null> {
    if (scope.startsWith(this.#prefix)) return scope.slice(this.#prefix.length);
    if (scope.startsWith(this.#long)) return await this.#nameOf(scope.slice(this.#long.length));
    return this.#isDefault && !scope.startsWith(MARK) ? scope : null;
  }

  /** A tenant's scope as the store calls it, or null where that has no room for it. */
  #short(scope: string): string | null {
    checkName("scope", scope);
    if (this.#isDefault && !scope.startsWith(MARK)) return scope;
    const whole = this.#prefix + scope;
    return whole.length <= MAX_NAME_LENGTH ? whole : null;
  }

  /** A tenant's scope as the store calls it. */
  async #scope(scope: string): Promise<string> {
    return this.#short(scope) ?? this.#long + await hashOf(scope);
  }

  /** The same for a scope that is written to: it will have to be found. */
  async #written(scope: string): Promise<string> {
    const whole = await this.#scope(scope);
    if (whole.startsWith(this.#long)) {
      const hash = whole.slice(this.#long.length);
      if (await this.#nameOf(hash) === null) await this.#store.store(this.#names, hash, scope);
    }
    return whole;
  }

  async #nameOf(hash: string): Promise<string | null> {
    const known = this.#known.get(hash);
    if (known !== undefined) return known;
    const name = (await this.#store.retrieve(this.#names, hash))?.value;
    if (typeof name !== "string") return null;
    this.#known.set(hash, name);
    return name;
  }
}

async function hashOf(text: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return new Uint8Array(digest).toHex();
}

import { compileGlob } from "../../../src/domain/glob.ts";
import { encodeValue, type Json } from "../../../src/domain/json.ts";
import type { Change, Entry, StoreOptions, Version } from "../../../src/storage/adapter.ts";
import { MemoryStore } from "../../../src/storage/memory.ts";
import { liveEntry } from "../../../src/storage/record.ts";
import { type Bugs, Sound } from "./sound.ts";

class StopsStarAtSlash extends Sound {
  override async listScopes(pattern = "*") {
    const segments = (text: string) => text.split("/");
    const matches = (scope: string) =>
      segments(scope).length === segments(pattern).length &&
      segments(pattern).every((part, i) => compileGlob(part)(segments(scope)[i]));
    return (await this.inner.listScopes()).filter(pattern === "*" ? () => true : matches);
  }
}

class MatchesByPrefix extends Sound {
  override async listScopes(pattern = "*") {
    const prefix = pattern.replace(/\*.*$/s, "");
    return (await this.inner.listScopes()).filter((scope) => scope.startsWith(prefix));
  }
}

class DeletesByPrefix extends Sound {
  override async deleteScope(scope: string) {
    const existed = await this.inner.deleteScope(scope);
    for (const other of [...this.shared.data.scopes.keys()]) {
      if (other.startsWith(`${scope}:`)) await this.inner.deleteScope(other);
    }
    return existed;
  }
}

class WatchesItselfOnly extends Sound {
  readonly #own = new Set<Version | null>([null]);
  override async store(scope: string, key: string, value: Json, options?: StoreOptions) {
    const result = await this.inner.store(scope, key, value, options);
    if (result.ok) this.#own.add(result.version);
    return result;
  }
  override async watch(pattern?: string, signal?: AbortSignal) {
    const changes = await this.inner.watch(pattern, signal);
    const isOwn = (change: Change) => this.#own.has(change.version);
    return (async function* () {
      for await (const change of changes) if (isOwn(change)) yield change;
    })();
  }
}

class WatchesWithoutDeletions extends Sound {
  override async watch(pattern?: string, signal?: AbortSignal) {
    const changes = await this.inner.watch(pattern, signal);
    return (async function* () {
      for await (const change of changes) if (change.version !== null) yield change;
    })();
  }
}

class WatchesEverything extends Sound {
  override watch(_pattern?: string, signal?: AbortSignal) {
    return this.inner.watch("*", signal);
  }
}

class WatchesBeyondClose extends Sound {
  override watch(pattern?: string, signal?: AbortSignal) {
    return new MemoryStore(this.shared.data).watch(pattern, signal);
  }
}

class FoldsCase extends Sound {
  override store(scope: string, key: string, value: Json, options?: StoreOptions) {
    return this.inner.store(scope.toLowerCase(), key, value, options);
  }
  override retrieve(scope: string, key: string) {
    return this.inner.retrieve(scope.toLowerCase(), key);
  }
  override listKeys(scope: string) {
    return this.inner.listKeys(scope.toLowerCase());
  }
  override deleteScope(scope: string) {
    return this.inner.deleteScope(scope.toLowerCase());
  }
}

class KeepsTheCallersValue extends Sound {
  override async store(scope: string, key: string, value: Json, options?: StoreOptions) {
    const result = await this.inner.store(scope, key, value, options);
    const record = this.kept(scope, key);
    if (result.ok && record?.entry) {
      const entry = { ...record.entry, value };
      this.shared.data.scopes.get(scope)!.set(key, { ...record, entry });
    }
    return result;
  }
}

class HandsOutItsOwnValue extends Sound {
  override async retrieve(scope: string, key: string) {
    await this.inner.retrieve(scope, key);
    return liveEntry(this.kept(scope, key) ?? { entry: null, fence: null }, this.shared.nowMs);
  }
}

class AcknowledgesBeforeWriting extends Sound {
  readonly #late: Promise<unknown>[] = [];
  override async close() {
    await Promise.allSettled(this.#late);
    await this.inner.close();
  }
  override async store(scope: string, key: string, value: Json, options?: StoreOptions) {
    encodeValue(value);
    if (options !== undefined) return await this.inner.store(scope, key, value, options);
    const later = new Promise((resolve) => setTimeout(resolve, 1));
    this.#late.push(later.then(() => this.inner.store(scope, key, value)));
    this.#late.at(-1)!.catch(() => {});
    return { ok: true as const, version: crypto.randomUUID() as string as Version };
  }
}

class ThrowsOnLostRaces extends Sound {
  override async store(scope: string, key: string, value: Json, options?: StoreOptions) {
    const result = await this.inner.store(scope, key, value, options);
    if (!result.ok) throw new Error("conflict");
    return result;
  }
}

class LosesProto extends Sound {
  override store(scope: string, key: string, value: Json, options?: StoreOptions) {
    encodeValue(value); // Node and browsers lose it by assigning it; Deno has to be told to
    const isLost = (member: Json) =>
      typeof member === "object" && member !== null && Object.hasOwn(member, "__proto__");
    return this.inner.store(scope, key, isLost(value) ? {} : value, options);
  }
}

class LosesProtoKeys extends Sound {
  override async listKeys(scope: string) {
    return (await this.inner.listKeys(scope)).filter((key) => key !== "__proto__");
  }
}

class RoundsNumbers extends Sound {
  override store(scope: string, key: string, value: Json, options?: StoreOptions) {
    return this.inner.store(scope, key, JSON.parse(encodeValue(value)), options);
  }
}

class CutsLargeValues extends Sound {
  override async retrieve(scope: string, key: string) {
    const entry = await this.inner.retrieve(scope, key);
    if (typeof entry?.value !== "string") return entry;
    return { ...entry, value: entry.value.slice(0, 65_536) };
  }
}

class ForgetsAuthors extends Sound {
  override store(scope: string, key: string, value: Json, options?: StoreOptions) {
    return this.inner.store(scope, key, value, { ...options, author: undefined });
  }
}

class RetrievesEndedEntries extends Sound {
  override async retrieveAll(scope: string) {
    await this.inner.retrieveAll(scope);
    const kept = [...this.shared.data.scopes.get(scope) ?? []].sort();
    return new Map(kept.flatMap(([key, { entry }]) => entry ? [[key, entry]] : []));
  }
}

class RetrievesInOrderOfWriting extends Sound {
  override async retrieveAll(scope: string) {
    const entries = await this.inner.retrieveAll(scope);
    const kept = [...this.shared.data.scopes.get(scope) ?? []];
    return new Map(kept.flatMap(([key]) => entries.has(key) ? [[key, entries.get(key)!]] : []));
  }
}

class RetrievesOnePage extends Sound {
  override async retrieveAll(scope: string) {
    return new Map([...await this.inner.retrieveAll(scope)].slice(0, 500));
  }
}

class RetrievesAsAnObject extends Sound {
  override async retrieveAll(scope: string) {
    return new Map(Object.entries(Object.fromEntries(await this.inner.retrieveAll(scope))));
  }
}

class RemembersTheScope extends Sound {
  readonly #seen = new Map<string, ReadonlyMap<string, Entry>>();
  override async retrieveAll(scope: string) {
    const known = this.#seen.get(scope);
    const keys = await this.inner.listKeys(scope);
    if (known && keys.join() === [...known.keys()].join()) return known;
    const entries = await this.inner.retrieveAll(scope);
    this.#seen.set(scope, entries);
    return entries;
  }
}

class ListsUnsorted extends Sound {
  override async listKeys(scope: string) {
    return (await this.inner.listKeys(scope)).sort(new Intl.Collator("en").compare);
  }
}

/** Stores that list, watch or copy wrongly; the name says what is wrong. */
export const READING_BUGS: Bugs = {
  "ends a `*` at a slash": StopsStarAtSlash,
  "takes a glob for a prefix": MatchesByPrefix,
  "deletes scopes by prefix": DeletesByPrefix,
  "watches its own writes only": WatchesItselfOnly,
  "watches no deletions": WatchesWithoutDeletions,
  "watches scopes that do not match": WatchesEverything,
  "watches on after `close()`": WatchesBeyondClose,
  "folds the case of scopes": FoldsCase,
  "keeps the caller's value": KeepsTheCallersValue,
  "hands out its own value": HandsOutItsOwnValue,
  "acknowledges before it writes": AcknowledgesBeforeWriting,
  "throws on a lost race": ThrowsOnLostRaces,
  "loses members named `__proto__`": LosesProto,
  "loses keys named `__proto__`": LosesProtoKeys,
  "rounds large numbers": RoundsNumbers,
  "cuts values at 64 KiB": CutsLargeValues,
  "forgets authors": ForgetsAuthors,
  "sorts keys by language": ListsUnsorted,
  "retrieves entries that have ended": RetrievesEndedEntries,
  "retrieves entries in the order of writing": RetrievesInOrderOfWriting,
  "retrieves the first 500 entries": RetrievesOnePage,
  "retrieves numbered keys first": RetrievesAsAnObject,
  "retrieves what it saw before while no key comes or goes": RemembersTheScope,
};

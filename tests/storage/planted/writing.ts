import { compileGlob } from "../../../src/domain/glob.ts";
import { encodeValue, type Json } from "../../../src/domain/json.ts";
import type { StoreOptions, Version, WriteConditions } from "../../../src/storage/adapter.ts";
import { checkName } from "../../../src/storage/record.ts";
import { type Bugs, Sound } from "./sound.ts";

/** A moment in which other tasks run. */
const gap = () => new Promise<void>((resolve) => queueMicrotask(resolve));

class IgnoresExpected extends Sound {
  override store(scope: string, key: string, value: Json, options?: StoreOptions) {
    return this.inner.store(scope, key, value, { ...options, expected: undefined });
  }
}

class IgnoresExpectedWhenDeleting extends Sound {
  override delete(scope: string, key: string, { fence }: WriteConditions = {}) {
    return this.inner.delete(scope, key, { fence });
  }
}

class ChecksThenWrites extends Sound {
  override async store(scope: string, key: string, value: Json, options: StoreOptions = {}) {
    const { expected, ...rest } = options;
    if (expected !== undefined) {
      const current = await this.inner.retrieve(scope, key);
      const holds = expected === "absent" ? !current : current?.version === expected;
      await gap();
      if (!holds) return this.inner.store(scope, key, value, options);
    }
    return this.inner.store(scope, key, value, rest);
  }
}

class RewritesWholeScope extends Sound {
  override async store(scope: string, key: string, value: Json, options?: StoreOptions) {
    const others = new Map(this.shared.data.scopes.get(scope));
    await gap();
    const result = await this.inner.store(scope, key, value, options);
    const records = this.shared.data.scopes.get(scope);
    for (const name of records?.keys() ?? []) {
      if (name !== key && !others.has(name)) records!.delete(name);
    }
    return result;
  }
}

class JoinsScopeAndKey extends Sound {
  #joined(scope: string, key: string): [string, string] {
    checkName("scope", scope);
    checkName("key", key);
    const parts = `${scope}:${key}`.split(":");
    return [parts.slice(0, -1).join(":") || ":", parts.at(-1) || ":"];
  }
  override store(scope: string, key: string, value: Json, options?: StoreOptions) {
    return this.inner.store(...this.#joined(scope, key), value, options);
  }
  override retrieve(scope: string, key: string) {
    return this.inner.retrieve(...this.#joined(scope, key));
  }
}

class NamesFilesLikeTheSeed extends Sound {
  #file = (scope: string) => scope.replaceAll(/[:/]/g, "__");
  override async store(scope: string, key: string, value: Json, options?: StoreOptions) {
    if (!this.shared.notes.has(this.#file(scope))) this.shared.notes.set(this.#file(scope), scope);
    return await this.inner.store(this.#true(scope), key, value, options);
  }
  override async retrieve(scope: string, key: string) {
    return await this.inner.retrieve(this.#true(scope), key);
  }
  #true(scope: string): string {
    return this.shared.notes.get(this.#file(scope)) as string ?? scope;
  }
}

class DropsFalsyValues extends Sound {
  override async retrieve(scope: string, key: string) {
    const entry = await this.inner.retrieve(scope, key);
    return entry?.value || entry?.value === null ? entry : null;
  }
}

class TakesNullForAbsent extends Sound {
  override async retrieve(scope: string, key: string) {
    const entry = await this.inner.retrieve(scope, key);
    return entry?.value === null ? null : entry;
  }
}

class IgnoresTtl extends Sound {
  override store(scope: string, key: string, value: Json, options?: StoreOptions) {
    return this.inner.store(scope, key, value, { ...options, ttlMs: undefined });
  }
}

class ListsEndedKeys extends Sound {
  override async listKeys(scope: string) {
    await this.inner.listKeys(scope);
    const records = [...this.shared.data.scopes.get(scope) ?? []];
    return records.filter(([, { entry }]) => entry).map(([key]) => key).sort();
  }
}

class ListsEndedScopes extends Sound {
  override async listScopes(pattern = "*") {
    const matches = compileGlob(pattern);
    const scopes = [...this.shared.data.scopes];
    const present = scopes.filter(([, records]) => [...records.values()].some((r) => r.entry));
    return await Promise.resolve(present.map(([scope]) => scope).filter(matches).sort());
  }
}

class ListsEmptiedScopes extends Sound {
  override async listScopes(pattern = "*") {
    const scopes = [...this.shared.data.scopes.keys()];
    return await Promise.resolve(scopes.filter(compileGlob(pattern)).sort());
  }
}

class IgnoresFence extends Sound {
  override store(scope: string, key: string, value: Json, options: StoreOptions = {}) {
    const seen = this.kept(scope, key)?.fence ?? 0;
    const fence = options.fence === undefined ? undefined : Math.max(options.fence, seen);
    return this.inner.store(scope, key, value, { ...options, fence });
  }
}

class ForgetsFence extends Sound {
  override async delete(scope: string, key: string, conditions?: WriteConditions) {
    const result = await this.inner.delete(scope, key, conditions);
    if (result.ok) this.shared.data.scopes.get(scope)?.delete(key);
    return result;
  }
}

class ForgetsFencesOfScope extends Sound {
  override async deleteScope(scope: string) {
    const existed = await this.inner.deleteScope(scope);
    this.shared.data.scopes.delete(scope);
    return existed;
  }
}

class ForgetsFenceAtUnfencedWrite extends Sound {
  override async store(scope: string, key: string, value: Json, options?: StoreOptions) {
    const result = await this.inner.store(scope, key, value, options);
    const record = this.kept(scope, key);
    if (result.ok && options?.fence === undefined && record?.entry) {
      const entry = { ...record.entry, fence: null };
      this.shared.data.scopes.get(scope)!.set(key, { entry, fence: null });
    }
    return result;
  }
}

class TakesFenceZeroForNone extends Sound {
  override store(scope: string, key: string, value: Json, options: StoreOptions = {}) {
    const fence = options.fence || (options.fence === 0 ? undefined : options.fence);
    return this.inner.store(scope, key, value, { ...options, fence });
  }
}

class CountsInTwoSteps extends Sound {
  override async increment(scope: string, key: string, by = 1, author?: string) {
    const before = await this.inner.retrieve(scope, key);
    await gap();
    await this.inner.increment(scope, key, by, author);
    const entry = { ...this.kept(scope, key)!.entry!, value: (before?.value as number ?? 0) + by };
    this.shared.data.scopes.get(scope)!.set(key, { entry, fence: entry.fence });
    return entry.value;
  }
}

class CountingDropsExpiry extends Sound {
  override async increment(scope: string, key: string, by?: number, author?: string) {
    const sum = await this.inner.increment(scope, key, by, author);
    const entry = { ...this.kept(scope, key)!.entry!, expiresAtMs: null };
    this.shared.data.scopes.get(scope)!.set(key, { entry, fence: entry.fence });
    return sum;
  }
}

/** Gives entries versions of its own making. */
abstract class NamesVersions extends Sound {
  protected abstract name(scope: string, key: string, value: Json): Version;

  override async store(scope: string, key: string, value: Json, options?: StoreOptions) {
    const result = await this.inner.store(scope, key, value, options);
    if (!result.ok) return result;
    const version = this.name(scope, key, value);
    const record = this.kept(scope, key)!;
    const entry = { ...record.entry!, version };
    this.shared.data.scopes.get(scope)!.set(key, { ...record, entry });
    return { ok: true as const, version };
  }
}

class HashesContent extends NamesVersions {
  protected override name(_scope: string, _key: string, value: Json) {
    return encodeValue(value) as Version;
  }
}

class RestartsVersions extends NamesVersions {
  protected override name(scope: string, key: string) {
    const id = JSON.stringify([scope, key]);
    const count = (this.shared.notes.get(id) as number ?? 0) + 1;
    this.shared.notes.set(id, count);
    return `${count}` as Version;
  }
  override async delete(scope: string, key: string, conditions?: WriteConditions) {
    const result = await this.inner.delete(scope, key, conditions);
    if (result.ok) this.shared.notes.delete(JSON.stringify([scope, key]));
    return result;
  }
}

class RestartsVersionsOfScope extends NamesVersions {
  protected override name(scope: string) {
    const count = (this.shared.notes.get(scope) as number ?? 0) + 1;
    this.shared.notes.set(scope, count);
    return `${count}` as Version;
  }
  override deleteScope(scope: string) {
    this.shared.notes.delete(scope);
    return this.inner.deleteScope(scope);
  }
}

/** Stores that write wrongly; the name says what is wrong. */
export const WRITING_BUGS: Bugs = {
  "ignores `expected`": IgnoresExpected,
  "ignores `expected` when deleting": IgnoresExpectedWhenDeleting,
  "checks, then writes a moment later": ChecksThenWrites,
  "reads a scope and writes it back a moment later": RewritesWholeScope,
  "joins scope and key with a colon": JoinsScopeAndKey,
  "lets two scopes share the seed's file name": NamesFilesLikeTheSeed,
  "drops values that are false": DropsFalsyValues,
  "takes null for absent": TakesNullForAbsent,
  "ignores `ttlMs`": IgnoresTtl,
  "lists keys that have ended": ListsEndedKeys,
  "lists scopes of which all keys have ended": ListsEndedScopes,
  "lists emptied scopes": ListsEmptiedScopes,
  "ignores the fence": IgnoresFence,
  "forgets the fence with `delete()`": ForgetsFence,
  "forgets the fences with `deleteScope()`": ForgetsFencesOfScope,
  "forgets the fence with an unfenced write": ForgetsFenceAtUnfencedWrite,
  "takes fence 0 for none": TakesFenceZeroForNone,
  "counts in two steps": CountsInTwoSteps,
  "drops the expiry when counting": CountingDropsExpiry,
  "takes a hash of the content for a version": HashesContent,
  "restarts versions after `delete()`": RestartsVersions,
  "restarts versions after `deleteScope()`": RestartsVersionsOfScope,
};

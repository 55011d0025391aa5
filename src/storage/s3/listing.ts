/**
 * Looking at many objects: listings name them with their ETags, so that an object is read only where
 * its kind asks for it and it has changed since it was last seen.
 *
 * @module
 */

import type { Bucket } from "./bucket.ts";
import { type Body, type Kind, kindOfSize, partsOf } from "./layout.ts";
import type { Listed } from "./page.ts";
import { type Current, readObject } from "./reading.ts";

/** An object of a key, in a listing. */
export interface ListedKey extends Listed {
  /** What stands for the scope and the key in its name. */
  readonly parts: { readonly scope: string; readonly key: string };
  readonly kind: Kind;
}

/** So many objects are read at the same time. */
const AT_ONCE = 24;
/** What is remembered of objects, in characters of their text. */
const MAX_REMEMBERED = 8 * 1024 * 1024;

/** What was read of a bucket, by ETag: an object with the same ETag has the same content. */
export class Reader {
  readonly #bucket: Bucket;
  readonly #prefix: string;
  readonly #known = new Map<string, Current>();
  #knownLength = 0;

  /** @param prefix Before the names of the store's objects. */
  constructor(bucket: Bucket, prefix: string) {
    this.#bucket = bucket;
    this.#prefix = prefix;
  }

  /**
   * The objects of keys below a prefix.
   *
   * @param below After the store's own prefix.
   * @param until When the time of a request ends; asked anew for each.
   */
  async list(below: string, until: () => number): Promise<ListedKey[]> {
    const found: ListedKey[] = [];
    for (let token: string | null = null;;) {
      const page = await this.#bucket.list(this.#prefix + below, token, until());
      for (const listed of page.objects) {
        const parts = partsOf(listed.name.slice(this.#prefix.length));
        if (parts) found.push({ ...listed, parts, kind: kindOfSize(listed.bytes) });
      }
      token = page.next;
      if (token === null) return found;
    }
  }

  /**
   * What an object holds now, or null where it is gone.
   *
   * @throws {CoordinatorError} `store_corrupt`, `store_newer`, and what {@linkcode Bucket} throws.
   */
  async read({ name, etag }: Listed, until: () => number): Promise<Body | null> {
    const known = this.#known.get(name);
    if (known?.etag === etag) return known.body;
    const found = await readObject(this.#bucket, name, until());
    if (!found) return null;
    this.remember(name, found);
    return found.body;
  }

  /** What each of many objects holds, in their order. */
  async readAll(listed: readonly Listed[], until: () => number): Promise<(Body | null)[]> {
    return await mapAtOnce(listed, (one) => this.read(one, until));
  }

  /** What an object held when it was last seen, or null. */
  guess(name: string): Current | null {
    return this.#known.get(name) ?? null;
  }

  /** Notes what an object holds. */
  remember(name: string, current: Current): void {
    this.#forget(name);
    if (current.length > MAX_REMEMBERED / 8) return;
    this.#known.set(name, current);
    this.#knownLength += current.length;
    // The oldest goes first: a map keeps the order of insertion.
    for (const oldest of this.#known.keys()) {
      if (this.#knownLength <= MAX_REMEMBERED) break;
      this.#forget(oldest);
    }
  }

  #forget(name: string): void {
    this.#knownLength -= this.#known.get(name)?.length ?? 0;
    this.#known.delete(name);
  }
}

/** Does something for each of many, a number of them at the same time; answers in their order. */
export async function mapAtOnce<T, R>(
  items: readonly T[],
  task: (item: T) => Promise<R>,
): Promise<R[]> {
  const results = new Array<R>(items.length);
  let next = 0;
  const work = async () => {
    while (next < items.length) {
      const at = next++;
      results[at] = await task(items[at]);
    }
  };
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, items.length) }, work));
  return results;
}

/**
 * How the values of a configuration are named.
 *
 * @module
 */

import { isObject, type Json } from "../domain/json.ts";

/** A value that is no object itself, or an empty one, and the names on the way to it. */
export interface Leaf {
  readonly path: readonly string[];
  readonly value: Json;
}

/** The name of a value, such as `storage.adapter` or `coordination.timeouts["*.py"]`. */
export function keyName(path: readonly PropertyKey[]): string {
  return path.map(String).reduce((name, part) => {
    if (!/^[\w$-]+$/.test(part)) return `${name}[${JSON.stringify(part)}]`;
    return name === "" ? part : `${name}.${part}`;
  }, "");
}

/** All values of a configuration. */
export function leaves(value: Json, path: readonly string[] = []): Leaf[] {
  if (!isObject(value) || (path.length > 0 && Object.keys(value).length === 0)) {
    return [{ path, value }];
  }
  return Object.entries(value).flatMap(([name, inner]) => leaves(inner, [...path, name]));
}

/** The names of all values of a configuration. */
export function leafKeys(value: Json): string[] {
  return leaves(value).map(({ path }) => keyName(path));
}

/** Both values in one: objects are merged key by key, and of anything else `over` counts. */
export function mergeOver(under: Json, over: Json): Json {
  if (!isObject(under) || !isObject(over)) return over;
  const merged = new Map(Object.entries(under));
  for (const [name, value] of Object.entries(over)) {
    merged.set(name, merged.has(name) ? mergeOver(merged.get(name)!, value) : value);
  }
  return Object.fromEntries(merged); // which also keeps a key `__proto__` a key
}

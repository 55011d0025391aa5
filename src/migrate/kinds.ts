/**
 * What the scopes of a store are for. Shared data is moved from store to store; what tells who is at
 * work right now is not: it is true of the store that they work with, and nowhere else.
 *
 * @module
 */

/** `data` is moved; `state` is the coordinator's own record of what goes on. */
export type Kind = "data" | "state";

/** The project-wide scopes (`:{project}:…`) with what goes on, by their third part. */
const STATE_OF_PROJECT = new Set(["sessions", "locks", "book", "file", "notices"]);

interface Parts {
  readonly machine: string;
  readonly project: string;
  readonly type: string;
  /** What follows the type, or null for nothing. */
  readonly id: string | null;
}

/** The parts of `{machine}:{project}:{type}:{id}`; neither machine nor project has a colon. */
function partsOf(scope: string): Parts | null {
  const [, machine, project, type, id = null] =
    /^([^:]*):([^:]+):([^:]+)(?::(.*))?$/s.exec(scope) ?? [];
  return type === undefined ? null : { machine, project, type, id };
}

/** What a scope is for; one that csc did not name is somebody's data. */
export function kindOf(scope: string): Kind {
  const parts = partsOf(scope);
  if (!parts) return "data";
  const { machine, type, id } = parts;
  const isState = machine === ""
    ? STATE_OF_PROJECT.has(type)
    : type === "csc" || (type === "instances" && id === null);
  return isState ? "state" : "data";
}

/**
 * The scope with the floor of the tokens that fence a scope, or that its leases have: no later token
 * may be lower. Null where there are none.
 */
export function bookOf(scope: string): string | null {
  const parts = partsOf(scope);
  if (!parts) return null;
  const { machine, project, type, id } = parts;
  if (machine === "") return STATE_OF_PROJECT.has(type) ? `:${project}:book` : null;
  const isFenced = type === "session" || (type === "csc" && (id === "claims" || id === "book"));
  return isFenced ? `${machine}:${project}:csc:book` : null;
}

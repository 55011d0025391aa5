/**
 * The names of scopes: `{machine}:{owner}/{repo}:{type}:{id}` (seed 002).
 *
 * @module
 */

import { CoordinatorError } from "../domain/error.ts";

/** What comes before the scopes of one project on one machine, without the last colon. */
export function scopePrefix(machine: string, project: string): string {
  return `${machine}:${project}`;
}

/** The scope with the list of instances, as seed 002 has it: readable by all, written by us only. */
export const INSTANCES_SCOPE = "instances";
/** The key of that list. */
export const REGISTRY_KEY = "registry";
/** The scope with the leases on instances; like all scopes of type `csc`, hidden. */
export const CLAIMS_SCOPE = "csc:claims";
/** What these leases need beside their records. */
export const BOOK_SCOPE = "csc:book";

/** The scope with what a session stores of its own work. */
export function sessionScope(instance: string): string {
  return `session:${instance}`;
}

/** Whether a scope (without prefix) is the coordinator's own, so that it is not listed. */
export function isReserved(scope: string): boolean {
  return scope === INSTANCES_SCOPE || isHidden(scope);
}

function isHidden(scope: string): boolean {
  return scope === "csc" || scope.startsWith("csc:");
}

/** Refuses to write to the coordinator's own scopes. */
export function checkWritable(scope: string): void {
  if (!isReserved(scope)) return;
  throw new CoordinatorError(
    "reserved_scope",
    `Cannot change the scope '${scope}' as the coordinator keeps its own records there`,
    "Use sign_on() and sign_off() for instances, and a scope such as 'session:claude_1' or 'issue:15' for data.",
  );
}

/** Refuses to read the coordinator's own scopes, but for the list of instances. */
export function checkReadable(scope: string): void {
  if (!isHidden(scope)) return;
  throw new CoordinatorError(
    "reserved_scope",
    `Cannot read the scope '${scope}' as the coordinator keeps its own records there`,
    `Read the key '${REGISTRY_KEY}' of the scope '${INSTANCES_SCOPE}', or the resource session://context.`,
  );
}

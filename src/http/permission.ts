/**
 * What somebody may do with a store: by the scopes of their token, and by the projects and machines
 * that it may name.
 *
 * @module
 */

import { CoordinatorError } from "../domain/error.ts";
import { compileGlob } from "../domain/glob.ts";
import { shellWord } from "../domain/shell_word.ts";
import type { Principal, TokenScope } from "./principal.ts";

/**
 * Whether a principal may name a scope. Scopes are `machine:project:…`, or `:project:…` for what all
 * machines share (seed 002). What has no such form belongs to no project: only those who may name
 * any can name it.
 */
export function mayName({ projects, machines }: Principal): (scope: string) => boolean {
  const project = anyOf(projects);
  const machine = anyOf(machines);
  if (project === null && machine === null) return () => true;
  return (scope) => {
    const [, ofMachine, ofProject] = /^([^:]*):([^:]+):/.exec(scope) ?? [];
    if (ofProject === undefined) return false;
    const isShared = ofMachine === "";
    return (project === null || project(ofProject)) &&
      (isShared || machine === null || machine(ofMachine));
  };
}

function anyOf(globs: readonly string[] | null): ((name: string) => boolean) | null {
  if (globs === null) return null;
  const matchers = globs.map(compileGlob);
  return (name) => matchers.some((matches) => matches(name));
}

/**
 * Refuses what the token's scopes do not allow.
 *
 * @throws {CoordinatorError} `forbidden`.
 */
export function checkAllowed({ user, scopes }: Principal, needed: TokenScope, what: string): void {
  if (scopes.has(needed)) return;
  const wanted = [...scopes, needed].join(",");
  const call = `csc token create --user ${shellWord(user)} --scope ${wanted}`;
  throw new CoordinatorError(
    "forbidden",
    `${user} may not ${what}: the token has no scope '${needed}'`,
    `Ask who runs the server for a token with it: \`${call}\`.`,
  );
}

/** The error for a scope of a project or machine that the token may not name. */
export function notNamed({ user, projects, machines }: Principal, scope: string): CoordinatorError {
  const limits = [
    ...(projects ? [`projects ${projects.join(", ")}`] : []),
    ...(machines ? [`machines ${machines.join(", ")}`] : []),
  ];
  return new CoordinatorError(
    "forbidden",
    `${user} may not use the scope '${scope.slice(0, 200).toWellFormed()}': the token is for ${
      limits.join(" and ")
    }`,
    "Ask who runs the server for a token that names this project and machine.",
  );
}

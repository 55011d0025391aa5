/**
 * Which project and machine a direct client acts for: it names them in headers, and its token says
 * whether it may.
 *
 * @module
 */

import { CoordinatorError } from "../domain/error.ts";
import { compileGlob } from "../domain/glob.ts";
import { printable, shorten } from "../domain/text.ts";
import { LOCAL_USER } from "./door.ts";
import type { Principal } from "./principal.ts";

/** Names the project. */
export const PROJECT_HEADER = "x-csc-project";
/** Names the machine. */
export const MACHINE_HEADER = "x-csc-machine";

/** Where a client works. */
export interface Place {
  readonly project: string;
  readonly machine: string;
}

/** As long as an id that csc finds out itself. */
const MAX_CHARS = 200;

/**
 * Where a client works that names nothing: the only project or machine that its token may name, else
 * the server's own project, and the user's name as the machine (without tokens the server's machine).
 */
export function usualPlace(principal: Principal, own: Place): Place {
  const { user, projects, machines } = principal;
  return {
    project: onlyOne(projects) ?? own.project,
    machine: onlyOne(machines) ?? (principal === LOCAL_USER ? own.machine : nameOf(user)),
  };
}

/**
 * The place that a request names, and where it names nothing, the usual one.
 *
 * @throws {CoordinatorError} `invalid_argument` for a malformed name, `forbidden` for one that the
 * token may not name.
 */
export function placeOf(headers: Headers, principal: Principal, usual: Place): Place {
  const project = nameIn(headers, PROJECT_HEADER) ?? usual.project;
  const machine = nameIn(headers, MACHINE_HEADER) ?? usual.machine;
  checkAllowed("project", project, principal.projects, PROJECT_HEADER);
  checkAllowed("machine", machine, principal.machines, MACHINE_HEADER);
  return { project, machine };
}

/** A user's name as a machine's. */
function nameOf(user: string): string {
  return user.replaceAll(":", "-");
}

function nameIn(headers: Headers, header: string): string | null {
  const given = headers.get(header);
  if (given === null) return null;
  const name = decoded(given);
  const isName = name !== "" && name.length <= MAX_CHARS && name.isWellFormed() &&
    name.trim() === name && printable(name) === name && !name.includes(":");
  if (isName) return name;
  throw new CoordinatorError(
    "invalid_argument",
    `The header ${header} holds no name`,
    `Use 1 to ${MAX_CHARS} characters without ':', percent-encoded where they are not ASCII.`,
  );
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** The one name that a list of globs means, or null. */
function onlyOne(globs: readonly string[] | null): string | null {
  return globs?.length === 1 && !/[*?[]/.test(globs[0]) ? globs[0] : null;
}

function checkAllowed(
  what: "project" | "machine",
  name: string,
  globs: readonly string[] | null,
  header: string,
): void {
  if (globs === null || globs.some((glob) => compileGlob(glob)(name))) return;
  throw new CoordinatorError(
    "forbidden",
    `The token may not act for the ${what} '${shorten(name, 60)}'`,
    `Name one in ${header} that it may, or ask for another token.`,
  );
}

/**
 * What went wrong with a statement, and what that says of the write it was to make.
 *
 * @module
 */

import postgres from "postgres";
import { CoordinatorError, messageOf } from "../../domain/error.ts";
import { redactUrls } from "../../domain/text.ts";
import { type Endpoint, outcomeUnknown, unreachable } from "../network_error.ts";
import type { Address } from "./address.ts";

/** A connection that ended, or gave no answer in time, after a statement had been sent. */
export class LostReply extends Error {
  override readonly name = "LostReply";
}

/** What errors name. */
export interface Place extends Endpoint {
  readonly address: Address;
  readonly schema: string;
}

/** The code of an error that PostgreSQL itself reported, such as `42501`; null for any other. */
export function sqlState(error: unknown): string | null {
  return error instanceof postgres.PostgresError ? error.code : null;
}

/** Whether the tables or functions are not there. */
export function isMissing(error: unknown): boolean {
  return ["3F000", "42P01", "42883"].includes(sqlState(error) ?? "");
}

/** Whether the server is about to be up: it has refused the connection for now. */
export function isStarting(error: unknown): boolean {
  return sqlState(error) === "57P03";
}

/**
 * The error for a statement that failed.
 *
 * @param name What was to be written; null for a statement that writes nothing.
 */
export function storeError(place: Place, name: string | null, error: unknown): CoordinatorError {
  if (error instanceof CoordinatorError) return error;
  const state = sqlState(error);
  if (state !== null) return refused(place, state, messageOf(error));
  if (error instanceof LostReply && name !== null) {
    return outcomeUnknown(place, name, error.message, plain(error));
  }
  return unreachable(place, reasonOf(error), undefined, plain(error));
}

/** What PostgreSQL refused: the statement's transaction was rolled back. */
function refused(place: Place, state: string, message: string): CoordinatorError {
  const { schema, address: { user, database } } = place;
  const cause = new Error(`${state}: ${redactUrls(message)}`);
  const known = KNOWN[state] ?? KNOWN[state.slice(0, 2)];
  if (!known) {
    return ioError(place, `reports '${message}' (${state})`, "See PostgreSQL's log.", cause);
  }
  const [fact, hint] = known;
  const said = hint.replaceAll("{role}", quote(user)).replaceAll("{database}", quote(database))
    .replaceAll("{schema}", quote(schema));
  if (fact === BUSY) {
    return new CoordinatorError(
      "store_busy",
      `${place.what} at ${place.location} could not write in time, as others were at it; nothing was written`,
      said,
      { cause },
    );
  }
  if (fact === AWAY) return unreachable(place, message, said, cause);
  return ioError(place, `${fact}: ${message}`, said, cause);
}

const BUSY = "busy";
const AWAY = "away";
const GRANT = "GRANT USAGE ON SCHEMA {schema} TO {role}; " +
  "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {schema} TO {role};";

/** Facts and hints by code, or by the first two letters of a class of codes. */
const KNOWN: Readonly<Record<string, readonly [fact: string, hint: string]>> = {
  "08P01": [
    "refuses how we connect",
    "Behind PgBouncer, add ?prepare=false to 'storage.config.url': docs/stores.md.",
  ],
  "28": [
    "does not let us in",
    "Check the user and the password in 'storage.config.url', or the variable CSC_POSTGRES_PASSWORD (else PGPASSWORD), and the server's pg_hba.conf.",
  ],
  "3D000": [
    "has no such database",
    "Check the database in 'storage.config.url', or have an administrator run: CREATE DATABASE {database} OWNER {role} ENCODING 'UTF8' TEMPLATE template0;",
  ],
  "42501": [
    "refuses this to our role",
    `Have an administrator run: CREATE SCHEMA {schema} AUTHORIZATION {role}; or, where another role has made it: ${GRANT}`,
  ],
  "53100": ["has no disk space left", "Free space on the server's disk, then try again."],
  "53200": ["is out of memory", "See the server's memory and its log, then try again."],
  "53300": [
    "has no connection left",
    "Lower 'storage.config.pool', raise the server's max_connections, or put a pooler in front of it.",
  ],
  "53": ["is at one of its limits", "See the server's log for the limit."],
  "54": ["is at one of its limits", "See the server's log for the limit."],
  "22021": [
    "cannot hold the text",
    "Use a database with the encoding UTF8: CREATE DATABASE {database} ENCODING 'UTF8' TEMPLATE template0;",
  ],
  "25006": [
    "only reads",
    "It is a standby, or set to read only: name the primary in 'storage.config.url', or all servers with ?target_session_attrs=read-write.",
  ],
  "40": [BUSY, "Try again."],
  "55P03": [BUSY, "Try again."],
  "57014": [BUSY, "Try again; another client may be stopped in the middle of a write."],
  "57P03": [AWAY, "It is starting or being shut down: try again in a moment."],
  "57P01": [AWAY, "It is starting or being shut down: try again in a moment."],
  "57P02": [AWAY, "It is starting or being shut down: try again in a moment."],
  "58": ["cannot use its files", "See the server's disk and its log."],
};

function ioError(
  { what, location }: Endpoint,
  fact: string,
  hint: string,
  cause: Error,
): CoordinatorError {
  const message = `${what} at ${location} ${redactUrls(fact)}; nothing was written`;
  return new CoordinatorError("store_io", message, hint, { cause });
}

/** A connection's failure in words. */
export function reasonOf(error: unknown): string {
  const code = (error as { code?: unknown } | null)?.code;
  const known: Record<string, string> = {
    ECONNREFUSED: "nothing listens there",
    ENOTFOUND: "its name is not known",
    EAI_AGAIN: "its name cannot be looked up",
    ECONNRESET: "it closed the connection",
    CONNECTION_CLOSED: "it closed the connection",
    CONNECTION_DESTROYED: "the connection was closed",
    CONNECT_TIMEOUT: "it did not answer in time",
    EHOSTUNREACH: "there is no way to it",
    ENETUNREACH: "there is no way to it",
  };
  return typeof code === "string" && known[code] || messageOf(error);
}

/** An error without what the client adds to it: the statement's values. */
function plain(error: unknown): Error {
  return new Error(redactUrls(messageOf(error)));
}

/** A name as SQL writes it. */
function quote(name: string): string {
  return /^[a-z_][a-z0-9_]*$/.test(name) ? name : `"${name.replaceAll('"', '""')}"`;
}

/**
 * Where a PostgreSQL server is and how to be let in, as `storage.config` and the environment say it.
 *
 * @module
 */

import { CoordinatorError, messageOf } from "../../domain/error.ts";
import type { PostgresSettings } from "../adapter_defaults.ts";

/** One server of a database. */
export interface Host {
  readonly name: string;
  readonly port: number;
}

/** How a connection is made. */
export interface Address {
  /** The servers of one database, tried in turn. */
  readonly hosts: readonly Host[];
  readonly database: string;
  readonly user: string;
  readonly password: string;
  /** As the client takes it; an object holds the certificate of whoever signs the server's. */
  readonly tls: false | "prefer" | "require" | "verify-full" | { readonly ca: string };
  /** Whether statements are prepared; behind a pooler that hands out connections by transaction, not. */
  readonly prepare: boolean;
  /** Which of several servers is meant. */
  readonly target: "read-write" | "primary" | undefined;
  /** Parameters of the session that the URL names. */
  readonly parameters: Readonly<Record<string, string>>;
  /** For people: without user and password. */
  readonly location: string;
}

/** What PostgreSQL listens on. */
const PORT = 5432;

/** More than all authorities of a system together. */
const MAX_CERTIFICATE_BYTES = 4 * 1024 * 1024;

/** Parameters of a URL that say nothing to this store. */
const IGNORED = ["channel_binding", "connect_timeout", "gssencmode", "keepalives"];
const PASSED_ON = ["application_name", "options"];
const SSL_MODES = ["disable", "allow", "prefer", "require", "verify-full"];

/**
 * Reads an address.
 *
 * @param env Gives variables: `CSC_POSTGRES_PASSWORD`, else `PGPASSWORD`, where the URL has no password;
 * `PGUSER`, else `USER`, where it has no user.
 * @throws {CoordinatorError} `invalid_config` where the URL is none, or holds what cannot be heeded.
 */
export function readAddress(
  { url, schema }: Pick<PostgresSettings, "url" | "schema">,
  env: (name: string) => string | undefined = (name) => Deno.env.get(name),
): Address {
  try {
    return parse(url, schema, env, readCertificate);
  } catch (error) {
    if (!(error instanceof UrlFault)) throw error;
    throw new CoordinatorError(
      "invalid_config",
      `The URL in 'storage.config.url' ${error.message}`,
      "Use a URL such as postgres://user@db.example:5432/team; the password may come from CSC_POSTGRES_PASSWORD.",
    );
  }
}

/**
 * What is wrong with a URL, or null. A file that it names is not looked at: whoever wrote the URL may
 * be a stranger.
 */
export function urlFault(url: string): string | null {
  try {
    parse(url, "", () => undefined, () => "");
    return null;
  } catch (error) {
    return messageOf(error);
  }
}

/** A URL that is none, or holds what cannot be heeded. Shows none of it: a part may be a password's. */
class UrlFault extends Error {}

function parse(
  text: string,
  schema: string,
  env: (name: string) => string | undefined,
  certificate: (path: string) => string,
): Address {
  const [, scheme, authority, rest] = /^(postgres(?:ql)?:\/\/)([^/?#]*)(.*)$/s.exec(text) ?? [];
  if (scheme === undefined) throw new UrlFault("does not begin with postgres://");
  if (rest.includes("@")) {
    throw new UrlFault(
      "holds an '@' behind its server: write / ? # @ in a password as %2F %3F %23 %40",
    );
  }
  const at = authority.lastIndexOf("@");
  const hosts = authority.slice(at + 1).split(",").map(readHost);
  const url = URL.parse(`http://${authority.slice(0, at + 1)}host${rest}`);
  if (!url) throw new UrlFault("is malformed");
  const user = decode(url.username) || env("PGUSER") || env("USER") || "postgres";
  const database = decode(url.pathname.slice(1)) || user;
  const said = Object.fromEntries(url.searchParams);
  checkParameters(said);
  return {
    hosts,
    database,
    user,
    password: decode(url.password) || env("CSC_POSTGRES_PASSWORD") || env("PGPASSWORD") || "",
    tls: readTls(said, hosts, certificate),
    prepare: said.prepare !== "false" && said.pgbouncer !== "true",
    target: said.target_session_attrs === "any"
      ? undefined
      : said.target_session_attrs as Address["target"],
    parameters: Object.fromEntries(
      PASSED_ON.filter((name) => said[name]).map((name) => [name, said[name]]),
    ),
    location: `postgres://${hosts.map(({ name, port }) => `${name}:${port}`).join(",")}/${
      encodeURIComponent(database)
    } schema ${schema}`,
  };
}

function readHost(text: string): Host {
  const [, name, port] = /^(\[[0-9a-f:.]+\]|[^:\[\]\s]*)(?::(\d{1,5}))?$/i.exec(text) ?? [];
  if (name === undefined || Number(port) > 65_535) throw new UrlFault("names no server and port");
  const bare = name.replace(/^\[|\]$/g, "");
  return { name: bare || "localhost", port: port === undefined ? PORT : Number(port) };
}

function checkParameters(said: Readonly<Record<string, string>>): void {
  const known: Record<string, readonly string[] | null> = {
    sslmode: SSL_MODES,
    sslrootcert: null,
    target_session_attrs: ["any", "read-write", "primary"],
    prepare: ["true", "false"],
    pgbouncer: ["true", "false"],
    ...Object.fromEntries([...IGNORED, ...PASSED_ON].map((name) => [name, null])),
  };
  for (const [name, value] of Object.entries(said)) {
    if (!Object.hasOwn(known, name)) {
      throw new UrlFault(
        `has an unknown parameter '${name}'; known: ${Object.keys(known).join(", ")}`,
      );
    }
    if (known[name]?.includes(value) === false) {
      throw new UrlFault(`has ${name}=${value}; known: ${known[name].join(", ")}`);
    }
  }
}

/** What `sslmode` says; without it, TLS where the server offers it, except on this machine. */
function readTls(
  { sslmode, sslrootcert }: Readonly<Record<string, string>>,
  hosts: readonly Host[],
  certificate: (path: string) => string,
): Address["tls"] {
  if (sslrootcert !== undefined && sslrootcert !== "system") {
    if (sslmode !== undefined && sslmode !== "verify-full") {
      throw new UrlFault("has sslrootcert, which needs sslmode=verify-full");
    }
    return { ca: certificate(sslrootcert) };
  }
  if (sslrootcert === "system" || sslmode === "verify-full") return "verify-full";
  if (sslmode === "require") return "require";
  if (sslmode === "disable") return false;
  const isHere = hosts.every(({ name }) => /^(localhost|127\.[\d.]+|::1)$/i.test(name));
  return sslmode === undefined && isHere ? false : "prefer";
}

function readCertificate(path: string): string {
  try {
    const { isFile, size } = Deno.statSync(path);
    if (!isFile || size > MAX_CERTIFICATE_BYTES) throw new UrlFault(); // it might never end
    return Deno.readTextFileSync(path);
  } catch {
    throw new UrlFault(`names a certificate that cannot be read: ${path}`);
  }
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new UrlFault("holds a '%' that begins no escape");
  }
}

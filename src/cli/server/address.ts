/**
 * Where `csc serve --http` listens: `HOST:PORT`, either of them, or what the environment says.
 *
 * @module
 */

import { host } from "../../config/http.ts";
import type { CommandLine } from "../command.ts";

/** An address to listen on. */
export interface Address {
  /** Without brackets. */
  readonly hostname: string;
  readonly port: number;
}

const DEFAULT_HOST = "127.0.0.1";
/** Seed 004's. */
const DEFAULT_PORT = 8082;
/** Seed 004's variable for the port. */
export const PORT_VARIABLE = "SERVER_PORT";

/**
 * Reads an address.
 *
 * @throws {CoordinatorError} `invalid_argument`.
 */
export function addressFrom(line: CommandLine, word: string | undefined): Address {
  const named = Deno.env.get(PORT_VARIABLE) || undefined;
  const usual = named === undefined ? DEFAULT_PORT : portFrom(line, named, PORT_VARIABLE);
  if (word === undefined) return { hostname: DEFAULT_HOST, port: usual };
  if (/^\d+$/.test(word)) return { hostname: DEFAULT_HOST, port: portFrom(line, word, "the port") };
  const [, bracketed, plain, port] =
    /^(?:\[([0-9a-f:.]+)\]|([a-z0-9.-]*))(?::(\d+))?$/i.exec(word) ?? [];
  const hostname = bracketed ?? plain;
  if (hostname === undefined) {
    throw line.mistake(`'${word}' is no address: name HOST, :PORT or HOST:PORT, [::1]:8082 too`);
  }
  return {
    hostname: hostname === "" ? DEFAULT_HOST : hostname.toLowerCase(),
    port: port === undefined ? usual : portFrom(line, port, "the port"),
  };
}

/**
 * What clients may call the server beside its addresses: what the configuration names, and the command
 * line.
 *
 * @throws {CoordinatorError} `invalid_argument`.
 */
export function allowedHosts(line: CommandLine, configured: readonly string[]): string[] {
  const named = line.all("allow-host").map((word) => {
    const { success, data, error } = host.safeParse(word);
    if (success) return data;
    throw line.mistake(`--allow-host ${error.issues[0].message}, not '${word}'`);
  });
  return [...configured, ...named];
}

function portFrom(line: CommandLine, text: string, what: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : NaN;
  if (port <= 65535) return port;
  throw line.mistake(`${what} is '${text}', and must be a number from 0 to 65535`);
}

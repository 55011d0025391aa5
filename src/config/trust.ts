/**
 * A configuration that comes with a repository is not its user's. It may name a store on the network,
 * which is then sent what the sessions share, and tells them what to do, only once the user has said
 * so: with `csc trust`, or by listing the host in the user's own configuration.
 *
 * @module
 */

import { CoordinatorError } from "../domain/error.ts";
import { isObject, type Json } from "../domain/json.ts";
import { printable, shorten } from "../domain/text.ts";
import { resolve } from "../os/path.ts";
import { addressesOf, type NetworkAddress } from "./addresses.ts";
import { MAX_BYTES, parseConfigJson, readConfigText } from "./file_text.ts";
import type { ConfigFile, LoadedConfig } from "./load.ts";
import { userConfigPath } from "./places.ts";
import { readTrust, type TrustEntry } from "./trust_file.ts";
import { isHostPattern, matchesHost } from "./host_pattern.ts";

/** What a file that comes with a repository asks for. */
export interface Wish {
  /** The file. */
  readonly file: string;
  /** The project that it comes with: see `TrustEntry.project`. */
  readonly project: string;
  readonly adapter: string;
  /** At least one. */
  readonly addresses: readonly NetworkAddress[];
}

/** Why an address may be used, or not. */
export type Standing = "trusted" | "listed" | "untrusted";

/**
 * What a repository's file asks of the network, or null where it asks for nothing: the store is on
 * this machine, or the user's own configuration names it.
 *
 * @param baseFolder The project's main checkout, or its folder.
 * @throws {CoordinatorError} `invalid_config` where it cannot be told which address is meant.
 */
export function wishOf(loaded: LoadedConfig, baseFolder: string): Wish | null {
  const source = repositoryFile(loaded);
  if (source === null) return null;
  const { adapter, config } = loaded.config.storage;
  try {
    const addresses = addressesOf(adapter, config);
    const project = realPath(baseFolder);
    return addresses.length === 0 ? null : { file: source.path, project, adapter, addresses };
  } catch (error) {
    if (!(error instanceof CoordinatorError)) throw error;
    const message = `${source.path}: ${error.message}`;
    throw new CoordinatorError(error.code, message, error.hint, { cause: error });
  }
}

/** The settings that say where a store is. */
const WHERE = /^storage\.config\.(url|path|base_path|endpoint|region|bucket|sentinels|cluster)\b/;

/** The file of a repository that says which store is used, and where; null where the user says it. */
function repositoryFile({ origins }: LoadedConfig): ConfigFile | null {
  const said = [...origins].filter(([key]) => /^storage\.(adapter$|config\b)/.test(key));
  const where = said.filter(([key]) => WHERE.test(key));
  if (where.length > 0 && where.every(([, file]) => file.layer !== "project")) return null;
  return said.find(([, file]) => file.layer === "project")?.[1] ?? null;
}

/**
 * How each address of a wish stands.
 *
 * @throws {CoordinatorError} `invalid_config` where the user's own files cannot be read.
 */
export function standings(wish: Wish): ReadonlyMap<NetworkAddress, Standing> {
  const entries = readTrust();
  const patterns = listedHosts();
  return new Map(wish.addresses.map((address) => {
    if (patterns.some((pattern) => matchesHost(pattern, address))) return [address, "listed"];
    const isTrusted = entries.some((entry) => isFor(wish, entry) && entry.address === address.url);
    return [address, isTrusted ? "trusted" : "untrusted"];
  }));
}

/** Whether an entry was made for a wish's project and adapter. */
export function isFor(wish: Pick<Wish, "project" | "adapter">, entry: TrustEntry): boolean {
  return entry.project === wish.project && entry.adapter === wish.adapter;
}

/**
 * Refuses a store on the network that only a repository's file names.
 *
 * @param baseFolder See {@linkcode wishOf}.
 * @throws {CoordinatorError} `not_trusted`; `invalid_config`.
 */
export function requireTrust(loaded: LoadedConfig, baseFolder: string): void {
  const wish = wishOf(loaded, baseFolder);
  if (wish === null) return;
  const refused = [...standings(wish)].filter(([, standing]) => standing === "untrusted");
  if (refused.length > 0) throw notTrusted(wish, refused.map(([address]) => address));
}

/** The error for a wish that nobody has allowed. */
function notTrusted(
  { file, adapter }: Wish,
  addresses: readonly NetworkAddress[],
): CoordinatorError {
  const named = shorten(addresses.map(({ url }) => printable(url)).join(", "), 300);
  return new CoordinatorError(
    "not_trusted",
    `You have not trusted the store on the network that this project asks for: ${adapter} at ${named}, which ${file} names`,
    "Look at it, and allow it for this project: `csc trust`. Or list the host under 'storage.trusted_hosts' in your own ~/.config/claude-session-coordinator/config.json.",
  );
}

/** The hosts that the user's own configuration lists, whichever file is in use. */
function listedHosts(): string[] {
  const path = userConfigPath();
  const text = path === null ? null : readConfigText({ layer: "user", path }, MAX_BYTES.json);
  if (text === null) return [];
  const parsed = parseConfigJson(text);
  const hosts: Json = "said" in parsed && isObject(parsed.said) && isObject(parsed.said.storage)
    ? parsed.said.storage.trusted_hosts ?? []
    : "said" in parsed
    ? []
    : null;
  if (Array.isArray(hosts) && hosts.every(isHostPattern)) return hosts as string[];
  throw new CoordinatorError(
    "invalid_config",
    `${path}: 'storage.trusted_hosts' cannot be read`,
    'Correct the file: a list such as ["redis.example.org", "*.corp.example:6379"].',
  );
}

function realPath(path: string): string {
  try {
    return Deno.realPathSync(path);
  } catch {
    return resolve(path);
  }
}

/**
 * Which store a word of a command line means.
 *
 * @module
 */

import type { z } from "zod";
import { loadConfig, prepareConfig } from "../../config/load.ts";
import { configPlaces } from "../../config/places.ts";
import { requireTrust } from "../../config/trust.ts";
import type { Setting } from "../../coordinator/setting.ts";
import { didYouMean } from "../../domain/did_you_mean.ts";
import { CoordinatorError } from "../../domain/error.ts";
import type { Json } from "../../domain/json.ts";
import { redactUrls } from "../../domain/text.ts";
import { join, resolve, resolveFrom } from "../../os/path.ts";
import { statOrNull } from "../../os/private_folder.ts";
import { KV_DEFAULTS, LOCAL_DEFAULTS } from "../../storage/adapter_defaults.ts";
import { adapterNames } from "../../storage/registry.ts";
import { ADAPTER_SETTINGS } from "../../storage/settings.ts";

/** A store that somebody named. */
export interface NamedStore {
  readonly adapter: string;
  /** Its settings, complete and checked. */
  readonly config: { readonly [key: string]: Json };
  /** Where relative paths of the settings start. */
  readonly baseFolder: string;
  /** The folder or file that it has on this machine, or null where it has none. */
  readonly path: string | null;
}

type Settings = NamedStore["config"];

const FORMS =
  "Name an adapter (local, kv, redis, postgres, s3, server), a URL (redis://HOST:PORT, postgres://…, " +
  "s3://BUCKET/PREFIX?endpoint=…, https://…), a folder, local:FOLDER, kv:FILE, or a configuration file.";

/** The adapters that URLs mean. */
const BY_SCHEME: Readonly<Record<string, string>> = {
  redis: "redis",
  rediss: "redis",
  postgres: "postgres",
  postgresql: "postgres",
  s3: "s3",
  http: "server",
  https: "server",
};

/**
 * The store that a word means: an adapter's name (with the settings of the configuration in use where
 * that names the same adapter, else its defaults), a URL, `local:FOLDER`, `kv:FILE`, a folder, or a
 * configuration file.
 *
 * @param option The option that has the word, for messages.
 * @throws {CoordinatorError} `invalid_argument`, `invalid_config`, `unknown_adapter`; `not_trusted`
 * where only a repository's file says where the store is.
 */
export async function storeNamed(
  word: string,
  option: string,
  setting: Setting,
): Promise<NamedStore> {
  if (adapterNames().includes(word)) return configured(word, option, setting);
  const [, prefix, rest] = /^(local|kv):(?!\/\/)(.+)$/s.exec(word) ?? [];
  const here = { baseFolder: Deno.cwd(), option };
  if (prefix === "local") return checked("local", { base_path: resolve(rest) }, here);
  if (prefix === "kv") return checked("kv", { path: resolve(rest) }, here);
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(word)?.[1].toLowerCase();
  if (scheme !== undefined) {
    const adapter = BY_SCHEME[scheme];
    if (adapter === undefined) throw unknown(word, option);
    return checked(adapter, adapter === "s3" ? bucketIn(word, option) : { url: word }, here);
  }
  const info = statOrNull(word);
  if (info?.isFile || word.endsWith(".json")) return await inFile(word, option, setting);
  if (info?.isDirectory || /[/\\]/.test(word)) {
    return checked("local", { base_path: resolve(word) }, here);
  }
  throw unknown(word, option);
}

function configured(adapter: string, option: string, setting: Setting): NamedStore {
  const { loaded, baseFolder } = setting;
  const { storage } = loaded.config;
  const isInUse = storage.adapter === adapter;
  if (isInUse) requireTrust(loaded, baseFolder);
  return checked(adapter, isInUse ? storage.config : {}, { baseFolder, option });
}

/** Reads a file as `--config` does, and nothing else beside it; its paths start where those do. */
async function inFile(
  path: string,
  option: string,
  { baseFolder }: Setting,
): Promise<NamedStore> {
  const places = configPlaces(path, []).filter(({ layer }) => layer === "--config");
  await prepareConfig(places);
  const { storage } = loadConfig(places).config;
  return checked(storage.adapter, storage.config, { baseFolder, option });
}

/** `s3://BUCKET/PREFIX?endpoint=…&region=…`. */
function bucketIn(word: string, option: string): Settings {
  try {
    const { hostname, pathname, searchParams } = new URL(word);
    const prefix = decodeURIComponent(pathname.replace(/^\//, ""));
    return {
      bucket: hostname,
      ...(prefix !== "" && { prefix }),
      ...Object.fromEntries(searchParams),
    };
  } catch {
    throw unknown(word, option);
  }
}

function checked(
  adapter: string,
  config: Settings,
  { baseFolder, option }: { readonly baseFolder: string; readonly option: string },
): NamedStore {
  if (adapter === "memory") {
    throw new CoordinatorError(
      "invalid_argument",
      `--${option}: 'memory' ends with its process`,
      FORMS,
    );
  }
  const schemas = ADAPTER_SETTINGS as Record<string, z.ZodType<Record<string, Json>>>;
  const parsed = schemas[adapter]?.safeParse(config);
  if (parsed && !parsed.success) {
    const [{ path, message }] = parsed.error.issues;
    const where = path.length > 0 ? `'${path.join(".")}': ` : "";
    throw new CoordinatorError(
      "invalid_argument",
      `--${option}: the settings of ${adapter} are wrong: ${where}${redactUrls(message)}`,
      "Name a configuration file that has them, or a URL.",
    );
  }
  const settings: Settings = parsed ? { ...parsed.data } : config;
  return { adapter, config: settings, baseFolder, path: pathOf(adapter, settings, baseFolder) };
}

function pathOf(adapter: string, config: Settings, baseFolder: string): string | null {
  const { base_path = LOCAL_DEFAULTS.base_path, path } = config;
  if (adapter === "local") return resolveFrom(baseFolder, String(base_path));
  if (adapter !== "kv") return null;
  const file = String(path ?? join(String(base_path ?? KV_DEFAULTS.base_path), "store.kv"));
  return /^https?:/i.test(file) ? null : resolveFrom(baseFolder, file);
}

function unknown(word: string, option: string): CoordinatorError {
  const guess = didYouMean(word, adapterNames());
  return new CoordinatorError(
    "invalid_argument",
    `--${option}: '${redactUrls(word)}' names no store${guess && ` (${guess})`}`,
    FORMS,
  );
}

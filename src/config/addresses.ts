/**
 * Which addresses on the network the settings of a store lead to. Read more strictly than the stores'
 * clients do: what two readers could understand differently is refused, as whoever wrote it may have
 * meant it so.
 *
 * @module
 */

import { CoordinatorError } from "../domain/error.ts";
import { isObject, type Json } from "../domain/json.ts";

/** Where a store on the network is, as far as trust in it goes. */
export interface NetworkAddress {
  /** What tells it from others, also for people: `redis://redis.example.org:6379`. Without user and password. */
  readonly url: string;
  /** How it is talked to: `rediss` is over TLS where `redis` is in clear. */
  readonly scheme: string;
  /** The host in lower case; of a socket on this machine its path. */
  readonly host: string;
  /** The port, or null for a socket. */
  readonly port: number | null;
}

type Settings = { readonly [key: string]: Json };

/** The stores on the network, each with its way to say where it is. */
const READERS: Readonly<Record<string, (config: Settings) => NetworkAddress[]>> = {
  // Sentinels and cluster nodes are asked instead of the URL's host.
  redis: ({ url = "redis://localhost", sentinels, cluster }) => {
    const nodes = [...sentinelsIn(sentinels, url), ...nodesIn(cluster, 6379)];
    return nodes.length > 0 ? nodes : addressesIn(url);
  },
  postgres: ({ url = "postgres://localhost" }) => {
    const tls = tlsInQuery(url);
    return [...addressesIn(url), ...hostsInQuery(url)].map((address) => ({
      ...address,
      url: address.url + tls,
    }));
  },
  s3: bucketAddresses,
  server: ({ url = "http://127.0.0.1:8082" }) => addressesIn(url),
  kv: ({ path, base_path }) =>
    typeof path === "string" && /^https?:/i.test(path)
      ? addressesIn(path)
      : [...sharesIn(path), ...sharesIn(base_path)],
  local: ({ base_path }) => sharesIn(base_path),
  memory: () => [],
};

/** The ports that a URL need not name. */
const PORTS: Readonly<Record<string, number>> = {
  http: 80,
  https: 443,
  redis: 6379,
  rediss: 6379,
  postgres: 5432,
  postgresql: 5432,
};

/**
 * The addresses that a store's settings lead to; none where it is on this machine's disk or in memory.
 * Of an adapter that a program registered these are all URLs in its settings.
 *
 * @throws {CoordinatorError} `invalid_config` where they cannot be told for certain.
 */
export function addressesOf(adapter: string, config: Settings): NetworkAddress[] {
  const read = Object.hasOwn(READERS, adapter) ? READERS[adapter] : urlsIn;
  const found = new Map(read(config).map((address) => [address.url, address]));
  return [...found.values()];
}

/** `[scheme:]//[user@]host[:port][,host[:port]…]` and what follows it. */
const URL_FORM = /^([a-z][a-z0-9+.-]*):\/\/([^/?#]*)([^?#]*)/i;
// deno-lint-ignore no-control-regex
const AMBIGUOUS = /[\\\s\u0000-\u0020\u007f-\u00a0]/;
const HOST = /^(?:\[[0-9a-f:.]+\]|[a-z0-9_](?:[a-z0-9._-]*[a-z0-9_-])?\.?)$/i;

function addressesIn(text: Json): NetworkAddress[] {
  const parts = typeof text === "string" && !AMBIGUOUS.test(text) ? URL_FORM.exec(text) : null;
  if (!parts) throw unclear();
  const [, scheme, authority, path] = parts;
  const kind = scheme.toLowerCase();
  if (/^(redis\+)?unix$|^redis\+socket$/.test(kind)) {
    return [socketAt(path)];
  }
  const [hosts, ...users] = authority.split("@").toReversed();
  // Of two '@' one client takes the first and another the last as the end of the password.
  if (users.length > 1 || path.includes("@")) throw unclear();
  return hosts.split(",").map((host) => addressAt(kind, host, PORTS[kind]));
}

function socketAt(path: string): NetworkAddress {
  return { url: `unix:${path}`, scheme: "unix", host: path, port: null };
}

function addressAt(scheme: string, text: string, standardPort?: number): NetworkAddress {
  const [, name, number] = /^(\[[^\]]*\]|[^:]*)(?::(\d{1,5}))?$/.exec(text) ?? [];
  const port = number === undefined ? standardPort : Number(number);
  const host = (name === "" ? "localhost" : name)?.toLowerCase().replace(/\.$/, "");
  if (host === undefined || !HOST.test(host) || !port || port > 65_535) throw unclear();
  return { url: `${scheme}://${host}:${port}`, scheme, host, port };
}

/** A list of nodes, each as `host:port` or as a URL. */
function nodesIn(list: Json | undefined, standardPort: number): NetworkAddress[] {
  if (list === undefined) return [];
  if (!Array.isArray(list)) throw unclear();
  return list.flatMap((node: Json) => {
    if (typeof node !== "string") throw unclear();
    return node.includes("://") ? addressesIn(node) : [addressAt("redis", node, standardPort)];
  });
}

/** The servers that sentinels name are sent the password: over TLS only where `url` says so. */
function sentinelsIn(list: Json | undefined, url: Json): NetworkAddress[] {
  const isSafe = typeof url === "string" && /^rediss:/i.test(url);
  return nodesIn(list, 26_379).map((node) =>
    isSafe
      ? { ...node, url: `${node.url}, its servers over TLS` }
      : { ...node, scheme: node.scheme === "rediss" ? "redis" : node.scheme }
  );
}

/** Clients of PostgreSQL let the query name another host than the one in front. */
function hostsInQuery(url: Json): NetworkAddress[] {
  const hosts = queryOf(url).filter(([name]) => /^host(addr)?$/i.test(name));
  return hosts.flatMap(([, value]) =>
    value.split(",").map((host) =>
      host.startsWith("/") ? socketAt(host) : addressAt("postgres", host, PORTS.postgres)
    )
  );
}

/** What the query says of TLS, to be shown, and allowed, with the address. */
function tlsInQuery(url: Json): string {
  const said = queryOf(url).filter(([name]) => /^ssl/i.test(name));
  return said.length > 0 ? `?${new URLSearchParams(said)}` : "";
}

function queryOf(url: Json): [name: string, value: string][] {
  const [, query = ""] = String(url).split("#")[0].split(/\?(.*)/s);
  return [...new URLSearchParams(query)];
}

/** Bucket and region become parts of the host's name: neither may hold what ends one. */
function bucketAddresses({ endpoint, region = "us-east-1", bucket = "" }: Settings) {
  const isName = (text: Json) => typeof text === "string" && /^[a-z0-9][a-z0-9.-]*$/i.test(text);
  if (!isName(bucket) || !isName(region)) throw unclear();
  const end = String(region).startsWith("cn-") ? "amazonaws.com.cn" : "amazonaws.com";
  const hosts = addressesIn(endpoint ?? `https://s3.${region}.${end}`);
  return hosts.map((address) => ({ ...address, url: `${address.url}/${bucket}` }));
}

/**
 * The server of a folder that Windows opens over the network, and to which it proves who the user is:
 * `\\server\share`.
 */
export function sharesIn(
  path: Json | undefined,
  isWindows = Deno.build.os === "windows",
): NetworkAddress[] {
  const text = isWindows ? String(path ?? "").replaceAll("/", "\\") : "";
  const host = /^\\\\(?:[?.]\\UNC\\)?([^\\?.][^\\]*)/i.exec(text)?.[1];
  if (host === undefined) return [];
  const name = host.toLowerCase();
  return [{ url: `smb://${name}`, scheme: "smb", host: name, port: 445 }];
}

/** All URLs in the settings of an adapter that we know nothing of. */
function urlsIn(value: Json): NetworkAddress[] {
  if (typeof value === "string") {
    if (!/^[a-z][a-z0-9+.-]*:\/\//i.test(value) || /^file:/i.test(value)) return [];
    const scheme = value.slice(0, value.indexOf(":")).toLowerCase();
    if (scheme in PORTS) return addressesIn(value);
    const host = URL_FORM.exec(value)?.[2].split("@").at(-1)?.toLowerCase() ?? "";
    const port = Number(/:(\d+)$/.exec(host)?.[1] ?? 0) || null;
    return [{ url: `${scheme}://${host}`, scheme, host: host.replace(/:\d+$/, ""), port }];
  }
  if (Array.isArray(value)) return value.flatMap(urlsIn);
  return isObject(value) ? Object.values(value).flatMap(urlsIn) : [];
}

/** Says nothing of what stands there, as it may hold a password. */
function unclear(): CoordinatorError {
  return new CoordinatorError(
    "invalid_config",
    "The address in 'storage.config' cannot be told for certain",
    "Write it as scheme://host:port, with reserved characters of a password percent-encoded.",
  );
}

/**
 * Clients of Redis that repeat nothing. By default the client sends a command again whose answer was lost
 * with the connection, and a counter then counts twice; so none of its connections is ever made anew by
 * itself.
 *
 * @module
 */

import { Cluster, Redis, type RedisOptions } from "ioredis";
import type { RedisSettings } from "../adapter_defaults.ts";
import { DEFAULT_REDIS_URL } from "../adapter_defaults.ts";
import { PASSWORD_VARIABLE, URL_VARIABLE } from "./errors.ts";

/** A client, of one server or of a cluster. */
export type Client = Redis | Cluster;

/** Where to connect, and as whom. */
export interface Target {
  /** For people; without user and password. */
  readonly location: string;
  readonly isCluster: boolean;
  /** Makes a client that is not connected yet. */
  make(): Client;
  /** One for a channel only. Of a cluster it is one node's, each time the next: any tells everything. */
  makeListener(): Client;
  /** How many servers there are to listen to, as far as they are known. */
  readonly listeners: number;
}

const CONNECT_MS = 2000;

/** Nothing is kept to be sent later, nothing is sent again. */
const ONCE = {
  lazyConnect: true,
  enableOfflineQueue: false,
  autoResendUnfulfilledCommands: false,
  autoResubscribe: false,
  maxRetriesPerRequest: 0,
  retryStrategy: () => null,
  connectTimeout: CONNECT_MS,
  disconnectTimeout: 1,
} satisfies RedisOptions;

/** What saves round trips at the start: the older protocol needs no greeting, and we ask no version. */
const BRIEF = {
  protocol: 2,
  enableReadyCheck: false,
  disableClientInfo: true,
  connectionName: "csc",
} satisfies RedisOptions;

/** Where the settings lead. The password comes from the URL, or from the environment. */
export function targetOf(settings: RedisSettings): Target {
  const { cluster, sentinels, sentinel_name: name } = settings;
  if (cluster) return clusterOf(cluster.map((node) => new URL(node)));
  // The variable's user and password are for its own server, not for one that sentinels name.
  const fallback = sentinels ? undefined : Deno.env.get(URL_VARIABLE);
  const url = new URL(settings.url ?? (fallback || DEFAULT_REDIS_URL));
  const options: RedisOptions = { ...ONCE, ...BRIEF, ...accountOf(url), db: databaseOf(url) };
  if (!sentinels) {
    const address = addressOf(url, 6379);
    return single(plain(url), () => new Redis({ ...options, ...address }));
  }
  const watchers = sentinels.map((one) => new URL(one.includes("://") ? one : `redis://${one}`));
  const { username, password, tls } = accountOf(watchers[0], "CSC_REDIS_SENTINEL_PASSWORD");
  return single(
    `'${name}' of the sentinels ${watchers.map(({ host }) => host).join(", ")}`,
    () =>
      new Redis({
        ...options,
        enableReadyCheck: true, // looks whether it is still the primary
        sentinels: watchers.map((one) => addressOf(one, 26379)),
        name,
        sentinelUsername: username,
        sentinelPassword: password,
        sentinelTLS: tls,
        enableTLSForSentinelMode: true, // else `tls`, the primary's, is passed over in silence
        sentinelCommandTimeout: CONNECT_MS,
        sentinelRetryStrategy: () => null,
      }),
  );
}

function single(location: string, make: () => Client): Target {
  return { location, isCluster: false, make, makeListener: make, listeners: 1 };
}

function clusterOf(urls: readonly URL[]): Target {
  const redisOptions: RedisOptions = { ...ONCE, ...BRIEF, ...accountOf(urls[0]) };
  const nodes = urls.map((url) => addressOf(url, 6379));
  let turn = 0;
  return {
    location: `the cluster of ${urls.map(({ host }) => host).join(", ")}`,
    isCluster: true,
    make: () =>
      new Cluster(nodes, {
        lazyConnect: true,
        enableOfflineQueue: false,
        enableReadyCheck: false,
        clusterRetryStrategy: () => null,
        retryDelayOnFailover: 0, // else it sends again what may have been done
        slotsRefreshTimeout: CONNECT_MS,
        dnsLookup: (name, found) => found(null, name), // certificates are for names, not addresses
        redisOptions,
      }),
    makeListener: () => new Redis({ ...redisOptions, ...nodes[turn++ % nodes.length] }),
    listeners: nodes.length,
  };
}

/** User, password and whether TLS is spoken. */
function accountOf(url: URL, variable: string = PASSWORD_VARIABLE) {
  return {
    username: decodeURIComponent(url.username) || undefined,
    password: decodeURIComponent(url.password) || Deno.env.get(variable) || undefined,
    tls: url.protocol === "rediss:" ? {} : undefined,
  };
}

function addressOf(url: URL, defaultPort: number) {
  return {
    host: url.hostname.replace(/^\[(.*)\]$/, "$1"), // an IPv6 address
    port: url.port ? Number(url.port) : defaultPort,
  };
}

function databaseOf(url: URL): number {
  return Number(url.pathname.slice(1) || 0);
}

function plain({ protocol, host, pathname }: URL): string {
  return `${protocol}//${host}${pathname.length > 1 ? pathname : ""}`;
}

/**
 * `csc serve --http`: the server of many clients, from start to an orderly end.
 *
 * @module
 */

import type { HttpConfig } from "../../config/types.ts";
import type { Setting } from "../../coordinator/setting.ts";
import { findSetting, projectFolder } from "../../coordinator/workspace.ts";
import { detectMachine } from "../../detect/machine.ts";
import { detectProject } from "../../detect/project.ts";
import { CoordinatorError, messageOf } from "../../domain/error.ts";
import { Audit, defaultAuditPath } from "../../http/audit.ts";
import { Groups, serveClient } from "../../http/client_service.ts";
import { isLoopback } from "../../http/door.ts";
import { checkExposure, Host } from "../../http/host.ts";
import { Metrics } from "../../http/metrics.ts";
import type { Place } from "../../http/place.ts";
import { ServedStore } from "../../http/served_store.ts";
import { storeRoutes } from "../../http/store_routes.ts";
import { Tokens } from "../../http/tokens.ts";
import { tokensPath } from "../../http/tokens_path.ts";
import { type Log, openLog, userStateFolder } from "../../os/log.ts";
import { join, resolve, resolveFrom } from "../../os/path.ts";
import { openStore } from "../../storage/registry.ts";
import { TenantStore } from "../../storage/tenant.ts";
import type { CommandLine } from "../command.ts";
import { print } from "../output.ts";
import { type Address, addressFrom, allowedHosts } from "./address.ts";

/** Serves until it is told to end. */
export async function serveHttp(line: CommandLine): Promise<number> {
  const address = addressFrom(line, line.words[0]);
  const tls = await readTls(line);
  const setting = await findSetting(projectFolder(), line.text("config"));
  checkOwnFile(setting);
  const { http } = setting.loaded.config;
  const settings = { ...http, allowed_hosts: allowedHosts(line, http.allowed_hosts) };
  const tokens = new Tokens(tokensPath(setting.loaded.config, setting.baseFolder));
  checkExposure(address.hostname, tokens.hasValid());
  const premises = await openPremises(setting);
  try {
    const host = startHost({ ...premises, address, tls, tokens, setting, settings });
    const { log, store } = premises;
    log.info(`serving ${host.url}; store ${store.location}`);
    print(greeting(host.url, store.location, tokens.list().length === 0));
    if (!isLoopback(address.hostname)) print(answersTo(settings.allowed_hosts));
    const reason = await toldToEnd();
    log.info(`ending, as it got ${reason}`);
    await host.shutdown();
    log.info("ended");
    return 0;
  } finally {
    await premises.store.served.close().catch(() => {});
    await tokens.close();
  }
}

/** What is open while the server runs. */
interface OpenPremises {
  readonly log: Log;
  readonly audit: Audit;
  readonly metrics: Metrics;
  readonly own: Place;
  readonly stateFolder: string;
  readonly store: { readonly served: ServedStore; readonly location: string };
}

async function openPremises(setting: Setting): Promise<OpenPremises> {
  const { folder, repository, baseFolder, loaded: { config } } = setting;
  const { storage, session } = config;
  const log = openLog({ ...logOptions(setting), label: () => "http" });
  const metrics = measureProcess(new Metrics());
  const audit = openAudit(config.http, baseFolder, log);
  metrics.gauge(
    "csc_audit_failures",
    "Lines of the audit log that could not be written.",
    () => audit.failures,
  );
  const project = await detectProject(folder, repository, session.project_detection);
  if (storage.adapter === "server") throw isServerItself();
  const store = await openStore(storage.adapter, storage.config, {
    baseFolder,
    limits: { maxValueBytes: storage.max_value_bytes },
    onUnreadable: (error) => log.warn(messageOf(error)),
  });
  return {
    log,
    audit,
    metrics,
    own: { project: project.id, machine: detectMachine(session.machine_id) },
    stateFolder: store.place.folder ?? userStateFolder() ?? baseFolder,
    store: { served: new ServedStore(store, metrics, log), location: store.place.location },
  };
}

/** Everything that a host is made of. */
interface HostParts extends OpenPremises {
  readonly address: Address;
  readonly tls: { readonly cert: string; readonly key: string } | null;
  readonly tokens: Tokens;
  readonly setting: Setting;
  readonly settings: HttpConfig;
}

function startHost(parts: HostParts): Host {
  const { setting, settings, tokens, audit, metrics, log, own, stateFolder } = parts;
  const { http, storage } = setting.loaded.config;
  const { served } = parts.store;
  const route = storeRoutes({
    store: served,
    limits: { maxValueBytes: storage.max_value_bytes },
    bodyTimeoutMs: http.body_timeout_s * 1000,
    whoIs: (request) => host.whoIs(request),
    audit,
    metrics,
  });
  const groups = new Groups();
  // A file of tokens that is gone lets nobody in who was kept out before.
  let isOpen = tokens.list().length === 0;
  const host: Host = Host.start({
    ...parts.address,
    tls: parts.tls,
    settings,
    tokens: {
      verify: (presented) => tokens.verify(presented),
      isEmpty: () => isOpen &&= tokens.list().length === 0,
    },
    own,
    serve: (client) =>
      serveClient({
        groups,
        setting,
        storeFor: (tenant) => new TenantStore(served, tenant),
        stateFolder,
        port: host.addr.port,
        audit,
        metrics,
        logOptions: logOptions(setting),
      }, client),
    routes: { "/store": route, "/store/watch": route },
    isUp: async () => await served.now() > 0,
    metrics,
    log,
  });
  return host;
}

function logOptions({ logPath, isLogAllowed, loaded: { config: { log } } }: Setting) {
  return {
    level: log.level,
    path: logPath,
    isAllowed: isLogAllowed,
    maxBytes: log.max_bytes,
    keepFiles: log.keep_files,
  };
}

function openAudit(http: HttpConfig, baseFolder: string, log: Log): Audit {
  if (http.audit_path === "off") return new Audit(null);
  const path = http.audit_path === "auto"
    ? defaultAuditPath() ?? join(baseFolder, ".claude", "session-state", "audit.jsonl")
    : resolveFrom(baseFolder, http.audit_path);
  return new Audit({ path, maxBytes: http.audit_max_bytes, keepFiles: http.audit_keep_files, log });
}

function measureProcess(metrics: Metrics): Metrics {
  const startedS = Date.now() / 1000;
  metrics.gauge(
    "process_resident_memory_bytes",
    "Memory of the process.",
    () => Deno.memoryUsage().rss,
  );
  metrics.gauge("csc_heap_bytes", "Memory of its JavaScript.", () => Deno.memoryUsage().heapUsed);
  metrics.gauge("process_start_time_seconds", "When it was started, since 1970.", () => startedS);
  return metrics;
}

/** @throws {CoordinatorError} `invalid_argument`. */
async function readTls(line: CommandLine): Promise<{ cert: string; key: string } | null> {
  const [cert, key] = [line.text("tls-cert"), line.text("tls-key")];
  if (cert === undefined && key === undefined) return null;
  if (cert === undefined || key === undefined) {
    throw line.mistake("--tls-cert and --tls-key are needed together");
  }
  return { cert: await readPem(cert, "--tls-cert"), key: await readPem(key, "--tls-key") };
}

async function readPem(path: string, option: string): Promise<string> {
  try {
    const text = await Deno.readTextFile(resolve(path));
    if (text.includes("-----BEGIN ")) return text;
  } catch (error) {
    throw new CoordinatorError(
      "invalid_argument",
      `${option}: '${path}' cannot be read: ${messageOf(error).split("\n")[0]}`,
      "Name a PEM file that this user can read.",
      { cause: error },
    );
  }
  throw new CoordinatorError(
    "invalid_argument",
    `${option}: '${path}' is no PEM file`,
    "A PEM file begins with -----BEGIN; `openssl` converts other forms.",
  );
}

/** A file that comes with a repository decides neither who may use a server nor where its logs are. */
function checkOwnFile({ loaded: { place, keysInFile } }: Setting): void {
  const key = [...keysInFile].find((one) => one.startsWith("http."));
  if (place?.layer !== "project" || key === undefined) return;
  throw new CoordinatorError(
    "invalid_config",
    `${place.path}: '${key}' is set, which a file that comes with the repository may not do`,
    "Say it in your own file, ~/.config/claude-session-coordinator/config.json, or pass --config.",
  );
}

function isServerItself(): CoordinatorError {
  return new CoordinatorError(
    "invalid_config",
    "The store of this configuration is itself a csc server, and a server needs a store of its own",
    "Pass --config with another 'storage.adapter', such as local, kv, redis or postgres.",
  );
}

function greeting(url: string, location: string, isOpen: boolean): string {
  return [
    `Serving MCP at ${url}/mcp (older clients: ${url}/sse)`,
    `Store: ${location}`,
    isOpen
      ? "There is no token: everybody on this machine may use it. `csc token create` makes one."
      : "Clients need a token: `csc token list`.",
    `claude mcp add --transport http csc ${url}/mcp${
      isOpen ? "" : ' --header "Authorization: Bearer $CSC_TOKEN"'
    }`,
  ].join("\n");
}

/** By what names other machines may call the server: where it is none, theirs are refused. */
function answersTo(hosts: readonly string[]): string {
  return hosts.length > 0
    ? `Other machines may call it by its address, or ${hosts.join(", ")}.`
    : "Other machines may call it by its address alone; --allow-host NAME adds a name.";
}

/** Resolves with the signal that tells the server to end. */
function toldToEnd(): Promise<string> {
  const signals: Deno.Signal[] = Deno.build.os === "windows"
    ? ["SIGINT", "SIGBREAK"]
    : ["SIGINT", "SIGTERM", "SIGHUP"];
  return new Promise((resolve) => {
    for (const signal of signals) Deno.addSignalListener(signal, () => resolve(signal));
  });
}

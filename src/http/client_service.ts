/**
 * What serves one MCP client that came over HTTP: a workspace of its own over the server's store, with
 * a life of its own, seen through its tenant's eyes.
 *
 * @module
 */

import { assembleWorkspace, SeenClaims } from "../coordinator/workspace.ts";
import type { Setting } from "../coordinator/setting.ts";
import { CoordinatorError, messageOf } from "../domain/error.ts";
import { compileGlob } from "../domain/glob.ts";
import { shortHash } from "../domain/hash.ts";
import { shorten } from "../domain/text.ts";
import { createServer } from "../mcp/server.ts";
import type { Act, ActOutcome, Allowance, Supervisor } from "../mcp/supervisor.ts";
import { type LogOptions, openLog } from "../os/log.ts";
import { join } from "../os/path.ts";
import { sleep } from "../os/sleep.ts";
import type { StorageAdapter } from "../storage/adapter.ts";
import type { Audit } from "./audit.ts";
import type { Metrics } from "./metrics.ts";
import type { Client, Service } from "./sessions.ts";

/** What all clients share. */
export interface Premises {
  readonly groups: Groups;
  readonly setting: Setting;
  /** The store as a tenant sees it; closing it leaves the others' open. */
  readonly storeFor: (tenant: string) => StorageAdapter;
  /** Where the server keeps what is not in the store. */
  readonly stateFolder: string;
  readonly port: number;
  readonly audit: Audit;
  readonly metrics: Metrics;
  readonly logOptions: Omit<LogOptions, "label">;
}

/** How long giving back what a client held may take. */
const SIGN_OFF_MS = 2000;

/** Makes what serves a client. */
export function serveClient(premises: Premises, client: Client): Service {
  const { setting, stateFolder, port, logOptions } = premises;
  const { project, machine } = client.place;
  const store = premises.storeFor(client.tenant);
  const folder = join(stateFolder, "http", client.tenant, folderName(project));
  const group = premises.groups.join(client);
  const log = openLog({ ...logOptions, label: () => `http:${client.user}@${machine}:${project}` });
  const workspace = assembleWorkspace({
    setting: asSeenOutside(setting),
    machine,
    project: { id: project, foundBy: "the request's headers, or the server's own project" },
    store,
    // Where the sessions of this machine look that share the store without the server.
    lifeFolder: join(stateFolder, "alive"),
    machineFolder: folder,
    log,
    clientSession: null,
    clientPid: null,
    port,
    shared: { isKeeper: () => group.keeper === client, seen: group.seen },
  });
  const supervisor = new Clerk(client, premises.audit, premises.metrics);
  const server = createServer(() => Promise.resolve(workspace), client.ended, supervisor);
  server.onerror = (error) => {
    // The SDK's messages may quote what the client sent: only their start is ours to keep.
    log.debug(`protocol: ${shorten(messageOf(error).split(/[:{]/)[0], 100)}`);
  };
  workspace.member.watch();
  return {
    connect: (transport) => server.connect(transport),
    async end(reason) {
      group.leave(client);
      const giveBack = Promise.allSettled([workspace.session.signOff(), workspace.member.end()]);
      await Promise.race([giveBack, sleep(SIGN_OFF_MS)]);
      await workspace.close();
      log.info(`session ended: ${reason}`);
    },
  };
}

/** The clients of one project on one machine: one of them looks after what they share. */
class Group {
  readonly seen = new SeenClaims();
  readonly #members = new Set<Client>();
  readonly #isEmpty: () => void;

  constructor(isEmpty: () => void) {
    this.#isEmpty = isEmpty;
  }

  /** The client whose workspace looks after what all share: the one that came first. */
  get keeper(): Client | undefined {
    const [first] = this.#members;
    return first;
  }

  join(client: Client): void {
    this.#members.add(client);
  }

  leave(client: Client): void {
    this.#members.delete(client);
    if (this.#members.size === 0) this.#isEmpty();
  }
}

/** All groups of clients. */
export class Groups {
  readonly #groups = new Map<string, Group>();

  /** Takes a client into its group. */
  join(client: Client): Group {
    const { project, machine } = client.place;
    const key = JSON.stringify([client.tenant, project, machine]);
    const group = this.#groups.get(key) ?? new Group(() => this.#groups.delete(key));
    this.#groups.set(key, group);
    group.join(client);
    return group;
  }
}

/** Says what a client may do, and writes down what it did. */
class Clerk implements Supervisor {
  readonly #client: Client;
  readonly #audit: Audit;
  readonly #metrics: Metrics;

  constructor(client: Client, audit: Audit, metrics: Metrics) {
    this.#client = client;
    this.#audit = audit;
    this.#metrics = metrics;
  }

  refuse({ kind, name, needs, machine }: Act, allowed?: Allowance): CoordinatorError | null {
    const machines = allowed?.extra?.machines;
    if (machine !== undefined && machines && !machines.some((one) => compileGlob(one)(machine))) {
      return new CoordinatorError(
        "forbidden",
        `The token may not read the data of the machine '${shorten(machine, 60)}'`,
        "Name one that it may, or ask for another token.",
      );
    }
    if (allowed?.scopes.includes(needs)) return null;
    const what = kind === "tool" ? `call ${name}` : `read ${shorten(name, 60)}`;
    return new CoordinatorError(
      "forbidden",
      `${this.#client.user} may not ${what}: the token has no scope '${needs}'`,
      "Ask who runs the server for a token with it.",
    );
  }

  done({ kind, name, scope, key, machine }: Act, { code, tookMs }: ActOutcome): void {
    const { id, user, tenant, place } = this.#client;
    // A resource's address may name anything: it is told in the audit log alone.
    const act = kind === "tool" ? name : kind;
    this.#metrics.acts.add({ act, result: code });
    this.#metrics.actTime.observe(tookMs, { act });
    this.#audit.write({
      user,
      tenant,
      action: `${kind}:${kind === "tool" ? name : "read"}`,
      ...place,
      ...(machine !== undefined && { machine }),
      scope: kind === "tool" ? scope ?? null : name,
      key: key ?? null,
      result: code,
      session: id.slice(0, 8),
    });
  }
}

/** The configuration without what concerns the server alone: its clients can ask for it. */
function asSeenOutside(setting: Setting): Setting {
  const { config } = setting.loaded;
  const storage = { ...config.storage, config: {} };
  return {
    ...setting,
    folder: "(http)",
    repository: null,
    logPath: null,
    loaded: {
      config: { ...config, storage },
      place: null,
      keysInFile: new Set(),
      files: [],
      origins: new Map(),
      warnings: [],
    },
  };
}

/** A folder for each project of a tenant, whatever it is called. */
function folderName(project: string): string {
  return `${project.replaceAll(/[^A-Za-z0-9_-]+/g, "-").slice(0, 60)}-${shortHash(project)}`;
}

/**
 * Everything that a command works with in one folder: its configuration, machine, project, store and
 * instances.
 *
 * @module
 */

import { coordinate, type Coordination } from "../coordination/coordination.ts";
import { detectMachine } from "../detect/machine.ts";
import { detectProject, type Project } from "../detect/project.ts";
import { messageOf } from "../domain/error.ts";
import { type Log, openLog, userStateFolder } from "../os/log.ts";
import { join } from "../os/path.ts";
import type { StorageAdapter } from "../storage/adapter.ts";
import "../storage/builtin.ts";
import { openStore } from "../storage/registry.ts";
import { ProjectData } from "./data.ts";
import { InstancePool } from "./instances.ts";
import type { SeenClaims } from "./seen_claims.ts";
import { Member } from "./member.ts";
import { Overview } from "./overview.ts";
import { Session } from "./session.ts";
import type { Setting } from "./setting.ts";

export { SeenClaims } from "./seen_claims.ts";
export { findSetting, findUntrusted, placesFor, projectFolder, type Setting } from "./setting.ts";

/** An open workspace. */
export interface Workspace {
  readonly setting: Setting;
  readonly machine: string;
  readonly project: Project;
  readonly store: StorageAdapter;
  readonly pool: InstancePool;
  readonly data: ProjectData;
  readonly session: Session;
  readonly overview: Overview;
  /** The leases, sessions and notices of the project. */
  readonly desk: Coordination;
  /** Whom this process acts for among them. */
  readonly member: Member;
  readonly log: Log;
  /** The port that its client reaches it on, or null where it is no HTTP client. */
  readonly port: number | null;
  /** Closes the store; does not sign off. */
  close(): Promise<void>;
}

/** What a workspace is put together from. */
export interface WorkspaceParts {
  readonly setting: Setting;
  readonly machine: string;
  readonly project: Project;
  readonly store: StorageAdapter;
  /** Where proofs of life are kept. */
  readonly lifeFolder: string;
  /** See {@linkcode Coordination}; by default where the store says, else in the user's state folder. */
  readonly machineFolder?: string;
  readonly log: Log;
  /** The client's session, where it told one. */
  readonly clientSession: string | null;
  /** The client's process on this machine, or null where it is none. */
  readonly clientPid: number | null;
  readonly port: number | null;
  /** What the workspaces of one process, project and machine have in common. */
  readonly shared?: SharedKeeping;
}

/** What the workspaces of one process, project and machine have in common. */
export interface SharedKeeping {
  /** Whether this one looks after what all of them share, at this moment. */
  readonly isKeeper: () => boolean;
  /** What is known of who holds which instance. */
  readonly seen: SeenClaims;
}

/**
 * Opens the workspace of a folder. Nothing is claimed, and nothing written before it must be.
 *
 * @throws {CoordinatorError} `invalid_config`, `unknown_adapter`, `store_io`.
 */
export async function openWorkspace(
  setting: Setting,
  onUnreadable: (error: unknown) => void = () => {},
): Promise<Workspace> {
  const { folder, repository, loaded: { config } } = setting;
  const machine = detectMachine(config.session.machine_id);
  const project = await detectProject(folder, repository, config.session.project_detection);
  let session: Session | null = null;
  const label = () => [`${machine}:${project.id}`, session?.context?.session_id].join(" ").trim();
  const log = openLog({
    level: config.log.level,
    path: setting.logPath,
    isAllowed: setting.isLogAllowed,
    maxBytes: config.log.max_bytes,
    keepFiles: config.log.keep_files,
    label,
  });
  const store = await openStore(config.storage.adapter, config.storage.config, {
    baseFolder: setting.baseFolder,
    limits: { maxValueBytes: config.storage.max_value_bytes },
    onUnreadable: (error) => {
      log.warn(messageOf(error));
      onUnreadable(error);
    },
    onWarning: (text) => log.warn(text),
  });
  const workspace = assembleWorkspace({
    setting,
    machine,
    project,
    store,
    lifeFolder: join(store.place.folder ?? userStateFolder() ?? setting.baseFolder, "alive"),
    log,
    clientSession: Deno.env.get("CLAUDE_CODE_SESSION_ID") ?? null,
    clientPid: Deno.ppid,
    port: null,
  });
  session = workspace.session;
  return workspace;
}

/** Puts a workspace together over a store that is open; nothing is read or written. */
export function assembleWorkspace(parts: WorkspaceParts): Workspace {
  const { setting, machine, project, store, lifeFolder, machineFolder, log } = parts;
  const { folder, repository, baseFolder, loaded: { config } } = setting;
  const { heartbeat_interval_ms: heartbeatIntervalMs } = config.session;
  const pool = new InstancePool({
    store,
    machine,
    project: project.id,
    lifeFolder,
    maxInstances: config.session.max_instances,
    heartbeatIntervalMs,
    heartbeatTimeoutMs: config.session.heartbeat_timeout_ms,
    log,
    seen: parts.shared?.seen,
  });
  const isKeeper = parts.shared?.isKeeper;
  const data = new ProjectData(store, machine, project.id, pool);
  const session = new Session({
    pool,
    machine,
    project: project.id,
    lifeFolder,
    heartbeatIntervalMs,
    clientSession: parts.clientSession,
    log,
    isKeeper,
  });
  const overview = new Overview({ machine, project: project.id }, pool, data, session);
  const desk = coordinate({
    store,
    config,
    machine,
    project: project.id,
    baseFolder,
    machineFolder,
  });
  const member = new Member({
    desk,
    repository,
    folder,
    log,
    clientPid: parts.clientPid,
    isKeeper,
  });
  return {
    setting,
    machine,
    project,
    store,
    pool,
    data,
    session,
    overview,
    desk,
    member,
    log,
    port: parts.port,
    close: () => store.close(),
  };
}

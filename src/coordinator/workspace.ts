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
import { Member } from "./member.ts";
import { Overview } from "./overview.ts";
import { Session } from "./session.ts";
import type { Setting } from "./setting.ts";

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
  /** Closes the store; does not sign off. */
  close(): Promise<void>;
}

/**
 * Opens the workspace of a folder. Nothing is claimed, and nothing written before it must be.
 *
 * @throws {CoordinatorError} `invalid_config`, `unknown_adapter`, `store_io`.
 */
export async function openWorkspace(setting: Setting): Promise<Workspace> {
  const { folder, repository, loaded: { config } } = setting;
  const machine = detectMachine(config.session.machine_id);
  const project = await detectProject(folder, repository, config.session.project_detection);
  const label = () => [`${machine}:${project.id}`, session?.context?.session_id].join(" ").trim();
  const log = openLog({
    level: config.log.level,
    path: setting.logPath,
    maxBytes: config.log.max_bytes,
    keepFiles: config.log.keep_files,
    label,
  });
  const store = await openStore(config.storage.adapter, config.storage.config, {
    baseFolder: setting.baseFolder,
    limits: { maxValueBytes: config.storage.max_value_bytes },
    onUnreadable: (error) => log.warn(messageOf(error)),
    onWarning: (text) => log.warn(text),
  });
  const lifeFolder = join(store.place.folder ?? userStateFolder() ?? setting.baseFolder, "alive");
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
  });
  const data = new ProjectData(store, machine, project.id, pool);
  const session: Session = new Session({
    pool,
    machine,
    project: project.id,
    lifeFolder,
    heartbeatIntervalMs,
    clientSession: Deno.env.get("CLAUDE_CODE_SESSION_ID") ?? null,
    log,
  });
  const overview = new Overview({ machine, project: project.id }, pool, data, session);
  const { baseFolder } = setting;
  const desk = coordinate({ store, config, machine, project: project.id, baseFolder });
  const member = new Member({ desk, repository, folder, log });
  const close = () => store.close();
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
    close,
  };
}

/**
 * Opens the coordination of a folder in the little time that a hook has: from a snapshot of the
 * resolved configuration, without evaluating what reads and checks configuration files.
 *
 * @module
 */

import { candidatePaths, configPlaces } from "../config/places.ts";
import {
  readSnapshot,
  type Snapshot,
  type Stamp,
  stampsFor,
  writeSnapshot,
} from "../config/snapshot.ts";
import { keyInEnvironment } from "../config/variables.ts";
import { coordinate, type Coordination } from "../coordination/coordination.ts";
import { detectMachine } from "../detect/machine.ts";
import { findRepository, type Repository } from "../detect/repository.ts";
import { CoordinatorError, messageOf } from "../domain/error.ts";
import "../storage/builtin.ts";
import { openStore } from "../storage/registry.ts";
import { noteFailure } from "./failures.ts";

/** A decision is made without the store after this; sooner where the client gives 1.5 s in all. */
const DEADLINE_MS = { SessionEnd: 1200, others: 1700 } as const;

let deadline = Infinity;
let late: PromiseWithResolvers<never> | null = null;

/**
 * Runs the task of an event within the time that it has.
 *
 * The store on this machine's disk keeps to the deadline by itself. Only what may be waited for in any
 * other way gets a timer, as the first timer of a process takes 6 ms.
 *
 * @throws {Error} Where the time is over.
 */
export async function withinTime<T>(event: string, task: () => Promise<T>): Promise<T> {
  const ms = event === "SessionEnd" ? DEADLINE_MS.SessionEnd : DEADLINE_MS.others;
  deadline = performance.now() + ms;
  late = Promise.withResolvers<never>();
  return await Promise.race([task(), late.promise]);
}

function startTimer(): void {
  const ms = Math.max(0, deadline - performance.now());
  const timer = setTimeout(
    () => late?.reject(new Error("the store or git did not answer in time")),
    Number.isFinite(ms) ? ms : DEADLINE_MS.others,
  );
  Deno.unrefTimer(timer);
}

/** A folder with its coordination. */
export interface Opened {
  readonly folder: string;
  readonly repository: Repository | null;
  readonly desk: Coordination;
}

/**
 * Opens the coordination of a folder's project.
 *
 * @param until When all waiting ends: the event's deadline, which a chunk of the bundle that is loaded
 * later has to be told.
 * @throws {CoordinatorError} `invalid_config`, also where there is no such folder; `unknown_adapter`,
 * `store_io`.
 */
export async function openFolder(folder: string, until = deadline): Promise<Opened> {
  const repository = findRepository(folder);
  if (!repository) checkFolder(folder);
  const { config, project } = await resolveConfig(folder, repository);
  const baseFolder = repository?.mainFolder ?? folder;
  if (config.storage.adapter !== "local") startTimer();
  const store = await openStore(config.storage.adapter, config.storage.config, {
    baseFolder,
    limits: { maxValueBytes: config.storage.max_value_bytes },
    onUnreadable: (error) => noteFailure("store", messageOf(error)),
    deadline: until,
  });
  const machine = detectMachine(config.session.machine_id);
  const desk = coordinate({
    store,
    config,
    machine,
    project: project.id,
    baseFolder,
    deadline: until,
  });
  return { folder, repository, desk };
}

/** A project that is gone is not made anew. */
function checkFolder(folder: string): void {
  try {
    if (Deno.statSync(folder).isDirectory) return;
  } catch {
    // Said below.
  }
  throw new CoordinatorError(
    "invalid_config",
    `The project's folder '${folder}' is not there`,
    "Start Claude Code in a folder that is.",
  );
}

/** The configuration as the last hook found it, or null where it has changed since. */
export function knownConfig(folder: string, repository: Repository | null): Snapshot | null {
  return readSnapshot(keyInEnvironment(folder), stampsOf(folder, repository));
}

async function resolveConfig(folder: string, repository: Repository | null): Promise<Snapshot> {
  const stamps = stampsOf(folder, repository);
  const key = keyInEnvironment(folder);
  const known = readSnapshot(key, stamps);
  if (known) return known;
  startTimer(); // it may ask git for the project's name
  const { resolveSetting } = await import("../coordinator/setting.ts");
  const snapshot = await resolveSetting(folder);
  writeSnapshot(key, stamps, snapshot);
  return snapshot;
}

function stampsOf(folder: string, repository: Repository | null): Stamp[] {
  const folders = [folder, ...(repository ? [repository.worktree, repository.mainFolder] : [])];
  const paths = candidatePaths(configPlaces(undefined, folders));
  // The project's name comes from the remote in git's configuration.
  if (repository) paths.push(`${repository.commonFolder}/config`);
  return stampsFor(paths);
}

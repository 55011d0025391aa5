/**
 * `csc migrate`: moves what is shared from one store to another.
 *
 * @module
 */

import type { Config } from "../../config/types.ts";
import { patienceOf } from "../../coordination/coordination.ts";
import { findUntrusted, projectFolder } from "../../coordinator/setting.ts";
import { detectMachine } from "../../detect/machine.ts";
import { CoordinatorError, messageOf } from "../../domain/error.ts";
import { printable, shorten } from "../../domain/text.ts";
import { migrate } from "../../migrate/migrate.ts";
import { type Failure, isDone, type Report } from "../../migrate/report.ts";
import { type StoreUser, usersOf } from "../../migrate/users.ts";
import { lstatOrNull } from "../../os/private_folder.ts";
import type { StorageAdapter } from "../../storage/adapter.ts";
import { MemoryStore } from "../../storage/memory.ts";
import { openStore } from "../../storage/registry.ts";
import type { CommandLine } from "../command.ts";
import { INTERRUPTED, interruptible } from "../interrupt.ts";
import { migrationJson, printMigration } from "./migrate_report.ts";
import { printJson, printWarning } from "../output.ts";
import { ProgressBar } from "../progress.ts";
import { type NamedStore, storeNamed } from "./store_named.ts";

/** What was stored once may be stored anew, whatever the limit is now. */
const LIMITS = { maxValueBytes: 64 * 1024 * 1024 };

/** Runs `csc migrate`. */
export async function migrateCommand(line: CommandLine): Promise<number> {
  const [fromWord, toWord] = [needed(line, "from"), needed(line, "to")];
  const setting = await findUntrusted(projectFolder(), line.text("config"));
  const source = await storeNamed(fromWord, "from", setting);
  const target = await storeNamed(toWord, "to", setting);
  refuseSame(source, target);
  if (source.path !== null && !lstatOrNull(source.path)) throw nothingAt(source.path);
  const unreadable = new Map<string, Failure>();
  const from = await open(source, (error) => {
    const message = messageOf(error);
    unreadable.set(message, { scope: null, key: null, message });
  });
  try {
    const to = await openTarget(target, line.has("dry-run"));
    try {
      await mindUsers(line, from, setting.loaded.config);
      const report = await run(line, from, to);
      const failures = [...unreadable.values(), ...report.failures];
      const places = {
        from: `${source.adapter} at ${from.place.location}`,
        to: `${target.adapter} at ${to.place.location}`,
      };
      return answer(line, places, { ...report, failures });
    } finally {
      await to.close();
    }
  } finally {
    await from.close();
  }
}

function needed(line: CommandLine, option: "from" | "to"): string {
  const word = line.text(option);
  if (word === undefined) throw line.mistake(`--${option} is missing`);
  return word;
}

async function run(line: CommandLine, from: StorageAdapter, to: StorageAdapter): Promise<Report> {
  const bar = new ProgressBar("keys");
  const words = { counting: "Counting", moving: "Moving", comparing: "Comparing" };
  try {
    return await interruptible((signal) =>
      migrate(from, to, {
        scope: line.text("scope"),
        isDryRun: line.has("dry-run"),
        overwrite: line.has("overwrite"),
        signal,
        onProgress: ({ step, done, total }) => bar.show(words[step], done, total),
      })
    );
  } finally {
    bar.clear();
  }
}

function answer(
  line: CommandLine,
  stores: { readonly from: string; readonly to: string },
  report: Report,
): number {
  const places = { ...stores, isDryRun: line.has("dry-run") };
  if (line.has("json")) printJson(migrationJson(report, places));
  else printMigration(report, places);
  if (report.isInterrupted) return INTERRUPTED;
  return isDone(report) ? 0 : 1;
}

function open(store: NamedStore, onUnreadable: (error: unknown) => void): Promise<StorageAdapter> {
  const { adapter, config, baseFolder } = store;
  // What has no end in the source gets none in the target.
  const settings = adapter === "redis" ? { ...config, ttl: null } : config;
  return openStore(adapter, settings, { baseFolder, limits: LIMITS, onUnreadable });
}

/** A dry run makes nothing, not even an empty database. */
async function openTarget(store: NamedStore, isDryRun: boolean): Promise<StorageAdapter> {
  const { path } = store;
  if (!isDryRun || path === null || lstatOrNull(path)) return await open(store, () => {});
  const empty = new MemoryStore();
  Object.defineProperty(empty, "place", {
    value: { reach: "machine", location: path, folder: null },
  });
  return empty;
}

/** Whoever is at work would go on writing to the source, and nobody would see it. */
async function mindUsers(line: CommandLine, from: StorageAdapter, config: Config): Promise<void> {
  const goesOn = line.has("dry-run") || line.has("force");
  const machine = detectMachine(config.session.machine_id);
  const users = await usersOf(from, machine, patienceOf(from, config)).catch((error) => {
    if (!goesOn) throw error;
    printWarning(`it cannot be told who uses the source: ${messageOf(error)}`);
    return [];
  });
  if (users.length === 0) return;
  if (goesOn) {
    printWarning(
      `the source is in use, and what is written there from now on is not moved: ${said(users)}`,
    );
    return;
  }
  throw new CoordinatorError(
    "store_in_use",
    `Cannot move ${from.place.location} as it is in use: ${said(users)}`,
    "End these sessions and give back these locks first, or add --force: what they write there later is not moved.",
  );
}

const MOST_NAMED = 10;

function said(users: readonly StoreUser[]): string {
  const named = users.slice(0, MOST_NAMED).map(({ project, who, what }) =>
    `${shorten(printable(who), 60)} in ${shorten(printable(project), 60)} (${
      shorten(printable(what), 80)
    })`
  );
  const rest = users.length - named.length;
  return named.join(", ") + (rest > 0 ? ` and ${rest} more` : "");
}

function refuseSame(source: NamedStore, target: NamedStore): void {
  const idOf = ({ adapter, path, config }: NamedStore) =>
    JSON.stringify(path === null ? [adapter, config] : [adapter, realPath(path)]);
  if (idOf(source) !== idOf(target)) return;
  throw new CoordinatorError(
    "invalid_argument",
    "--from and --to name the same store",
    "Name the store that the data is in, and the one it is to be in.",
  );
}

function realPath(path: string): string {
  try {
    return Deno.realPathSync(path);
  } catch {
    return path;
  }
}

function nothingAt(path: string): CoordinatorError {
  return new CoordinatorError(
    "not_found",
    `There is no store at '${path}'`,
    "Run the command in the project whose store is meant, or name its folder: --from FOLDER.",
  );
}

/**
 * What the doctor says of the current project: its configuration, store and log. Nothing in the
 * project is changed.
 *
 * @module
 */

import { requireTrust, wishOf } from "../../config/trust.ts";
import { scopePrefix } from "../../coordinator/names.ts";
import {
  findUntrusted,
  openWorkspace,
  projectFolder,
  type Setting,
} from "../../coordinator/workspace.ts";
import { CoordinatorError, messageOf } from "../../domain/error.ts";
import {
  check,
  type Deadline,
  fail,
  type Finding,
  firstLine,
  ok,
  warn,
} from "../../install/finding.ts";
import { removeTree } from "../../install/folder_tree.ts";
import { uptimeSeconds } from "../../os/host.ts";
import { userStateFolder } from "../../os/log.ts";
import { dirname, join, resolveFrom } from "../../os/path.ts";
import { lstatOrNull } from "../../os/private_folder.ts";
import { ADAPTER_SETTINGS } from "../../storage/settings.ts";

/** A store that takes longer than this for one write is felt before every edit. */
const SLOW_WRITE_MS = 250;
const STORE_LIMIT_MS = 8000;
/** Clocks further apart than this make times in lists confusing. */
const CLOCK_LIMIT_MS = 5000;

/** Looks at the project of the current folder. */
export async function examineProject(
  configPath: string | undefined,
  deadline: Deadline,
): Promise<Finding[]> {
  const found = await readSetting(configPath);
  const state = examineFolder("state folder", userStateFolder());
  if ("status" in found) return [found, state, uptime()];
  const log = found.logPath === null
    ? ok("log", "none")
    : examineFolder("log", dirname(found.logPath));
  const place = found.loaded.place?.path;
  const trust = examineTrust(found);
  const mayUse = trust.every(({ status }) => status === "ok");
  return [
    ok("configuration", place ? `${place} is valid` : "the defaults"),
    ...trust,
    ...mayUse ? await examineStore(found, deadline) : [],
    log,
    state,
    uptime(),
  ];
}

async function readSetting(configPath: string | undefined): Promise<Setting | Finding> {
  try {
    return await findUntrusted(projectFolder(), configPath);
  } catch (error) {
    const fix = error instanceof CoordinatorError ? error.hint : "csc config validate";
    return fail("configuration", firstLine(messageOf(error)), `csc config validate (${fix})`);
  }
}

/** Whether a store that a repository's file names may be used; until then nobody talks to it. */
function examineTrust({ loaded, baseFolder }: Setting): Finding[] {
  try {
    const wish = wishOf(loaded, baseFolder);
    if (wish === null) return [];
    requireTrust(loaded, baseFolder);
    const named = wish.addresses.map(({ url }) => url).join(", ");
    return [ok("trust", `you allowed this project ${wish.adapter} at ${named}`)];
  } catch (error) {
    const isRefusal = error instanceof CoordinatorError && error.code === "not_trusted";
    const fix = isRefusal ? "csc trust" : error instanceof CoordinatorError ? error.hint : "";
    return [fail("trust", firstLine(messageOf(error)), fix || "csc trust --list")];
  }
}

/** Stores, reads and deletes a value, in the store itself or, where there is none yet, beside it. */
async function examineStore(setting: Setting, deadline: Deadline): Promise<readonly Finding[]> {
  return await check("store", "csc config show", async () => {
    const stand = standIn(setting);
    try {
      const findings = await deadline.within(STORE_LIMIT_MS, useStore(setting, stand));
      const late = fail("store", "it did not answer in time", "csc status");
      return findings ?? late;
    } catch (error) {
      if (!(error instanceof CoordinatorError)) throw error;
      return fail("store", firstLine(error.message), error.hint);
    } finally {
      if (stand) removeTree(stand.folder);
    }
  });
}

async function useStore(setting: Setting, stand: StandIn | null): Promise<Finding[]> {
  const workspace = await openWorkspace(stand?.setting ?? setting);
  const { store, machine, project } = workspace;
  try {
    const scope = `${scopePrefix(machine, project.id)}:csc:doctor`;
    const key = crypto.randomUUID();
    const startedAt = performance.now();
    await store.store(scope, key, "sample", { author: "csc doctor", ttlMs: 60_000 });
    const writeMs = performance.now() - startedAt;
    const entry = await store.retrieve(scope, key);
    const deleted = await store.delete(scope, key);
    const place = stand ? `${stand.place} (to be made; tried beside it)` : store.place.location;
    const where = `${setting.loaded.config.storage.adapter}: ${place}`;
    if (entry?.value !== "sample" || !deleted.ok || !deleted.existed) {
      const detail = `${where} does not give back what was stored`;
      return [fail("store", detail, "csc config show (choose another 'storage.adapter')")];
    }
    const detail = `${where}, ${writeMs.toFixed(1)} ms a write`;
    return [
      store.place.reach === "process"
        ? warn("store", `${where} is not shared between sessions`, "csc config show")
        : writeMs > SLOW_WRITE_MS
        ? warn("store", detail, "csc config show (move the store to a local disk)")
        : ok("store", detail),
      ...(await store.weaknesses?.() ?? []).map(({ fact, remedy }) => warn("store", fact, remedy)),
      compareClocks(await store.now()),
    ];
  } finally {
    await workspace.close();
  }
}

function compareClocks(storeMs: number): Finding {
  const driftMs = Math.abs(storeMs - Date.now());
  return driftMs > CLOCK_LIMIT_MS
    ? warn("clock", `the store's differs by ${Math.round(driftMs / 1000)} s`, "timedatectl")
    : ok("clock", "the store's and this machine's agree");
}

interface StandIn {
  readonly setting: Setting;
  /** A temporary folder, to be removed. */
  readonly folder: string;
  /** Where the store will be. */
  readonly place: string;
}

/** A store in a temporary folder on the same file system, where the real one does not exist yet. */
function standIn(setting: Setting): StandIn | null {
  const { storage } = setting.loaded.config;
  const place = placeOf(setting);
  if (place === null || lstatOrNull(place)) return null;
  const folder = inFolder(
    existingFolder(place),
    (dir) => Deno.makeTempDirSync({ dir, prefix: ".csc-doctor-" }),
  );
  const { path: _path, ...config } = storage.config;
  const loaded = {
    ...setting.loaded,
    config: {
      ...setting.loaded.config,
      storage: { ...storage, config: { ...config, base_path: folder } },
    },
  };
  return { setting: { ...setting, loaded }, folder, place };
}

/** The folder or file of a store on this machine; null for any other. */
function placeOf({ baseFolder, loaded }: Setting): string | null {
  const { adapter, config } = loaded.config.storage;
  if (adapter === "local") {
    return resolveFrom(baseFolder, ADAPTER_SETTINGS.local.parse(config).base_path);
  }
  if (adapter !== "kv") return null;
  const { path, base_path } = ADAPTER_SETTINGS.kv.parse(config);
  const named = path ?? join(base_path, "store.kv");
  return /^https?:/i.test(named) ? null : resolveFrom(baseFolder, named);
}

/** Whether files can be made in a folder, or in the one in which it would be made. */
function examineFolder(name: string, folder: string | null): Finding {
  if (folder === null) return warn(name, "none, as HOME is not set", "export HOME=~");
  const existing = existingFolder(folder);
  try {
    inFolder(
      existing,
      (dir) => Deno.removeSync(Deno.makeTempFileSync({ dir, prefix: ".csc-doctor-" })),
    );
    return ok(name, folder);
  } catch (error) {
    return fail(name, firstLine(messageOf(error)), `chmod u+rwx '${existing}'`);
  }
}

/** Runs a step in a folder; what the system refuses becomes an error that names the folder. */
function inFolder<T>(folder: string, step: (folder: string) => T): T {
  try {
    return step(folder);
  } catch (error) {
    throw new Error(`nothing can be made in '${folder}': ${messageOf(error)}`, { cause: error });
  }
}

/** The folder, or the nearest one above it that there is. */
function existingFolder(folder: string): string {
  let at = folder;
  while (!lstatOrNull(at) && dirname(at) !== at) at = dirname(at);
  return at;
}

function uptime(): Finding {
  try {
    return ok("uptime", `readable: the host runs for ${uptimeSeconds()} s`);
  } catch {
    const detail = "not readable: locks then end by the wall clock, which may jump";
    return warn("uptime", detail, "Start csc with --allow-sys=hostname,osUptime.");
  }
}

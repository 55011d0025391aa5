/**
 * The pool of instances of one project on one machine: `claude_1` to `claude_4`, and more as needed.
 * Each is held by at most one server: a claim is one conditional write on a key of its own.
 *
 * @module
 */

import { CoordinatorError, messageOf } from "../domain/error.ts";
import { isObject, type Json } from "../domain/json.ts";
import { hostname, uptimeSeconds } from "../os/host.ts";
import type { Log } from "../os/log.ts";
import { sleep } from "../os/sleep.ts";
import { buryLife, type LifeFile, probeLife } from "../os/life_file.ts";
import type { StorageAdapter, Version } from "../storage/adapter.ts";
import { type Claim, claimJson, judge, readClaim, type Standing } from "./claim.ts";
import { CLAIMS_SCOPE, INSTANCES_SCOPE, REGISTRY_KEY, scopePrefix } from "./names.ts";

/** What the pool needs to know. */
export interface PoolOptions {
  readonly store: StorageAdapter;
  readonly machine: string;
  readonly project: string;
  /** The folder with the servers' proofs of life. */
  readonly lifeFolder: string;
  readonly maxInstances: number | null;
  readonly heartbeatIntervalMs: number;
  readonly heartbeatTimeoutMs: number;
  readonly log: Log;
}

/** A claim as found. */
export interface Held {
  readonly instance: string;
  readonly claim: Claim;
  readonly version: Version;
  readonly standing: Standing;
}

/** A claim that this server holds. */
export interface OwnClaim {
  readonly instance: string;
  readonly claim: Claim;
  readonly version: Version;
}

/** Each instance with `"taken"` or `"available"`, in their natural order (seed 002's registry). */
export type InstanceMap = Record<string, "taken" | "available">;

/** How many instances the pool starts with (seed 002). */
const FIRST_INSTANCES = 4;
/** How long a server goes on racing with others for an instance. */
const RACE_DEADLINE_MS = 10_000;
/** How often the published list is written again because it changed meanwhile. */
const MAX_REPUBLISHED = 20;

const INSTANCE_NAME = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/;

/** The instances of one project on one machine. */
export class InstancePool {
  readonly #options: PoolOptions;
  readonly #claims: string;
  readonly #registry: string;
  /** Silent holders, with the heartbeat at which they were last seen. */
  #silentAt = new Map<string, number>();

  constructor(options: PoolOptions) {
    const prefix = scopePrefix(options.machine, options.project);
    this.#options = options;
    this.#claims = `${prefix}:${CLAIMS_SCOPE}`;
    this.#registry = `${prefix}:${INSTANCES_SCOPE}`;
  }

  /** All instances, after freeing those whose holder is proven dead. */
  async list(): Promise<{ instances: InstanceMap; firstAvailable: string | null; held: Held[] }> {
    const held = await this.#heal(await this.#held());
    const instances = await this.#map(held);
    const available = Object.keys(instances).find((id) => instances[id] === "available");
    return { instances, firstAvailable: available ?? null, held };
  }

  /** Every claim, with what its holder's signs of life say. */
  async #held(): Promise<Held[]> {
    const { store } = this.#options;
    const found: Held[] = [];
    for (const instance of await store.listKeys(this.#claims)) {
      const one = await this.#look(instance);
      if (one) found.push(one);
    }
    return found;
  }

  async #look(instance: string): Promise<Held | null> {
    const { store, lifeFolder, heartbeatTimeoutMs } = this.#options;
    const entry = await store.retrieve(this.#claims, instance);
    if (!entry) return null;
    const claim = readClaim(entry.value);
    if (!claim) return { instance, claim: NOBODY, version: entry.version, standing: "dead" };
    const standing = judge(claim, {
      lifeSign: probeLife(lifeFolder, claim.life),
      host: hostname(),
      uptimeS: uptimeSeconds(),
      nowMs: await store.now(),
    }, heartbeatTimeoutMs);
    return { instance, claim, version: entry.version, standing };
  }

  /**
   * Claims an instance for a life.
   *
   * @param wanted The instance asked for; without it, the first that is available.
   * @throws {CoordinatorError} `instance_taken` with the holder named, `all_taken`,
   * `invalid_argument` for a malformed name.
   */
  async claim(life: LifeFile, clientSession: string | null, wanted?: string): Promise<OwnClaim> {
    if (wanted !== undefined && !INSTANCE_NAME.test(wanted)) throw badName(wanted);
    const deadline = performance.now() + RACE_DEADLINE_MS;
    while (performance.now() < deadline) {
      if (wanted !== undefined && !await this.#hasPlaceFor(wanted)) throw this.#allTaken();
      const instance = wanted ?? await this.#choose();
      const { own, holder } = await this.#tryClaim(instance, life, clientSession);
      if (!own) {
        if (wanted !== undefined && holder) throw taken(holder);
        continue; // somebody was faster: look again
      }
      if (await this.#isWithinLimit()) {
        await this.#publish();
        return own;
      }
      await this.#drop(own.instance, own.version);
      await sleep(Math.random() * 100); // two that see one place must not both give up for ever
    }
    throw new CoordinatorError(
      "store_busy",
      `Cannot claim an instance within ${RACE_DEADLINE_MS / 1000} s as too many others are at it`,
      "Call sign_on() again.",
    );
  }

  /** Renews a claim; null where another has taken it over. */
  async renew(own: OwnClaim): Promise<OwnClaim | null> {
    const { heartbeat } = own.claim;
    const claim = { ...own.claim, heartbeat: await this.#heartbeat(heartbeat.count + 1) };
    const result = await this.#options.store.store(this.#claims, own.instance, claimJson(claim), {
      expected: own.version,
    });
    if (result.ok) return { ...own, claim, version: result.version };
    if (!result.current && this.#isOwnLifeThere(own)) {
      return await this.#claimAnew({ ...own, claim });
    }
    // Our own write whose answer got lost is no take-over.
    const current = result.current && readClaim(result.current.value);
    return current?.life === own.claim.life
      ? { ...own, claim: current, version: result.current!.version }
      : null;
  }

  /** Whether our proof of life is in its place: else others may have found us dead. */
  #isOwnLifeThere(own: OwnClaim): boolean {
    return probeLife(this.#options.lifeFolder, own.claim.life) === "alive";
  }

  /** The claim's record was removed by somebody who did not know: puts it back, unless taken. */
  async #claimAnew(own: OwnClaim): Promise<OwnClaim | null> {
    const { store } = this.#options;
    const result = await store.store(this.#claims, own.instance, claimJson(own.claim), {
      expected: "absent",
    });
    return result.ok ? { ...own, version: result.version } : null;
  }

  /** Gives a claim back. */
  async release(own: OwnClaim): Promise<void> {
    for (;;) {
      const current = await this.#look(own.instance);
      // Dropping fails where a heartbeat of ours came in between: then look again.
      if (current?.claim.life !== own.claim.life) break;
      if (await this.#drop(own.instance, current.version)) break;
    }
    await this.#publish();
  }

  /**
   * Frees what dead holders left, and what holders left that stayed silent between two of these
   * calls; to be called once per heartbeat interval.
   */
  async watchOver(): Promise<void> {
    const held = await this.#heal(await this.#held());
    const before = this.#silentAt;
    const silent = held.filter(({ standing }) => standing === "silent");
    this.#silentAt = new Map(silent.map((one) => [one.instance, one.claim.heartbeat.count]));
    for (const one of silent) {
      if (before.get(one.instance) === one.claim.heartbeat.count) await this.#free(one, "silent");
    }
  }

  /** An instance that can be claimed now. */
  async #choose(): Promise<string> {
    const { firstAvailable, held } = await this.list();
    if (firstAvailable !== null) return firstAvailable;
    const silent = held.find(({ standing }) => standing === "silent");
    if (!silent) throw this.#allTaken();
    return silent.instance;
  }

  /** One conditional write; where it does not succeed, the holder, or null where a race was lost. */
  async #tryClaim(
    instance: string,
    life: LifeFile,
    clientSession: string | null,
  ): Promise<{ own: OwnClaim | null; holder: Held | null }> {
    let current = await this.#look(instance);
    if (current?.standing === "silent") current = await this.#watchSilent(current);
    if (current && current.standing !== "dead") return { own: null, holder: current };
    const heartbeat = await this.#heartbeat(1);
    const claim: Claim = {
      life: life.id,
      host: hostname(),
      pid: Deno.pid,
      client_session: clientSession,
      signed_on_at: heartbeat.at,
      heartbeat,
    };
    const result = await this.#options.store.store(this.#claims, instance, claimJson(claim), {
      expected: current?.version ?? "absent",
    });
    if (!result.ok) return { own: null, holder: null };
    if (current) this.#bury(current);
    return { own: { instance, claim, version: result.version }, holder: null };
  }

  /**
   * A silent holder may just have been woken together with this machine: it gets one more interval.
   * Answers its claim as `"dead"` where it stayed silent.
   */
  async #watchSilent(before: Held): Promise<Held | null> {
    const { heartbeatIntervalMs } = this.#options;
    await sleep(heartbeatIntervalMs * 1.2);
    const after = await this.#look(before.instance);
    if (after?.version !== before.version) return after;
    this.#options.log.warn(`${before.instance}: taken over from a silent server`);
    return { ...after, standing: "dead" };
  }

  /** Whether the limit leaves room for an instance that is asked for by name. */
  async #hasPlaceFor(wanted: string): Promise<boolean> {
    const { maxInstances } = this.#options;
    if (maxInstances === null) return true;
    const held = (await this.#held()).filter(({ standing }) => standing !== "dead");
    return held.length < maxInstances || held.some(({ instance }) => instance === wanted);
  }

  async #isWithinLimit(): Promise<boolean> {
    const { maxInstances } = this.#options;
    if (maxInstances === null) return true;
    const held = await this.#held();
    return held.filter(({ standing }) => standing !== "dead").length <= maxInstances;
  }

  async #heal(held: Held[]): Promise<Held[]> {
    const dead = held.filter(({ standing }) => standing === "dead");
    for (const one of dead) await this.#free(one, "dead");
    return held.filter(({ standing }) => standing !== "dead");
  }

  async #free(one: Held, why: "dead" | "silent"): Promise<void> {
    if (!await this.#drop(one.instance, one.version)) return;
    this.#options.log.warn(`${one.instance}: freed as its server (pid ${one.claim.pid}) is ${why}`);
    this.#bury(one);
    await this.#publish();
  }

  #bury({ claim }: Held): void {
    buryLife(this.#options.lifeFolder, claim.life);
  }

  async #drop(instance: string, expected: Version): Promise<boolean> {
    return (await this.#options.store.delete(this.#claims, instance, { expected })).ok;
  }

  async #heartbeat(count: number) {
    const nowMs = await this.#options.store.now();
    return { count, uptime_s: uptimeSeconds(), at: new Date(nowMs).toISOString() };
  }

  /** The known instances: the first four, those once used, those held, and one more if all are. */
  async #map(held: readonly Held[]): Promise<InstanceMap> {
    const { maxInstances } = this.#options;
    const limit = maxInstances ?? Infinity;
    const taken = new Set(held.map(({ instance }) => instance));
    const published = await this.#published();
    const known = new Set([
      ...Array.from({ length: FIRST_INSTANCES }, (_, i) => `claude_${i + 1}`),
      ...(isObject(published) ? Object.keys(published).filter((id) => INSTANCE_NAME.test(id)) : []),
      ...taken,
    ]);
    if (known.size === taken.size) known.add(nextInstance(known));
    let places = limit - taken.size;
    const shown = [...known].sort(naturally).filter((id) => taken.has(id) || places-- > 0);
    return Object.fromEntries(shown.map((id) => [id, taken.has(id) ? "taken" : "available"]));
  }

  /** What was published last; a copy that cannot be read is as good as none. */
  async #published(): Promise<Json> {
    try {
      return (await this.#options.store.retrieve(this.#registry, REGISTRY_KEY))?.value ?? null;
    } catch (error) {
      this.#options.log.warn(messageOf(error));
      return null;
    }
  }

  /**
   * Writes seed 002's registry, a copy for people and for the Python reference. The claims decide;
   * whoever wrote last looks again whether they changed meanwhile. Nothing depends on it, so it
   * never fails.
   */
  async #publish(): Promise<void> {
    const { store, log } = this.#options;
    try {
      for (let tries = 0; tries < MAX_REPUBLISHED; tries++) {
        const map = await this.#map(await this.#held());
        await store.store(this.#registry, REGISTRY_KEY, map);
        const now = await this.#map(await this.#held());
        if (JSON.stringify(now) === JSON.stringify(map)) return;
      }
    } catch (error) {
      log.warn(`the list of instances could not be published: ${messageOf(error)}`);
    }
  }

  #allTaken(): CoordinatorError {
    const { project, maxInstances } = this.#options;
    return new CoordinatorError(
      "all_taken",
      `All instances of ${project} are taken (the limit is ${maxInstances})`,
      "Wait until a session signs off, ask the user which one to end, or raise 'session.max_instances'.",
    );
  }
}

/** Stands for a record that is no claim, so that it blocks nobody. */
const NOBODY: Claim = {
  life: "",
  host: "",
  pid: 0,
  client_session: null,
  signed_on_at: "",
  heartbeat: { count: 0, uptime_s: 0, at: "" },
};

function taken({ instance, claim }: Held): CoordinatorError {
  const session = claim.client_session ? `, Claude session ${claim.client_session}` : "";
  return new CoordinatorError(
    "instance_taken",
    `Cannot claim ${instance} as another session holds it (process ${claim.pid} on ${claim.host}${session}, since ${claim.signed_on_at})`,
    "Call sign_on() without session_id to claim a free instance.",
  );
}

function badName(name: string): CoordinatorError {
  return new CoordinatorError(
    "invalid_argument",
    `'${name}' cannot be the name of an instance`,
    "Use 1 to 64 letters, digits, '_', '-' and '.', such as claude_1.",
  );
}

function nextInstance(known: ReadonlySet<string>): string {
  for (let number = 1;; number++) {
    if (!known.has(`claude_${number}`)) return `claude_${number}`;
  }
}

/** claude_2 before claude_10, and these before names that somebody chose. */
function naturally(a: string, b: string): number {
  const isChosen = (name: string) => Number(!/^claude_\d+$/.test(name));
  return isChosen(a) - isChosen(b) ||
    a.localeCompare(b, "en", { numeric: true }) || (a < b ? -1 : 1);
}

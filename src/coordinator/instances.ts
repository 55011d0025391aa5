/**
 * The pool of instances of one project on one machine: `claude_1` to `claude_4`, and more as needed.
 * Each is a lease, held by the life of one server.
 *
 * @module
 */

import { CoordinatorError, messageOf } from "../domain/error.ts";
import { isObject, type Json } from "../domain/json.ts";
import type { Request } from "../lease/apply.ts";
import { clockOf } from "../lease/clock.ts";
import { Leases } from "../lease/leases.ts";
import type { Holder } from "../lease/record.ts";
import { hostname, uptimeSeconds } from "../os/host.ts";
import { buryLife, type LifeFile, probeLife } from "../os/life_file.ts";
import type { Log } from "../os/log.ts";
import { sleep } from "../os/sleep.ts";
import type { StorageAdapter, Version } from "../storage/adapter.ts";
import {
  INSTANCE_NAME,
  type InstanceMap,
  isSameMap,
  naturally,
  nextInstance,
} from "./instance_names.ts";
import { type Claim, claimIn, judge, oldClaimBeside, readClaim, type Standing } from "./claim.ts";
import type { SeenClaims } from "./seen_claims.ts";
import { BOOK_SCOPE, CLAIMS_SCOPE, INSTANCES_SCOPE, REGISTRY_KEY, scopePrefix } from "./names.ts";

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
  /** What other pools of this process have seen too. */
  readonly seen?: SeenClaims;
}

/** A claim as found. */
export interface Held {
  readonly instance: string;
  readonly claim: Claim;
  readonly standing: Standing;
  readonly version: Version;
  /** The lease's fencing token; 0 for what is no lease, as an older csc wrote it. */
  readonly token: number;
}

/** A claim that this server holds. */
export interface OwnClaim {
  readonly instance: string;
  readonly holder: Holder;
  /** What its lease tells of its holder. */
  readonly detail: Json;
  /** The lease's fencing token. */
  readonly token: number;
  /** The host's uptime when it was last renewed; it goes on while the host sleeps. */
  readonly renewedS: number;
}

/** How many instances the pool starts with (seed 002). */
const FIRST_INSTANCES = 4;
/** How long a server goes on racing with others for an instance. */
const RACE_DEADLINE_MS = 10_000;
/** How often the published list is written again because it changed meanwhile. */
const MAX_REPUBLISHED = 20;

/** The instances of one project on one machine, and which of them this server holds. */
export class InstancePool {
  readonly #options: PoolOptions;
  readonly #claims: string;
  readonly #registry: string;
  readonly #leases: Leases;
  readonly #ttlS: number;
  readonly #limit: number;
  /** Silent holders, and since when this server has watched them without hearing anything. */
  readonly #silent = new Map<string, { readonly version: Version; readonly sinceMs: number }>();
  #own: OwnClaim | null = null;
  /** Why there is no claim any more, until it is told. */
  #loss: CoordinatorError | null = null;

  constructor(options: PoolOptions) {
    const { store, lifeFolder } = options;
    const witness = (lives: readonly string[]) =>
      Promise.resolve(new Set(lives.filter((life) => probeLife(lifeFolder, life) === "dead")));
    const prefix = scopePrefix(options.machine, options.project);
    this.#options = options;
    this.#claims = `${prefix}:${CLAIMS_SCOPE}`;
    this.#registry = `${prefix}:${INSTANCES_SCOPE}`;
    this.#limit = options.maxInstances ?? Infinity;
    this.#ttlS = Math.ceil(options.heartbeatTimeoutMs / 1000);
    const bookScope = `${prefix}:${BOOK_SCOPE}`;
    const clock = clockOf(store);
    this.#leases = new Leases({ store, clock, witness, bookScope, beside: oldClaimBeside });
  }

  /** The claim that this server holds, as it knows. */
  get own(): OwnClaim | null {
    return this.#own;
  }

  /** All instances, after freeing those whose holder is proven dead. */
  async list(): Promise<{ instances: InstanceMap; firstAvailable: string | null; held: Held[] }> {
    const held = await this.#heal();
    const published = await this.#published().catch((error) => {
      this.#options.log.warn(messageOf(error));
      return null; // a copy that cannot be read is as good as none
    });
    const instances = this.#map(held, published);
    const available = Object.keys(instances).find((id) => instances[id] === "available");
    return { instances, firstAvailable: available ?? null, held };
  }

  /**
   * Whether an instance is held by somebody, dead or alive.
   *
   * @param version The version that the claim is known to have, or null where there is none any more.
   */
  async isHeld(instance: string, version: Version | null): Promise<boolean> {
    if (version === null) return false;
    const { store, seen } = this.#options;
    const known = seen?.isHeld(version);
    if (known !== undefined) return known;
    const entry = await store.retrieve(this.#claims, instance);
    if (entry === null) return false;
    const isHeld = readClaim(entry.value, instance, this.#ttlS).holder !== null;
    seen?.note(entry.version, isHeld);
    return isHeld;
  }

  /** Every claim, with what its holder's signs of life say. */
  async #held(): Promise<Held[]> {
    const { store, lifeFolder } = this.#options;
    const entries = await store.retrieveAll(this.#claims);
    const moment = await this.#leases.now();
    return [...entries].flatMap(([instance, { value, version }]) => {
      const lease = readClaim(value, instance, this.#ttlS);
      if (lease.holder === null) return [];
      const lifeSign = probeLife(lifeFolder, lease.holder.session);
      const standing = judge(lease, { lifeSign, host: hostname(), moment });
      return [{ instance, claim: claimIn(lease), standing, version, token: lease.token }];
    });
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
    const holder = { session: life.id };
    const detail = {
      life: life.id,
      host: hostname(),
      pid: Deno.pid,
      client_session: clientSession,
      signed_on_at: new Date(await this.#options.store.now()).toISOString(),
    };
    const watchMs = this.#options.heartbeatIntervalMs * 1.2;
    const deadline = performance.now() + RACE_DEADLINE_MS + 2 * watchMs;
    while (performance.now() < deadline) {
      const { firstAvailable, held } = await this.list();
      const silent = held.find(({ standing }) => standing === "silent");
      const instance = wanted ?? firstAvailable ?? silent?.instance;
      const current = held.find((one) => one.instance === instance);
      if (instance === undefined || !current && held.length >= this.#limit) throw this.#allTaken();
      if (current?.standing === "live") throw taken(current);
      const own = current ? null : await this.#acquire({ instance, holder, detail });
      if (own) return own;
      // Somebody was faster, or is silent and, if that stays so, gone then: look again.
      await sleep(current ? watchMs : Math.random() * 5);
    }
    throw new CoordinatorError(
      "store_busy",
      `Cannot claim an instance within ${RACE_DEADLINE_MS / 1000} s as too many others are at it`,
      "Call sign_on() again.",
    );
  }

  /** Renews a claim; null where another has taken it over. */
  async renew(own: OwnClaim): Promise<OwnClaim | null> {
    const { instance, holder, token } = own;
    const renewedS = uptimeSeconds();
    const outcome = await this.#act(instance, { op: "renew", holder, token, ttlS: this.#ttlS });
    // Freed in its silence but taken by nobody, or removed by somebody who did not know.
    const isVacant = outcome?.ok === false && outcome.record.holder === null &&
      (outcome.why === "expired" || outcome.record.token === 0);
    // Without our proof of life in its place, others may have found us dead.
    const mayReturn = isVacant && probeLife(this.#options.lifeFolder, holder.session) === "alive";
    if (outcome?.ok) return this.#own = { ...own, renewedS };
    const again = mayReturn ? await this.#acquire(own) : null;
    if (!again) this.#lose(own);
    return again;
  }

  /** Renews the own claim where its last renewal is so long ago that it may be another's by now. */
  async confirm(own: OwnClaim): Promise<OwnClaim | null> {
    const silentMs = (uptimeSeconds() - own.renewedS) * 1000;
    return silentMs > 2 * this.#options.heartbeatIntervalMs ? await this.renew(own) : this.#own;
  }

  /**
   * Writes under the name of an own claim. What comes after it was lost is refused where its new
   * holder has written, by the fencing token, and else found out afterwards.
   *
   * @throws {CoordinatorError} `identity_lost`.
   */
  async writeAs<R extends { readonly ok: boolean }>(
    own: OwnClaim,
    write: (fence: number) => Promise<R>,
  ): Promise<R> {
    const result = await write(own.token);
    if (result.ok && await this.confirm(own)) return result;
    this.#lose(own);
    throw this.takeLoss() ?? identityLost(own);
  }

  /** Why the claim was lost; told once. */
  takeLoss(): CoordinatorError | null {
    const loss = this.#loss;
    this.#loss = null;
    return loss;
  }

  /** Gives a claim back. */
  async release({ instance, holder }: OwnClaim): Promise<void> {
    await this.#act(instance, { op: "release", holder });
    if (this.#own?.instance === instance) this.#own = null;
    await this.#publish();
  }

  /** Frees what is over, and forgets what is long free; to be called once per heartbeat interval. */
  async watchOver(): Promise<void> {
    await this.#heal();
    await this.#leases.collect(this.#claims, { onlyFree: true });
  }

  /** One request to a lease; null where no lease is there, as an older csc has written meanwhile. */
  async #act(instance: string, request: Request) {
    try {
      return await this.#leases.act({ scope: this.#claims, key: instance }, request);
    } catch (error) {
      const { store } = this.#options;
      const isCorrupt = error instanceof CoordinatorError && error.code === "store_corrupt";
      const entry = isCorrupt ? await store.retrieve(this.#claims, instance) : null;
      if (!entry || readClaim(entry.value, instance, this.#ttlS).token > 0) throw error;
      return null;
    }
  }

  /** Acquires an instance's lease; null where it is held, or where no place is left for it. */
  async #acquire(
    claim: Pick<OwnClaim, "instance" | "holder" | "detail">,
  ): Promise<OwnClaim | null> {
    const { instance, holder, detail } = claim;
    const renewedS = uptimeSeconds();
    const request = { holder, ttlS: this.#ttlS, purpose: "instance", detail };
    const outcome = await this.#act(instance, { op: "acquire", ...request });
    if (!outcome?.ok) return null;
    if (this.#limit < Infinity && (await this.#heal()).length > this.#limit) {
      await this.#act(instance, { op: "release", holder });
      await sleep(Math.random() * 100); // two that see one place must not both give up for ever
      return null;
    }
    this.#own = { instance, holder, detail, token: outcome.record.token, renewedS };
    await this.#publish();
    return this.#own;
  }

  /** Frees those that are over; answers the others. */
  async #heal(): Promise<Held[]> {
    const held = await this.#held();
    const over = held.filter((one) => one.standing === "dead" || this.#staysSilent(one));
    for (const one of over) await this.#free(one);
    return held.filter((one) => !over.includes(one));
  }

  /**
   * A silent holder may just have been woken together with this machine: only if it stays silent
   * while it is watched for one more interval, it is over.
   */
  #staysSilent({ instance, standing, version }: Held): boolean {
    const before = this.#silent.get(instance);
    if (standing === "silent" && before?.version === version) {
      return performance.now() - before.sinceMs >= this.#options.heartbeatIntervalMs;
    }
    if (standing === "silent") this.#silent.set(instance, { version, sinceMs: performance.now() });
    return false;
  }

  /** Ends a claim, unless its holder has spoken up. */
  async #free({ instance, claim, standing, version, token }: Held): Promise<void> {
    const { store, log, lifeFolder } = this.#options;
    const isFree = token > 0
      ? (await this.#act(instance, { op: "settle" }))?.record.holder === null
      : (await store.delete(this.#claims, instance, { expected: version })).ok;
    if (!isFree) return;
    log.warn(`${instance}: taken over from a ${standing} server (pid ${claim.pid})`);
    buryLife(lifeFolder, claim.life);
    await this.#publish();
  }

  #lose(own: OwnClaim): void {
    if (this.#own?.instance !== own.instance) return;
    this.#own = null;
    this.#loss = identityLost(own);
    this.#options.log.warn(`${own.instance}: lost to another session`);
  }

  /** The known instances: the first four, those once used, those held, and one more if all are. */
  #map(held: readonly Held[], published: Json): InstanceMap {
    const taken = new Set(held.map(({ instance }) => instance));
    const known = new Set([
      ...Array.from({ length: FIRST_INSTANCES }, (_, i) => `claude_${i + 1}`),
      ...(isObject(published) ? Object.keys(published).filter((id) => INSTANCE_NAME.test(id)) : []),
      ...taken,
    ]);
    if (known.size === taken.size) known.add(nextInstance(known));
    let places = this.#limit - taken.size;
    const shown = [...known].sort(naturally).filter((id) => taken.has(id) || places-- > 0);
    return Object.fromEntries(shown.map((id) => [id, taken.has(id) ? "taken" : "available"]));
  }

  /** What was published last. */
  async #published(): Promise<Json> {
    return (await this.#options.store.retrieve(this.#registry, REGISTRY_KEY))?.value ?? null;
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
        const published = await this.#published();
        const map = this.#map(await this.#held(), published);
        if (isObject(published) && isSameMap(published, map)) return;
        await store.store(this.#registry, REGISTRY_KEY, map);
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

function identityLost({ instance, renewedS }: OwnClaim): CoordinatorError {
  return new CoordinatorError(
    "identity_lost",
    `This session is no longer ${instance}: the instance was freed, as it gave no sign of life for ${
      uptimeSeconds() - renewedS
    } s or its claim was removed`,
    "Call sign_on() for a new instance; look at what others did meanwhile before you go on.",
  );
}

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

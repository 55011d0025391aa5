/**
 * A process that works with leases and notes each operation before and after. Its task is the first
 * line on standard input; it says "ready" and its name, begins with the second line and ends with the
 * third.
 */

import { CoordinatorError } from "../../src/domain/error.ts";
import type { Outcome } from "../../src/lease/apply.ts";
import type { WaitOutcome } from "../../src/lease/leases.ts";
import type { LeaseRecord, Moment } from "../../src/lease/record.ts";
import { LifeFile, probeLife } from "../../src/os/life_file.ts";
import type { StorageAdapter, Version } from "../../src/storage/adapter.ts";
import type { Answer, Asked, Line, Seen } from "../lease/checkers/history.ts";
import { DATA, type LeaseTask, randomFrom } from "../lease/histories/plan.ts";
import { importLease } from "../lease/planted/patched.ts";
import { STORE_BUGS } from "../lease/planted/stores.ts";
import { SOUND } from "./lease.ts";
import { openShared } from "./open_store.ts";
import { hostSeconds } from "./host_clock.ts";
import { LineSplitter } from "./wire.ts";

const input = Deno.stdin.readable.getReader();
const splitter = new LineSplitter();
const lines: string[] = [];

async function readLine(): Promise<string> {
  while (lines.length === 0) {
    const { value, done } = await input.read();
    if (done) return "";
    lines.push(...splitter.push(value));
  }
  return lines.shift()!;
}

function say(line: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(JSON.stringify(line) + "\n"));
}

const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

/** This process's time of day, which jumps; everything asks it by `Date.now`. */
const realNow = Date.now;
let jumpedMs = 0;
Date.now = () => realNow() + jumpedMs;

class LeaseWorker {
  readonly who: string;
  readonly #task: LeaseTask;
  readonly #store: StorageAdapter;
  readonly #leases: InstanceType<typeof SOUND.leases.Leases>;
  readonly #history: Deno.FsFile;
  readonly #random: () => number;
  readonly #held = new Map<string, number>();
  /** Tokens of grants that are over: what an overtaken holder still goes by. */
  readonly #lost = new Map<string, number>();
  #moment: Moment | null = null;
  #operations = 0;

  constructor(task: LeaseTask, life: string, modules: typeof SOUND, store: StorageAdapter) {
    this.who = life;
    this.#task = task;
    this.#store = store;
    this.#history = Deno.openSync(task.history, { append: true });
    this.#random = randomFrom(task.seed);
    const clock = modules.clock.clockOf(store);
    this.#leases = new modules.leases.Leases({
      store,
      clock: async () => this.#moment = await clock(),
      witness: (sessions) => {
        const dead = sessions.filter((one) => probeLife(task.lives, one) === "dead");
        return Promise.resolve(new Set(dead));
      },
      bookScope: "book",
    });
  }

  /** Works until it is to end. */
  async work(isOver: () => boolean): Promise<void> {
    while (!isOver()) {
      await this.#step().catch(rethrowUnlessCutOff);
      await pause(this.#random() * 15 + (this.#task.restMs ?? 0));
    }
  }

  async #step(): Promise<void> {
    if (this.#task.jumps && this.#chance(0.05)) {
      jumpedMs = Math.round((this.#random() - 0.5) * 86_400_000);
    }
    const key = this.#pick(this.#task.keys);
    if (this.#task.profile === "queue") await this.#queue(key);
    else if (this.#held.has(key)) await this.#hold(key);
    else await this.#seek(key);
  }

  async #seek(key: string): Promise<void> {
    const lost = this.#lost.get(key);
    if (lost !== undefined && this.#chance(0.3)) {
      if (this.#chance(0.7)) return await this.#write(key, lost);
      return await this.#renew(key, lost);
    }
    if (this.#chance(0.8)) return await this.#acquire(key);
    const record = await this.#inspect(key);
    if (record?.holder && this.#chance(0.5)) await this.#takeOver(key, record);
  }

  async #hold(key: string): Promise<void> {
    const token = this.#held.get(key)!;
    const dice = this.#random();
    if (dice < 0.3) return await this.#write(key, token);
    if (dice < 0.5) return await this.#renew(key, token);
    if (dice < 0.6) return await this.#acquire(key);
    if (dice < 0.85) return await this.#release(key, token);
    if (dice < 0.9) return await pause(this.#random() * 2000 * Math.max(...this.#task.ttlsS));
    await this.#inspect(key);
  }

  /** Waits in line, holds for a moment, and gives back, mostly. */
  async #queue(key: string): Promise<void> {
    const ttlS = this.#pick(this.#task.ttlsS);
    const request = { holder: { session: this.who }, ttlS, purpose: "", detail: null };
    const waitMs = this.#random() * 3000;
    await this.#perform(
      { op: "wait", key, ttlS },
      async () =>
        this.#take(key, await this.#leases.wait({ scope: "leases", key }, request, waitMs)),
    );
    for (let token; (token = this.#held.get(key)) !== undefined;) {
      await pause(this.#random() * 100);
      if (this.#chance(0.1)) this.#held.delete(key); // forgotten: its time ends it
      else if (this.#chance(0.3)) await this.#renew(key, token);
      else await this.#release(key, token);
    }
  }

  async #acquire(key: string): Promise<void> {
    const ttlS = this.#pick(this.#task.ttlsS);
    const request = { holder: { session: this.who }, ttlS, purpose: "", detail: null };
    await this.#perform(
      { op: "acquire", key, ttlS },
      async () => this.#take(key, await this.#leases.acquire({ scope: "leases", key }, request)),
    );
  }

  async #renew(key: string, token: number): Promise<void> {
    const ttlS = this.#pick(this.#task.ttlsS);
    await this.#act(
      key,
      { op: "renew", key, token, ttlS },
      async (ref, holder) =>
        this.#keep(key, token, await this.#leases.act(ref, { op: "renew", holder, token, ttlS })),
    );
  }

  async #release(key: string, token: number): Promise<void> {
    await this.#act(key, { op: "release", key, token }, async (ref, holder) => {
      const outcome = await this.#leases.release(ref, holder, token);
      this.#held.delete(key);
      this.#lost.set(key, token);
      return this.#answer(outcome);
    });
  }

  async #takeOver(key: string, record: LeaseRecord): Promise<void> {
    const { token } = record;
    const ttlS = this.#pick(this.#task.ttlsS);
    const what = { token, ttlS, reason: "", purpose: "", detail: null };
    await this.#act(
      key,
      { op: "take over", key, token, ttlS },
      async (ref, holder) =>
        this.#take(key, await this.#leases.act(ref, { op: "take over", holder, ...what })),
    );
  }

  async #inspect(key: string): Promise<LeaseRecord | null> {
    let record: LeaseRecord | null = null;
    await this.#act(key, { op: "inspect", key }, async (ref) => {
      record = await this.#leases.inspect(ref);
      const s = (this.#moment ?? await this.#leases.now()).s;
      return { ok: true, s, record: record ? seen(record) : NEVER_USED };
    });
    return record;
  }

  /** A fenced write: to a set that nobody's update may get lost from, or to a plain value. */
  async #write(key: string, token: number): Promise<void> {
    const isSet = this.#chance(0.7);
    const name = isSet ? key : `${key}, plain`;
    const entry = await this.#store.retrieve(DATA, name);
    if (this.#chance(0.2)) await pause(this.#random() * 100);
    const item = `${this.who.slice(0, 8)}-${this.#operations}`;
    const expected = isSet ? entry?.version ?? "absent" as const : undefined;
    const value = isSet ? [...(entry?.value ?? []) as string[], item] : item;
    const asked = { op: "write", key: name, token, expected: expected ?? null, item } as const;
    await this.#perform(asked, async () => {
      const options = { fence: token, expected: expected as Version | "absent" | undefined };
      const result = await this.#store.store(DATA, name, value, options);
      if (result.ok) return { ok: true, version: result.version };
      if (result.reason === "fence") this.#held.delete(key); // it has been overtaken, and knows now
      return { ok: false, why: result.reason };
    });
  }

  #act(
    key: string,
    asked: Asked,
    run: (ref: { scope: string; key: string }, holder: { session: string }) => Promise<Answer>,
  ): Promise<void> {
    return this.#perform(asked, () => run({ scope: "leases", key }, { session: this.who }));
  }

  #take(key: string, outcome: WaitOutcome): Answer {
    if (outcome.ok) this.#held.set(key, outcome.record.token);
    return this.#answer(outcome);
  }

  #keep(key: string, token: number, outcome: Outcome): Answer {
    if (!outcome.ok && this.#held.get(key) === token) {
      this.#held.delete(key);
      this.#lost.set(key, token);
    }
    return this.#answer(outcome);
  }

  #answer(outcome: WaitOutcome): Answer {
    const { s } = this.#moment!;
    const record = seen(outcome.record);
    if (outcome.ok) return { ok: true, extended: outcome.extended, s, record };
    return { ok: false, why: outcome.why, s, record };
  }

  async #perform(asked: Asked, run: () => Promise<Answer>): Promise<void> {
    const id = ++this.#operations;
    const { who } = this;
    this.#moment = null;
    this.#note({ is: "invoke", who, id, atS: hostSeconds(), asked });
    try {
      const answer = await run();
      this.#note({ is: "return", who, id, atS: hostSeconds(), answer });
    } catch (error) {
      const code = error instanceof CoordinatorError ? error.code : "";
      // It lost every race, or never reached the store: that nothing has happened is certain, but for
      // a wait, which is more than one write.
      const isCertain = code === "store_busy" ||
        (code === "store_unreachable" && asked.op !== "wait");
      if (isCertain) this.#note({ is: "fail", who, id, error: code });
      else rethrowUnlessCutOff(error);
    }
  }

  /** One call to the system, so that lines of several processes do not mix. */
  #note(line: Line): void {
    const bytes = new TextEncoder().encode(JSON.stringify(line) + "\n");
    if (this.#history.writeSync(bytes) !== bytes.length) throw new Error("a line was cut");
  }

  #chance(share: number): boolean {
    return this.#random() < share;
  }

  #pick<T>(list: readonly T[]): T {
    return list[Math.floor(this.#random() * list.length)];
  }
}

/** A store on the network that is down for a while. What was asked of it then may have happened. */
function rethrowUnlessCutOff(error: unknown): void {
  const code = error instanceof CoordinatorError ? error.code : "";
  if (code !== "store_unreachable" && code !== "outcome_unknown") throw error;
}

const NEVER_USED: Seen = { holder: null, token: 0, renewedS: 0, ttlS: 0, ended: null };

function seen({ holder, token, renewed_s, ttl_s, ended }: LeaseRecord): Seen {
  return {
    holder: holder?.session ?? null,
    token,
    renewedS: renewed_s,
    ttlS: ttl_s,
    ended: ended && { holder: ended.holder.session, token: ended.token, why: ended.why },
  };
}

const task: LeaseTask = JSON.parse(await readLine());
const life = LifeFile.start(task.lives);
const opened = await openShared(task.kind, task.folder);
const Unfenced = STORE_BUGS.find(({ does }) => does === "ignores the fence")!.Store;
const store = task.ignoresFences ? new Unfenced(opened) : opened;
const modules = task.lease ? await importLease(task.lease) : SOUND;
const worker = new LeaseWorker(task, life.id, modules, store);
say("ready");
say(worker.who);
await readLine();
let isOver = false;
void readLine().then(() => isOver = true);
try {
  await worker.work(() => isOver);
} catch (error) {
  say(`${(error as Error).stack ?? error}`);
  Deno.exit(1);
}
await store.close();
life.end();
Deno.exit(0);

import { sleep } from "../../../src/os/sleep.ts";
import { hostSeconds } from "../../support/host_clock.ts";
import { openShared } from "../../support/open_store.ts";
import { pause } from "../../support/project.ts";
import { TempFolder } from "../../support/temp.ts";
import { Worker } from "../../support/workers.ts";
import { type History, historyOf, type Line, readLines } from "../checkers/history.ts";
import { checkLinearizable } from "../checkers/lease_model.ts";
import { checkTakeOvers } from "../checkers/take_overs.ts";
import { checkFences, checkTokens, checkUpdates } from "../checkers/tokens.ts";
import { OwnServer } from "./own_server.ts";
import { DATA, type LeaseTask, type Plan, randomFrom } from "./plan.ts";

/** What came of a plan. */
export interface Verdict {
  readonly history: History;
  /** How long the workers worked, in seconds. */
  readonly seconds: number;
  readonly kills: number;
  /** Stops that lasted longer than the longest TTL. */
  readonly longPauses: number;
  /** How often the store's server was killed or stopped. */
  readonly strikes: number;
  /** What each checker found, by its name. */
  readonly faults: Readonly<Record<string, readonly string[]>>;
  /** A copy of what was noted, where a fault was found. */
  readonly evidence: string | null;
}

/** On a busy machine things take longer, but some time it has to end. */
const LONGEST_S = 120;

/** A worker and its name. */
interface Running {
  readonly worker: Worker;
  readonly who: string;
  isStopped: boolean;
  hasEnded: boolean;
}

/** The processes of one history, and what befalls them. */
class Crew implements AsyncDisposable {
  readonly #plan: Plan;
  readonly #task: LeaseTask;
  readonly #random: () => number;
  readonly #stack = new AsyncDisposableStack();
  readonly #running: Running[] = [];
  readonly #history: Deno.FsFile;
  #spare: Promise<Running> | null = null;
  #started = 0;
  #stops = 0;
  readonly #isOver = new AbortController();
  readonly #server: OwnServer | null;
  kills = 0;
  longPauses = 0;
  strikes = 0;

  constructor(plan: Plan, folder: string, server: OwnServer | null) {
    this.#plan = plan;
    this.#server = server;
    const history = `${folder}/history.jsonl`;
    this.#task = { ...plan, folder, history, lives: `${folder}/lives` };
    this.#random = randomFrom(plan.seed);
    this.#history = Deno.openSync(history, { append: true, create: true });
  }

  /** Starts all, and one more for the first that is killed. */
  async start(): Promise<void> {
    const crew = Array.from({ length: this.#plan.workers }, () => this.#launch());
    this.#running.push(...await Promise.all(crew));
    if (this.#plan.kills) this.#spare = this.#launch();
    for (const { worker } of this.#running) await worker.go();
  }

  /** Lets things happen for as long as planned, or until enough has happened. */
  async befall(): Promise<void> {
    const endS = hostSeconds() + this.#plan.seconds;
    const lastS = endS + LONGEST_S;
    const isDue = () => hostSeconds() < endS || (hostSeconds() < lastS && !this.#isEventful());
    const stops: Promise<void>[] = [];
    const { signal } = this.#isOver;
    const strikes = this.#strikeServer(signal);
    while (isDue()) {
      await pause(150 + this.#random() * 450);
      if (this.#running.some(({ hasEnded }) => hasEnded)) break; // by itself: `finish()` tells how
      const able = this.#running.filter(({ isStopped }) => !isStopped);
      const victim = able[Math.floor(this.#random() * able.length)];
      if (!victim) continue;
      if (this.#isPauseNext()) stops.push(this.#stop(victim, signal));
      else if (this.#plan.kills) await this.#kill(victim);
    }
    this.#isOver.abort();
    await Promise.all([...stops, strikes]);
  }

  /** Again and again, with some time in between for things to happen. */
  async #strikeServer(signal: AbortSignal): Promise<void> {
    const server = this.#server;
    if (server === null) return;
    while (!signal.aborted) {
      await sleep(700 + this.#random() * 800, signal);
      if (this.#plan.server?.is === "killed") {
        await server.kill();
        await server.restart();
      } else {
        server.stop();
        await sleep(500 + this.#random() * 3000);
        server.resume();
      }
      this.strikes++;
    }
  }

  /** A history in which nothing happened proves nothing. */
  #isEventful(): boolean {
    const { kills, pauses, server, minOperations } = this.#plan;
    const wasStruck = (!kills || this.kills > 0) && (!pauses || this.longPauses > 0) &&
      this.strikes >= (server?.minTimes ?? 0);
    return wasStruck && readLines(this.#task.history).length >= 2 * minOperations;
  }

  /** First one of each, then as it comes. */
  #isPauseNext(): boolean {
    const { kills, pauses } = this.#plan;
    if (!kills || !pauses) return pauses;
    return this.#stops === 0 || (this.kills > 0 && this.#random() < 0.6);
  }

  /** Ends all, and fails where one did not work as it should. */
  async finish(): Promise<void> {
    for (const { worker } of this.#running) await worker.go().catch(() => {});
    for (const { worker, who } of this.#running) {
      const said = await worker.rest();
      const { code } = await worker.status;
      if (code !== 0) throw new Error(`${who} ended with ${code}: ${said}`);
    }
  }

  async #launch(): Promise<Running> {
    const { faketime, seed } = this.#plan;
    const task = { ...this.#task, seed: seed * 1000 + ++this.#started };
    const offsetS = Math.round((this.#random() - 0.5) * 86_400);
    const offset = `${offsetS < 0 ? "" : "+"}${offsetS}s`;
    const env: Record<string, string> = { ...this.#server?.env };
    if (faketime) Object.assign(env, { LD_PRELOAD: faketime, FAKETIME: offset });
    const worker = this.#stack.use(new Worker(task, { script: "lease_worker.ts", env }));
    await worker.ready();
    const who = await worker.line() as string;
    const running = { worker, who, isStopped: false, hasEnded: false };
    void worker.status.then(() => running.hasEnded = true);
    return running;
  }

  async #kill(victim: Running): Promise<void> {
    const at = this.#running.indexOf(victim);
    this.#note({ is: "kill", who: victim.who });
    victim.worker.kill();
    await victim.worker.status;
    this.#note({ is: "gone", who: victim.who });
    this.kills++;
    const next = await this.#spare!;
    this.#spare = this.#launch();
    this.#running[at] = next;
    await next.worker.go();
  }

  async #stop(victim: Running, signal: AbortSignal): Promise<void> {
    const ttlS = Math.max(...this.#plan.ttlsS);
    const startS = hostSeconds();
    victim.isStopped = true;
    victim.worker.kill("SIGSTOP");
    // Every other one beyond the time of every lease, the first one too.
    const share = this.#stops++ % 2 === 0 ? 1.2 + this.#random() * 1.8 : this.#random() * 1.2;
    await sleep(share * 1000 * ttlS, signal);
    if (!victim.hasEnded) victim.worker.kill("SIGCONT");
    victim.isStopped = false;
    if (hostSeconds() - startS > ttlS) this.longPauses++;
  }

  #note(line: Line): void {
    this.#history.writeSync(new TextEncoder().encode(JSON.stringify(line) + "\n"));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#spare?.catch(() => {});
    await this.#stack.disposeAsync();
    this.#history.close();
  }
}

/** Carries a plan out and has the checkers judge it. */
export async function runHistory(plan: Plan): Promise<Verdict> {
  using temp = new TempFolder();
  await using server = plan.server ? await OwnServer.start(plan.kind, temp.join("server")) : null;
  await using crew = new Crew(plan, temp.path, server);
  await crew.start();
  const startS = hostSeconds();
  await crew.befall();
  await crew.finish();
  const seconds = hostSeconds() - startS;
  const history = historyOf(readLines(temp.join("history.jsonl")));
  const faults = judge(history, await itemsIn(plan, temp.path));
  const { kills, longPauses, strikes } = crew;
  const isSound = Object.values(faults).every((found) => found.length === 0);
  const evidence = isSound ? null : await keep(temp.join("history.jsonl"));
  return { history, seconds, kills, longPauses, strikes, faults, evidence };
}

async function keep(path: string): Promise<string> {
  const copy = await Deno.makeTempFile({ prefix: "csc-history-", suffix: ".jsonl" });
  await Deno.copyFile(path, copy);
  return copy;
}

/** The sets that the leases guard, as they are at last. */
async function itemsIn(plan: Plan, folder: string): Promise<Map<string, readonly string[]>> {
  const store = await openShared(plan.kind, folder);
  const entries = [...await store.retrieveAll(DATA)];
  await store.close();
  return new Map(
    entries.flatMap(([key, { value }]) =>
      Array.isArray(value) ? [[key, value as readonly string[]]] : []
    ),
  );
}

function judge(history: History, items: ReadonlyMap<string, readonly string[]>) {
  return {
    linearizable: checkLinearizable(history),
    tokens: checkTokens(history),
    fences: checkFences(history),
    "take-overs": checkTakeOvers(history),
    updates: checkUpdates(history, items),
  };
}

/** How often each operation was answered how. */
export function countsOf({ operations }: History): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { asked, answer } of operations) {
    const said = answer === null
      ? "unknown"
      : answer.ok
      ? answer.extended ? "extended" : "ok"
      : answer.why;
    const name = `${asked.op}: ${said}`;
    counts[name] = (counts[name] ?? 0) + 1;
  }
  return counts;
}

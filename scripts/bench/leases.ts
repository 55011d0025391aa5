/**
 * Sixteen processes race for one lease, round by round: who wins, under which tokens, and how fast.
 *
 * @module
 */

import { join } from "@std/path";
import { type Figure, median } from "./figure.ts";

const PROCESSES = 16;
const ROUNDS = 200;
const ALONE = 200;

/** A racing process: a line in, a line out. */
class Racer {
  readonly #child: Deno.ChildProcess;
  readonly #input: WritableStreamDefaultWriter<Uint8Array>;
  readonly #lines: ReadableStreamDefaultReader<string>;
  #rest = "";

  constructor(folder: string, name: string) {
    const worker = new URL("./lease_worker.ts", import.meta.url).pathname;
    const args = ["run", "-A", "--no-check", worker, folder, name];
    this.#child = new Deno.Command(Deno.execPath(), { args, stdin: "piped", stdout: "piped" })
      .spawn();
    this.#input = this.#child.stdin.getWriter();
    this.#lines = this.#child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  }

  async line(): Promise<string> {
    while (!this.#rest.includes("\n")) {
      const { value, done } = await this.#lines.read();
      if (done) throw new Error("a racer has ended");
      this.#rest += value;
    }
    const [line] = this.#rest.split("\n", 1);
    this.#rest = this.#rest.slice(line.length + 1);
    return line;
  }

  /** Has it do something; answers what it says. */
  async ask(what: string): Promise<number> {
    await this.#input.write(new TextEncoder().encode(`${what}\n`));
    return Number(await this.line());
  }

  async end(): Promise<void> {
    await this.#input.close();
    await this.#lines.cancel();
    await this.#child.status;
  }
}

/** Measures races on the `local` store. */
export async function benchLeases(): Promise<Figure[]> {
  const folder = await Deno.makeTempDir({ prefix: "csc-bench-" });
  const racers = Array.from(
    { length: PROCESSES },
    (_, i) => new Racer(join(folder, "state"), `racer ${i}`),
  );
  try {
    for (const racer of racers) await racer.line(); // "ready"
    const aloneMs = await racers[0].ask(`alone ${ALONE}`);
    return [figureOf(await race(racers), aloneMs)];
  } finally {
    for (const racer of racers) await racer.end();
    await Deno.remove(folder, { recursive: true });
  }
}

/** What came of one round. */
interface Round {
  readonly tokens: readonly number[];
  readonly ms: number;
}

async function race(racers: readonly Racer[]): Promise<Round[]> {
  const rounds: Round[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const startedAt = performance.now();
    const answers = await Promise.all(racers.map((racer) => racer.ask("acquire")));
    rounds.push({
      tokens: answers.filter((token) => token > 0),
      ms: performance.now() - startedAt,
    });
    const winner = answers.findIndex((token) => token > 0);
    if (winner >= 0) await racers[winner].ask("release");
  }
  return rounds;
}

function figureOf(rounds: readonly Round[], aloneMs: number): Figure {
  const oneWinner = rounds.filter(({ tokens }) => tokens.length === 1).length;
  const tokens = rounds.flatMap(({ tokens }) => tokens);
  const isRising = tokens.every((token, i) => i === 0 || token > tokens[i - 1]);
  const roundMs = median(rounds.map(({ ms }) => ms));
  return {
    what: `${PROCESSES} processes race for one lease, ${ROUNDS} rounds: local`,
    measured: `one winner in ${oneWinner} of ${ROUNDS}; tokens ${
      isRising ? "strictly rising" : "NOT RISING"
    }; ${roundMs.toFixed(1)} ms a round, ${Math.round(1000 / roundMs)} rounds/s`,
    target: `${ROUNDS} of ${ROUNDS}; strictly rising`,
    floor: `one process alone: ${(aloneMs / ALONE).toFixed(1)} ms for acquire and release`,
  };
}

/**
 * A process that writes to a store as fast as it can, whatever becomes of the store's server, until it is
 * told to end. The first line on standard input says where; it answers in one JSON line what it was told
 * of each write: acknowledged, unknown, or surely not done.
 */

import { CoordinatorError } from "../../src/domain/error.ts";
import { DEFAULT_LIMITS } from "../../src/domain/json.ts";
import { PostgresStore } from "../../src/storage/postgres/postgres.ts";
import { Stopwatch } from "./stopwatch.ts";
import { LineSplitter } from "./wire.ts";

/** What a process of a load was told. */
export interface LoadReport {
  readonly name: string;
  /** The keys, each written once. */
  readonly acknowledged: number[];
  readonly unknown: number[];
  /** How often the common counter was raised, and how often that is unknown. */
  readonly raised: number;
  readonly maybeRaised: number;
  /** How many writes were said not to have happened. */
  readonly refused: number;
  /** The longest that one took, in milliseconds. */
  readonly longestMs: number;
  /** Codes that nobody should get. */
  readonly odd: string[];
}

if (import.meta.main) {
  const input = Deno.stdin.readable.getReader();
  const splitter = new LineSplitter();
  const lines: string[] = [];
  const readLine = async () => {
    while (lines.length === 0) lines.push(...splitter.push((await input.read()).value!));
    return lines.shift()!;
  };
  const { url, name } = JSON.parse(await readLine());
  const store = new PostgresStore({ url, limits: DEFAULT_LIMITS });
  console.log('"ready"');
  await readLine();
  let isOver = false;
  readLine().then(() => isOver = true);
  const report = {
    name,
    acknowledged: [] as number[],
    unknown: [] as number[],
    raised: 0,
    maybeRaised: 0,
    refused: 0,
    longestMs: 0,
    odd: [] as string[],
  };
  const outcome = async (write: () => Promise<unknown>) => {
    using stopwatch = new Stopwatch();
    try {
      await write();
      return "done";
    } catch (error) {
      const code = error instanceof CoordinatorError ? error.code : String(error);
      if (code === "outcome_unknown") return "unknown";
      report.refused++;
      if (!["store_unreachable", "store_busy"].includes(code)) {
        report.odd.push(`${code}: ${(error as Error).message}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 20));
      return "refused";
    } finally {
      report.longestMs = Math.max(report.longestMs, stopwatch.ms);
    }
  };
  for (let i = 0; !isOver; i++) {
    const stored = await outcome(() => store.store("load", `${name}-${i}`, i));
    if (stored === "done") report.acknowledged.push(i);
    if (stored === "unknown") report.unknown.push(i);
    const raised = await outcome(() => store.increment("load", "count"));
    if (raised === "done") report.raised++;
    if (raised === "unknown") report.maybeRaised++;
  }
  await store.close();
  console.log(JSON.stringify(report));
  Deno.exit(0);
}

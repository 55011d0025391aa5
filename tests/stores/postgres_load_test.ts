/** PostgreSQL is killed and started again, twenty times, while processes write. */

import { DEFAULT_LIMITS } from "../../src/domain/json.ts";
import { PostgresStore } from "../../src/storage/postgres/postgres.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { DECIDED_MS, recovered } from "../support/decided.ts";
import type { LoadReport } from "../support/load_worker.ts";
import { runningKinds } from "../support/network_store.ts";
import { eventually } from "../support/project.ts";
import { PostgresServer } from "../support/servers/postgres.ts";
import { Worker } from "../support/workers.ts";

const KILLS = 20;
const WORKERS = ["a", "b", "c"];

if (runningKinds().includes("postgres")) {
  Deno.test(`postgres: killed ${KILLS} times under load, it has every acknowledged write`, async () => {
    await using server = await PostgresServer.create();
    const store = new PostgresStore({ url: server.url, limits: DEFAULT_LIMITS });
    await store.now();
    await using stack = new AsyncDisposableStack();
    const workers = WORKERS.map((name) =>
      stack.use(new Worker({ url: server.url, name }, { script: "load_worker.ts" }))
    );
    await Promise.all(workers.map((worker) => worker.ready()));
    await Promise.all(workers.map((worker) => worker.go()));
    const count = async () =>
      (await recovered(() => store.retrieve("load", "count")))?.value as number ?? 0;
    for (let kill = 0; kill < KILLS; kill++) {
      const before = await count();
      await eventually("the load goes on", async () => await count() > before + 20, 30_000);
      await server.stop(kill % 2 ? "SIGQUIT" : "SIGKILL");
      await server.start();
    }
    const before = await count();
    await eventually("the load goes on", async () => await count() > before + 20, 30_000);
    await Promise.all(workers.map((worker) => worker.go())); // ends it
    const reports = (await Promise.all(workers.map((worker) => worker.rest()))).map((lines) =>
      lines.at(-1) as unknown as LoadReport
    );

    const entries = await store.retrieveAll("load");
    for (const { name, acknowledged, unknown, odd, longestMs } of reports) {
      assertEquals(odd, []);
      assert(longestMs < DECIDED_MS, `a write took ${Math.round(longestMs)} ms`);
      for (const i of acknowledged) {
        assertEquals(entries.get(`${name}-${i}`)?.value, i, "an acknowledged write is there");
      }
      const known = new Set([...acknowledged, ...unknown].map((i) => `${name}-${i}`));
      for (const key of entries.keys()) {
        if (key.startsWith(`${name}-`)) assert(known.has(key), `${key} was said not to be written`);
      }
    }
    const sum = (of: (report: LoadReport) => number) =>
      reports.map(of).reduce((total, n) => total + n, 0);
    const [raised, maybe] = [sum((one) => one.raised), sum((one) => one.maybeRaised)];
    const total = entries.get("count")?.value as number;
    assert(
      raised <= total && total <= raised + maybe,
      `${raised} <= ${total} <= ${raised + maybe}`,
    );
    assert(sum((one) => one.refused) > 0, "the kills were felt");
    await store.close();
  });
}

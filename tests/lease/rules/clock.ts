import { assert, assertEquals } from "../../support/assert.ts";
import type { Check } from "../../support/lease.ts";
import { MemoryStore } from "../../../src/storage/memory.ts";
import { WrappedStore } from "../../support/wrapped_store.ts";

/** A store of a certain reach, whose own clock is far from everybody else's. */
class Reaching extends WrappedStore {
  override readonly place: WrappedStore["place"];

  constructor(reach: WrappedStore["place"]["reach"]) {
    super(new MemoryStore());
    this.place = { reach, location: "somewhere", folder: null };
  }

  override now() {
    return Promise.resolve(1_234_567_890_999.75);
  }
}

/** Runs a task while the time of day is another. */
async function withWallClock(nowMs: number, task: () => Promise<void>): Promise<void> {
  const real = Date.now;
  Date.now = () => nowMs;
  try {
    await task();
  } finally {
    Date.now = real;
  }
}

/** What is measured with. */
export const CLOCK: Check[] = [
  {
    name: "on one machine its uptime measures, whatever the wall clock says",
    async check({ clock: { clockOf } }) {
      for (const reach of ["machine", "process"] as const) {
        const now = clockOf(new Reaching(reach));
        for (const wallMs of [0, 1e12, 4e12]) {
          await withWallClock(wallMs, async () => {
            const before = Deno.osUptime();
            const moment = await now();
            assertEquals([moment.clock, moment.wallMs], ["uptime", wallMs]);
            assert(before <= moment.s && moment.s <= Deno.osUptime(), `${moment.s}`);
          });
        }
      }
    },
  },
  {
    name: "between machines the store's own clock measures, in whole milliseconds",
    async check({ clock: { clockOf } }) {
      const now = clockOf(new Reaching("network"));
      await withWallClock(0, async () => {
        const moment = await now();
        assertEquals(moment, { clock: "store", s: 1_234_567_890, wallMs: 1_234_567_890_999 });
      });
    },
  },
];

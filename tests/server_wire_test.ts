/** One request to a csc server, with its answers made up. */

import { CoordinatorError } from "../src/domain/error.ts";
import type { Access } from "../src/storage/server/access.ts";
import { Wire } from "../src/storage/server/wire.ts";
import { assertEquals, assertRejects } from "./support/assert.ts";

/** A client whose requests are answered so. */
function wireTo(answer: () => Response): Wire {
  const endpoint = { what: "the csc server", location: "http://127.0.0.1:8082" };
  const access = { endpoint, post: () => Promise.resolve(answer()) } as unknown as Access;
  return new Wire({ access, deadline: Infinity, timeoutMs: 500 });
}

Deno.test("a process that wakes up too late to ask again says what it knows", async () => {
  let asked = 0;
  const wire = wireTo(() => {
    if (++asked === 1) setTimeout(sleepWithAll, 5); // while it waits to ask again
    return new Response("busy", { status: 503 });
  });
  const error = await assertRejects(() => wire.call("increment", []), CoordinatorError);
  assertEquals([error.code, asked], ["store_busy", 1]);
});

/** Lets nothing of this process happen for longer than the request has. */
function sleepWithAll(): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 600);
}

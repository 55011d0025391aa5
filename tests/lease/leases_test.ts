import { clockOf } from "../../src/lease/clock.ts";
import { Leases } from "../../src/lease/leases.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { grantOf, SOUND } from "../support/lease.ts";
import { asking, BOOK, type LeaseKind, LeaseWorld, refOf } from "../support/lease_world.ts";
import { openShared } from "../support/open_store.ts";
import { pause } from "../support/project.ts";
import { TempFolder } from "../support/temp.ts";
import { LEASE_CLAUSES } from "./clauses.ts";

const KINDS: readonly LeaseKind[] = ["memory", "local", "kv"];

for (const kind of KINDS) {
  for (const { name, check, onMemoryOnly } of LEASE_CLAUSES) {
    if (onMemoryOnly && kind !== "memory") continue;
    Deno.test(`leases on ${kind}: ${name}`, async () => {
      await using world = await LeaseWorld.open(kind, SOUND);
      await check(world);
    });
  }
}

Deno.test("leases on local: after `rm -rf` of the folder tokens go on rising", async () => {
  using temp = new TempFolder();
  const store = await openShared("local", temp.path);
  const nobody = () => Promise.resolve(new Set<string>());
  const options = { store, clock: clockOf(store), witness: nobody, bookScope: BOOK };
  const leases = new Leases(options);
  const tokens: number[] = [];
  for (const name of ["a", "b", "c"]) {
    tokens.push(grantOf(await leases.acquire(refOf("k"), asking(name))).token);
    Deno.removeSync(temp.join("state"), { recursive: true });
    await pause(2);
  }
  assert(tokens[0] < tokens[1] && tokens[1] < tokens[2], `${tokens}`);
  await store.close();
});

Deno.test("the leases have no two clauses of one name", () => {
  assertEquals(new Set(LEASE_CLAUSES.map(({ name }) => name)).size, LEASE_CLAUSES.length);
});

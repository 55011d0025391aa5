/** Bugs planted in the SQL: on a real server, the contract catches each. */

import { DEFAULT_LIMITS } from "../../src/domain/json.ts";
import { PostgresStore } from "../../src/storage/postgres/postgres.ts";
import { schemaSql } from "../../src/storage/postgres/schema_sql.ts";
import { CONDITIONS } from "../storage/contract/conditions.ts";
import { COUNTERS } from "../storage/contract/counters.ts";
import { EXPIRY } from "../storage/contract/expiry.ts";
import { FENCES } from "../storage/contract/fences.ts";
import { VALUES } from "../storage/contract/values.ts";
import { WATCHING } from "../storage/contract/watching.ts";
import type { Clause } from "../storage/contract.ts";
import { check, here } from "../storage/contract_suite.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { runningKinds } from "../support/network_store.ts";
import { eventually } from "../support/project.ts";
import { PostgresServer } from "../support/servers/postgres.ts";

interface Bug {
  /** What of the SQL is replaced: its nth occurrence, the first without it. */
  readonly sound: string;
  readonly nth?: number;
  readonly broken: string;
  /** The part of the contract that sees it. */
  readonly clauses: readonly Clause[];
}

const LOCK = "AND key = p_key FOR UPDATE";

/** By what the store does wrong. */
const BUGS: Readonly<Record<string, Bug>> = {
  "judges a row that it has not locked": {
    sound: LOCK,
    broken: "AND key = p_key",
    clauses: CONDITIONS,
  },
  "counts on from a row that it has not locked": {
    sound: LOCK,
    nth: 2,
    broken: "AND key = p_key",
    clauses: COUNTERS,
  },
  "replaces what somebody else has just created": {
    sound: "ON CONFLICT DO NOTHING",
    broken:
      "ON CONFLICT (scope, key) DO UPDATE SET value = excluded.value, version = excluded.version",
    clauses: CONDITIONS,
  },
  "ignores the version that is expected": {
    sound: "WHEN p_expected <> '' AND NOT (r_existed AND e.version = p_expected) THEN 'version'",
    broken: "",
    clauses: CONDITIONS,
  },
  'ignores "absent"': {
    sound: "WHEN p_expected = '' AND r_existed THEN 'version'",
    broken: "",
    clauses: CONDITIONS,
  },
  "ignores the fence": {
    sound: "WHEN p_fence < e.fence THEN 'fence'",
    broken: "WHEN false THEN 'fence'",
    clauses: FENCES,
  },
  "lowers the fence": {
    sound: "r_fence := greatest(e.fence, p_fence)",
    broken: "r_fence := p_fence",
    clauses: FENCES,
  },
  "forgets the fence of what is deleted": {
    sound: "IF p_value IS NULL AND r_fence IS NULL THEN",
    broken: "IF p_value IS NULL THEN",
    clauses: FENCES,
  },
  "forgets the fences of a scope that is deleted": {
    sound: "IF e.fence IS NULL THEN",
    broken: "IF true THEN",
    clauses: FENCES,
  },
  "takes what has ended for present": {
    sound: "r_existed := e.version IS NOT NULL AND (e.expires_ms IS NULL OR v_now < e.expires_ms)",
    broken: "r_existed := e.version IS NOT NULL",
    clauses: EXPIRY,
  },
  "keeps the end of what has ended": {
    sound: "CASE WHEN v_live THEN e.expires_ms END",
    broken: "e.expires_ms",
    clauses: COUNTERS,
  },
  "keeps values as jsonb, which rounds nothing but orders and normalises": {
    sound: "value = p_value",
    broken: "value = p_value::jsonb::text",
    clauses: VALUES,
  },
  "tells nobody of a write": {
    sound: "IF p_value IS NOT NULL OR e.version IS NOT NULL THEN",
    broken: "IF p_value IS NULL AND e.version IS NOT NULL THEN",
    clauses: WATCHING,
  },
  "tells nobody of a deletion": {
    sound: "IF p_value IS NOT NULL OR e.version IS NOT NULL THEN",
    broken: "IF p_value IS NOT NULL THEN",
    clauses: WATCHING,
  },
  "tells nobody that a scope is deleted": {
    sound:
      `PERFORM "planted".tell(NULL, coalesce(e.long_scope, e.scope), coalesce(e.long_key, e.key));`,
    broken: "",
    clauses: WATCHING,
  },
  "tells of what it refuses": {
    sound: "IF r_refused IS NOT NULL THEN",
    broken: `IF r_refused IS NOT NULL THEN PERFORM "planted".tell(p_version, p_scope, p_key);`,
    clauses: WATCHING,
  },
};

/** A bug that needs chance to show gets several. */
const ROUNDS = 10;

if (runningKinds().includes("postgres")) {
  Deno.test("postgres: the contract catches what is planted in the SQL", async (test) => {
    await using server = await PostgresServer.create();
    await test.step("nothing is planted: nothing is caught", async () => {
      const clauses = new Set(Object.values(BUGS).flatMap((bug) => bug.clauses));
      assertEquals(await firstBroken(server, schemaSql("planted"), [...clauses], 1), null);
    });
    for (const [bug, { sound, nth = 1, broken, clauses }] of Object.entries(BUGS)) {
      await test.step(bug, async () => {
        const sql = replaceNth(schemaSql("planted"), sound, nth, broken);
        const caught = await firstBroken(server, sql, clauses);
        assert(caught !== null, "no clause has noticed");
      });
    }
  });

  Deno.test("postgres: a clock that stands still while one waits for a lock is noticed", async () => {
    await using server = await PostgresServer.create();
    const sound = schemaSql("planted");
    const broken = replaceNth(sound, "clock_timestamp()", 1, "now()");
    assert(await behindMs(server, sound) <= 0, "it is judged by the time that it got the lock");
    assert(await behindMs(server, broken) > 500, "by the time that its statement began");
  });
}

function replaceNth(text: string, sound: string, nth: number, broken: string): string {
  let at = -1;
  for (let i = 0; i < nth; i++) at = text.indexOf(sound, at + 1);
  assert(at >= 0, `the SQL has no '${sound}'`);
  return text.slice(0, at) + broken + text.slice(at + sound.length);
}

/** The first clause that a store with this SQL breaks, or null. */
async function firstBroken(
  server: PostgresServer,
  sql: string,
  clauses: readonly Clause[],
  rounds = ROUNDS,
): Promise<string | null> {
  for (let round = 0; round < rounds; round++) {
    for (const clause of clauses) {
      await plant(server, sql);
      const open = () => here((now) => openPlanted(server, now));
      const patient: Clause = {
        ...clause,
        check: (world) => clause.check({ ...world, patienceMs: 2000 }),
      };
      try {
        await check(patient, await open(), await open());
      } catch {
        return clause.name;
      }
    }
  }
  return null;
}

async function plant(server: PostgresServer, sql: string): Promise<void> {
  await server.sql("SET client_min_messages = error; DROP SCHEMA IF EXISTS planted CASCADE");
  await server.sql(sql);
}

function openPlanted(server: PostgresServer, now: () => number): PostgresStore {
  const startMs = now();
  return new PostgresStore({
    url: server.url,
    schema: "planted",
    limits: DEFAULT_LIMITS,
    offsetMs: () => now() - startMs,
  });
}

/** How long before a row was free the write that waited for it says that it was made. */
async function behindMs(server: PostgresServer, sql: string): Promise<number> {
  await plant(server, sql);
  const store = openPlanted(server, () => 0);
  await store.store("s", "k", 1);
  const ended = server.sql(
    "BEGIN; SELECT 1 FROM planted.entry FOR UPDATE; SELECT pg_sleep(1); " +
      "SELECT floor(extract(epoch FROM clock_timestamp()) * 1000)",
  );
  await eventually(
    "the row is held",
    async () =>
      (await server.sql("SELECT 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep'")).length > 0,
  );
  await store.store("s", "k", 2);
  const entry = await store.retrieve("s", "k");
  await store.close();
  return Number((await ended).at(-1)) - entry!.storedAtMs;
}

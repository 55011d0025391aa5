/** The contract notices what is wrong with a script: each bug is planted in a copy of their texts. */

import { DEFAULT_LIMITS } from "../../src/domain/json.ts";
import { RedisStore } from "../../src/storage/redis/redis.ts";
import { type ScriptName, SCRIPTS, type Scripts } from "../../src/storage/redis/scripts.ts";
import { CONTRACT } from "../storage/contract.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { runningKinds } from "../support/network_store.ts";

/** Which scripts a bug is in, and by what it replaces what. */
interface Bug {
  readonly in: readonly ScriptName[];
  readonly replaces: string | RegExp;
  readonly by: string;
}

const CONDITIONAL = ["store", "delete"] as const;
const WRITERS = ["store", "delete", "increment", "deleteScope"] as const;

const BUGS: Readonly<Record<string, Bug>> = {
  "compares no versions": {
    in: CONDITIONAL,
    replaces: "if reason then",
    by: "if reason == 'fence' then",
  },
  "takes what has ended for present": {
    in: WRITERS,
    replaces: "return entry[1] and (entry[2] == '' or now < tonumber(entry[2])) and entry",
    by: "return entry[1] and entry",
  },
  "ignores fencing numbers": {
    in: CONDITIONAL,
    replaces: "tonumber(fence) < tonumber(seen)",
    by: "false",
  },
  "compares fencing numbers as text": {
    in: CONDITIONAL,
    replaces: "tonumber(fence) < tonumber(seen)",
    by: "fence < seen",
  },
  "forgets fencing numbers with the key": {
    in: ["delete"],
    replaces: "call('DEL', ENTRY)",
    by: "call('DEL', ENTRY, FENCES)",
  },
  "tells the time by the seconds": {
    in: Object.keys(SCRIPTS) as ScriptName[],
    replaces: /clock\[1\] \* 1000 .*/,
    by: "clock[1] + offset",
  },
  "lets the client's clock alone end values": {
    in: ["retrieve", "retrieveAll", "store"],
    replaces: "now < tonumber(entry[2])",
    by: "true",
  },
  "lists what has ended": {
    in: ["listKeys"],
    replaces: "'(' .. text(now)",
    by: "'-inf'",
  },
  "enters no new key in its scope's index": {
    in: ["store"],
    replaces: "call('ZADD', KEYS_OF, '+inf', key)",
    by: "",
  },
  "leaves the old end in the index": {
    in: ["store"],
    replaces: "entry[2] == expires",
    by: "true",
  },
  "remembers the fencing number beside the entry only": {
    in: ["store"],
    replaces: "if fence ~= '' then call('HSET', FENCES, key, fence) end",
    by: "",
  },
  "leaves a deleted key in the index": {
    in: ["delete"],
    replaces: "call('ZREM', KEYS_OF, key)",
    by: "",
  },
  "leaves an empty scope in the index": {
    in: WRITERS,
    replaces: "call('ZREM', SCOPES, scope)",
    by: "",
  },
  "uses a version again": {
    in: ["store"],
    replaces: "'version', id,",
    by: "'version', '1',",
  },
  "keeps the version when it counts": {
    in: ["increment"],
    replaces: "'version', id,",
    by: "'version', call('HGET', ENTRY, 'version') or id,",
  },
  "counts with few digits": {
    in: ["increment"],
    replaces: "local value, expires, fence = text(sum)",
    by: "local value, expires, fence = tostring(sum)",
  },
  "counts on what is no number": {
    in: ["increment"],
    replaces: "local from = tonumber(entry and entry[4] or '0')",
    by: "local from = tonumber(entry and entry[4] or '0') or 0",
  },
  "makes a counter last longer": {
    in: ["increment"],
    replaces: "if entry then expires = entry[2]",
    by: "if entry then expires = ''",
  },
  "tells no watcher of a deletion": {
    in: ["delete"],
    replaces: /if entry then redis\.pcall\(.* end/,
    by: "",
  },
  "deletes a scope without its entries": {
    in: ["deleteScope"],
    replaces: "call('DEL', ENTRY .. escape(key))",
    by: "",
  },
};

let count = 0;

/** The name of the first clause that a store with these scripts breaks, or null. */
async function firstBroken(scripts: Scripts): Promise<string | null> {
  for (const clause of CONTRACT) {
    let offsetMs = 0;
    const options = {
      settings: { url: Deno.env.get("CSC_TEST_REDIS_URL"), prefix: `planted-${count++}:` },
      limits: DEFAULT_LIMITS,
      offsetMs: () => offsetMs,
      timeoutMs: 20_000,
      scripts,
    };
    const [a, b] = [new RedisStore(options), new RedisStore(options)];
    const advance = (ms: number) => void (offsetMs += ms);
    try {
      await clause.check({ a, b, advance, patienceMs: 1000 });
    } catch {
      return clause.name;
    } finally {
      await a.close();
      await b.close();
    }
  }
  return null;
}

function plant({ in: names, replaces, by }: Bug): Scripts {
  const patched = names.map((name) => [name, SCRIPTS[name].replace(replaces, () => by)]);
  const scripts: Scripts = { ...SCRIPTS, ...Object.fromEntries(patched) };
  for (const name of names) assert(scripts[name] !== SCRIPTS[name], `${name} has no such place`);
  return scripts;
}

if (runningKinds().includes("redis")) {
  Deno.test("redis: the contract holds for the scripts as they are", async () => {
    assertEquals(await firstBroken(SCRIPTS), null);
  });

  for (const [bug, planted] of Object.entries(BUGS)) {
    Deno.test(`redis: the contract catches a store that ${bug}`, async () => {
      assert(await firstBroken(plant(planted)) !== null, "no clause has noticed");
    });
  }
}

import { DEFAULT_LIMITS } from "../../src/domain/json.ts";
import { MemoryData, MemoryStore } from "../../src/storage/memory.ts";
import { CONTRACT } from "./contract.ts";
import { check, here, testContract } from "./contract_suite.ts";

for (const clause of CONTRACT) {
  Deno.test(`memory: ${clause.name}`, async () => {
    const data = new MemoryData();
    const open = () => here((now) => new MemoryStore(data, DEFAULT_LIMITS, now));
    await check(clause, await open(), await open());
  });
}

testContract("local");
testContract("kv");

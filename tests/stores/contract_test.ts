import { runningKinds } from "../support/network_store.ts";
import { testContract } from "../storage/contract_suite.ts";
import { testRaces } from "../storage/races_suite.ts";

for (const kind of runningKinds()) {
  testContract(kind);
  // The S3 gateway of the tests makes some 100 contended writes a second.
  const times = kind === "s3" ? 25 : 100;
  testRaces(kind, { increments: times, keys: times, creations: 20 });
}

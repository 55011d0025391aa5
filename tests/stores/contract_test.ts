import { runningKinds } from "../support/network_store.ts";
import { testContract } from "../storage/contract_suite.ts";
import { testRaces } from "../storage/races_suite.ts";

for (const kind of runningKinds()) {
  testContract(kind);
  // The S3 gateway of the tests makes some 20 contended writes a second.
  const times = kind === "s3" ? 5 : 100;
  testRaces(kind, { increments: times, keys: times, creations: 20 });
}

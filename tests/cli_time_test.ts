import { brief, spoken } from "../src/cli/time.ts";
import { assertEquals } from "./support/assert.ts";

Deno.test("a length of time is told in a unit that tells it well enough", () => {
  const cases: [number, string][] = [
    [-1, "0s"],
    [0.4, "0s"],
    [59, "59s"],
    [60, "1m"],
    [100, "100s"],
    [120, "2m"],
    [3599, "59m"],
    [3600, "1h"],
    [5400, "90m"],
    [7300, "2h"],
    [86_400, "1d"],
    [100_000, "27h"],
    [172_800, "2d"],
  ];
  for (const [seconds, expected] of cases) assertEquals(brief(seconds), expected);
  assertEquals([spoken(100), spoken(120), spoken(7200)], ["100 s", "2 min", "2 h"]);
});

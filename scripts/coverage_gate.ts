/**
 * Fails where coverage is too low: `coverage_gate.ts LOG PERCENT`, LOG being what `deno coverage`
 * printed.
 *
 * @module
 */

const [log, least] = Deno.args;
const total = Deno.readTextFileSync(log).split("\n").find((line) => /All files/i.test(line));
const percents = total?.match(/\d+(\.\d+)?/g)?.map(Number) ?? [];
const lines = percents.at(-1);
if (lines === undefined || lines < Number(least)) {
  console.error(
    `The tests cover ${lines ?? "an unknown part"} % of the lines; ${least} % is the least.`,
  );
  Deno.exit(1);
}

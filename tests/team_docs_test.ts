/** What the docs tell people to type can be typed: each call is one that its command understands. */

import { parse } from "yaml";
import { parseCommandLine } from "../src/cli/command.ts";
import { COMMANDS } from "../src/cli/commands.ts";
import { assert, assertEquals } from "./support/assert.ts";
import { ROOT } from "./support/command.ts";

/** The words of a simple command line, quotes taken off; what a shell adds behind it does not count. */
function wordsOf(line: string): string[] {
  const [call] = line.split(/ (?:[|<>]|#) ?/);
  return (call.match(/'[^']*'|"[^"]*"|[^\s'"]+/g) ?? [])
    .map((word) => word.replace(/^(['"])(.*)\1$/s, "$2"));
}

/** Parses a call of `csc` as the program does; fails where the program would. */
function check(call: string): void {
  const [name, ...args] = wordsOf(call.replace(/^csc /, ""));
  const command = COMMANDS.find((one) => one.name === name);
  assert(command, `there is no command '${name}': ${call}`);
  if (args.includes("--help")) return;
  parseCommandLine(command, args);
}

/** The calls of `csc` in a text of shell. */
function callsIn(text: string): string[] {
  return [...text.matchAll(/(?:^|[|;&] *|\$ )(csc [a-z].*)$/gm)].map(([, call]) => call);
}

Deno.test("the reader of calls sees them, and a wrong one fails", () => {
  assertEquals(
    callsIn("$ csc lock a\ngh x | csc claim --next --from -\n# csc\ncsc run --lock a -- b"),
    [
      "csc lock a",
      "csc claim --next --from -",
      "csc run --lock a -- b",
    ],
  );
  for (const call of ["csc lokc a", "csc lock a --wiat 5", "csc session a b c"]) {
    let failed = false;
    try {
      check(call);
    } catch {
      failed = true;
    }
    assert(failed, call);
  }
});

interface Workflow {
  readonly jobs: Record<string, { readonly steps: readonly { readonly run?: string }[] }>;
}

Deno.test("the example workflow is YAML, needs no Node, and calls csc as it is", () => {
  const text = Deno.readTextFileSync(`${ROOT}docs/ci-lock.example.yml`);
  const { jobs }: Workflow = parse(text);
  const steps = Object.values(jobs).flatMap((job) => job.steps);
  assert(!/setup-node|setup-deno|\bnpm\b|\bnpx\b|\bdeno\b/.test(text.replace(/^ *#.*$/gm, "")));
  const calls = steps.flatMap(({ run = "" }) => callsIn(run));
  assertEquals(calls.map((call) => wordsOf(call)[1]), ["run", "lock", "lock"]);
  calls.forEach(check);
});

Deno.test("every call in the docs of these commands is one that csc understands", () => {
  const page = Deno.readTextFileSync(`${ROOT}docs/team-commands.md`);
  const blocks = [...page.matchAll(/^```text\n(.*?)^```/gms)].map(([, text]) => text);
  const calls = blocks.flatMap(callsIn);
  assert(calls.length > 25, `${calls.length} calls`);
  calls.forEach(check);
  const named = new Set(calls.map((call) => wordsOf(call)[1]));
  for (const name of ["lock", "run", "claim", "session", "heartbeat"]) {
    assert(named.has(name), name);
  }
});

Deno.test("every example in the help of every command is one that the command understands", () => {
  for (const { examples } of COMMANDS) {
    for (const [call] of examples) check(`csc ${call}`);
  }
});

Deno.test("the table names every action of the scripts, and every tool", () => {
  const page = Deno.readTextFileSync(`${ROOT}docs/team-commands.md`);
  const words = [
    ..."acquire release check wait list info force-release status".split(" "),
    ..."start pause end cleanup claim release-claim list-claims find-claim".split(" "),
    ..."touch daemon stop age --release --list --check --status".split(" "),
    ..."acquire_lock release_lock check_lock list_locks".split(" "),
    ..."register_session heartbeat session_status health_check".split(" "),
    ..."REDIS_URL SERVER_PORT DEFAULT_LOCK_TIMEOUT HEARTBEAT_TTL".split(" "),
    ..."sign_on sign_off store_data retrieve_data delete_data list_keys list_scopes delete_scope"
      .split(" "),
    ..."CLAUDE_SESSION_ID COORDINATION_DIR PYTEST_LOCK_TIMEOUT pytest-locked.sh".split(" "),
  ];
  for (const word of words) assert(page.includes(word), word);
});

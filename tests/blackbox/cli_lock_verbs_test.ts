/** `csc lock` as seed 004's script: its verbs and exit codes, and what that script got wrong. */

import { assert, assertEquals, assertMatch } from "../support/assert.ts";
import { background, jsonOf } from "../support/background.ts";
import { repositoryWith, TestSession } from "../support/hook.ts";
import { sendSignal, TestProject } from "../support/project.ts";

const RACERS = 8;
const ROUNDS = 5;

Deno.test("of eight processes that acquire a lock at once, one gets it, in each of five rounds", async () => {
  await using project = new TestProject();
  await project.csc("lock", "list");
  let lastToken = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const outcomes = await Promise.all(
      Array.from({ length: RACERS }, (_, racer) => {
        const holder = `racer-${round}-${racer}`;
        return project.csc("lock", "acquire", "prize", "60", "--holder", holder, "--json");
      }),
    );
    const codes = outcomes.map(({ code }) => code).sort();
    const errors = outcomes.map(({ stderr }) => stderr).join("");
    assertEquals(codes, [0, 1, 1, 1, 1, 1, 1, 1], errors);
    const answers = outcomes.map(jsonOf);
    const winner = answers.find(({ acquired }) => acquired);
    for (const { held_by } of answers) assertEquals(held_by, winner.held_by);
    assert(winner.token > lastToken);
    lastToken = winner.token;
    assertEquals(
      (await project.csc("lock", "release", "prize", "--holder", winner.held_by)).code,
      0,
    );
  }
});

Deno.test("each verb has the exit code of the script, and says what is", async () => {
  await using project = new TestProject();
  const run = (...args: string[]) => project.csc("lock", ...args);
  const free = await run("check", "deploy");
  assertEquals([free.code, free.stdout], [0, "available\n"]);
  assertEquals(jsonOf(await run("check", "deploy", "--json")), {
    available: true,
    lock_name: "resource:deploy",
    is_mine: false,
  });
  assertEquals((await run("info", "deploy")).code, 1);
  assertEquals((await run("list")).stdout, "No lock is held.\n");

  const taken = await run("acquire", "deploy", "600", "--holder", "ci-1", "--purpose", "the shop");
  assertMatch(taken.stdout, /Give it back: csc lock release resource:deploy --holder ci-1\n/);
  assertMatch(taken.stdout, /^Acquired resource:deploy for 10 min, token \d+\n/);
  const held = await run("check", "deploy");
  assertEquals(held.code, 1);
  assertMatch(held.stdout, /^held by ci-1 \(the shop\), for \d+ min more unless extended\n$/);
  const mine = jsonOf(await run("check", "deploy", "--holder", "ci-1", "--json"));
  assertEquals([mine.available, mine.is_mine, mine.held_by], [false, true, "ci-1"]);
  const info = await run("info", "deploy");
  assertEquals(info.code, 0);
  assertMatch(
    info.stdout,
    /^Lock +resource:deploy\nHolder +ci-1\n(.*\n)*Token +\d+\nFor +the shop\n/,
  );
  assertMatch((await run("list")).stdout, /resource:deploy +ci-1 /);
  const list = jsonOf(await run("list", "resource:*", "--holder", "ci-1", "--json"));
  assertEquals([list.count, list.pattern, list.locks[0].is_mine], [1, "resource:*", true]);
  assertEquals(jsonOf(await run("list", "issue:*", "--json")).count, 0);
  const state = jsonOf(await run("status", "--json"));
  assertEquals([state.locks, state.default_seconds, state.longest_wait_seconds], [1, 300, 3600]);
  assertEquals(jsonOf(await run("status", "deploy", "--json")).held_by, "ci-1");

  const others = await run("release", "deploy", "--holder", "ci-2");
  assertEquals(others.code, 1);
  assertMatch(others.stderr, /error\[not_owner\]: resource:deploy is held by ci-1, not by ci-2/);
  const given = await run("release", "deploy", "--holder", "ci-1");
  assertEquals([given.code, given.stdout], [0, "Given back: resource:deploy\n"]);
  const again = await run("release", "deploy", "--holder", "ci-1", "--json");
  assertEquals([again.code, jsonOf(again).released, jsonOf(again).reason], [
    0,
    false,
    "lock_not_found",
  ]);
});

Deno.test("force-release takes it from whoever holds it, and tells the holder", async () => {
  await using project = new TestProject();
  await repositoryWith(project, { "a.txt": "a\n" });
  await using ada = await TestSession.start(project, "ada-session-1");
  await ada.csc("lock", "deploy");
  const forced = await project.csc("lock", "force-release", "deploy", "--reason", "lunch");
  assertEquals([forced.code, forced.stdout], [0, "Taken from Session_1: resource:deploy\n"]);
  assertMatch(await ada.notices(), /your lock resource:deploy was released by force: lunch/);
  const nobody = await project.csc("lock", "force-release", "deploy", "--json");
  assertEquals([nobody.code, jsonOf(nobody).released], [0, false]);
});

Deno.test("wait waits until a lock is free without taking it: in vain, with success, until Ctrl-C", async () => {
  await using project = new TestProject();
  assertEquals((await project.csc("lock", "wait", "deploy", "1")).code, 0, "free at once");
  await project.csc("lock", "deploy", "--holder", "ci-1");
  const vain = await project.csc("lock", "wait", "deploy", "1");
  assertEquals(vain.code, 3);
  assertMatch(vain.stderr, /error\[lock_timeout\]: Waited 1 s in vain: .+ held by ci-1/);
  const told = await project.csc("lock", "wait", "deploy", "1", "--json");
  assertEquals([told.code, jsonOf(told).available, jsonOf(told).reason], [3, false, "timed out"]);

  await using waiting = background(project, {}, "lock", "wait", "deploy", "60", "--json");
  await using called = background(project, {}, "lock", "wait", "deploy", "60");
  await project.csc("lock", "check", "deploy"); // both had the time of a process to begin
  sendSignal(called.pid, "SIGINT");
  assertEquals((await called.ended).code, 130);
  await project.csc("lock", "release", "deploy", "--holder", "ci-1");
  const done = await waiting.ended;
  assertEquals([done.code, jsonOf(done).available], [0, true]);
  assertEquals((await project.csc("lock", "check", "deploy")).code, 0, "nobody has taken it");
});

Deno.test("a lock that is called like a verb is acquired by name", async () => {
  await using project = new TestProject();
  const taken = await project.csc("lock", "acquire", "list", "--holder", "x", "--json");
  assertEquals(jsonOf(taken).lock_name, "resource:list");
  assertEquals((await project.csc("lock", "check", "list")).code, 1);
  assertEquals((await project.csc("lock", "resource:status", "--holder", "x")).code, 0);
});

const HARD_TO_TYPE = ["the shop", "$(touch done)", "it's", "nightly-build-of-the-shop-42"];
for (const word of HARD_TO_TYPE) {
  Deno.test(`a command that is suggested can be copied, with a name such as ${word}`, async () => {
    await using project = new TestProject();
    const quoted = (text: string) =>
      /^[\w:./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
    const [lock, me] = [quoted(`resource:${word}`), quoted(word)];
    const suggested = async (command: string, ...args: string[]) => {
      const { stdout, stderr } = await project.csc(...args);
      assert(`${stdout}${stderr}`.includes(command), `${command} is in ${stdout}${stderr}`);
    };
    const free = `take it with: csc lock ${lock}\n`;
    await suggested(free, "lock", "wait", word, "1");
    const giveBack = `: csc lock release ${lock} --holder ${me}\n`;
    await suggested(giveBack, "lock", "acquire", word, "60", "--holder", word);
    const other = ["--holder", "other"];
    await suggested(`: csc lock ${lock} --wait 120 --holder other. `, "lock", word, ...other);
    await suggested(`: csc unlock ${lock} --force\n`, "lock", word, ...other);
    await suggested(`: csc lock ${lock} --wait 1.\n`, "lock", "wait", word, "1");
    await suggested(`: csc lock force-release ${lock}. `, "lock", "release", word, ...other);
    await suggested(
      `: csc run --lock ${lock} --wait 120 -- …`,
      "run",
      "--lock",
      word,
      "--",
      "true",
    );
    await suggested(`: csc unlock --session ${me} --force. `, "unlock", "--session", word);
    const data = `: csc data set lists ${me} '[167, 168]'. `;
    await suggested(data, "claim", "--next", "--from", word, ...other);
    await suggested(`: ${quoted(`./${word}`)}.`, "claim", "--next", "--from", word, ...other);
  });
}

const MISTAKES: [args: string[], message: RegExp][] = [
  [["acquire"], /'acquire' of which lock\? Its name is missing/],
  [["release"], /'release' of which lock\?/],
  [["check", "a", "b"], /'b' is one word too many/],
  [["list", "a", "b"], /'b' is one word too many/],
  [["aquire", "deploy"], /unknown action 'aquire' \(did you mean 'acquire'\?\)/],
  [["force-relaese", "deploy"], /did you mean 'force-release'\?/],
  [["acquire", "a", "0"], /SECONDS takes a whole number of seconds from 1 to 86400/],
  [["wait", "a", "0"], /SECONDS takes a whole number of seconds from 1 to 3600/],
  [["wait", "a", "3601"], /SECONDS takes a whole number of seconds from 1 to 3600/],
  [["check", "a", "--purpose", "x"], /--purpose is not for 'check'/],
  [["release", "a", "--wait", "5"], /--wait is not for 'release'/],
  [["acquire", "a", "--reason", "x"], /--reason is not for 'acquire'/],
  [["check", "a\nb"], /characters that cannot be shown/],
];
Deno.test("a mistake in a verb's call is told, and ends with code 2", async (t) => {
  await using project = new TestProject();
  for (const [args, message] of MISTAKES) {
    await t.step(JSON.stringify(args), async () => {
      const { code, stdout, stderr } = await project.csc("lock", ...args);
      assertEquals([code, stdout], [2, ""], stderr);
      assertMatch(stderr, message);
    });
  }
});

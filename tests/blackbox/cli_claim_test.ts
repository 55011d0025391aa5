/** `csc claim`: issues that are claimed, and lists that are given out. */

import { assert, assertEquals, assertMatch } from "../support/assert.ts";
import { jsonOf } from "../support/background.ts";
import { repositoryWith, TestSession } from "../support/hook.ts";
import { makeRepository, TestProject } from "../support/project.ts";

const WORKERS = 8;
const ITEMS = 20;

Deno.test("eight processes empty a list of twenty: each item is given once", async () => {
  await using project = new TestProject();
  const numbers = Array.from({ length: ITEMS }, (_, i) => i + 101);
  await project.csc("data", "set", "lists", "sprint", JSON.stringify(numbers));
  const given: string[] = [];
  const work = async (worker: number) => {
    for (;;) {
      const args = ["claim", "--next", "--from", "sprint", "--holder", `w${worker}`, "--json"];
      const outcome = await project.csc(...args);
      const answer = jsonOf(outcome);
      if (!answer.claimed) {
        assertEquals([outcome.code, answer.reason], [1, "nothing left"]);
        return;
      }
      given.push(answer.issue);
      // Every other one is done at once, and must not be given again though nobody holds it.
      if (given.length % 2 === 0) {
        const done = await project.csc("claim", "--done", answer.issue, "--holder", `w${worker}`);
        assertEquals(done.code, 0, done.stderr);
      }
    }
  };
  await Promise.all(Array.from({ length: WORKERS }, (_, worker) => work(worker)));
  assertEquals(given.map(Number).sort((a, b) => a - b), numbers);
});

Deno.test("eight processes of one holder get eight different items", async () => {
  await using project = new TestProject();
  const numbers = Array.from({ length: WORKERS }, (_, i) => String(i + 1));
  const outcomes = await Promise.all(
    numbers.map(() => project.csc("claim", "--next", ...numbers, "--holder", "x", "--json")),
  );
  assertEquals(outcomes.map((one) => jsonOf(one).issue).sort(), numbers);
});

Deno.test("a claim is labelled, seen by others, extended, given back", async () => {
  await using project = new TestProject();
  await makeRepository(project.folder, "https://example.org/acme/nhl-api.git");
  const run = (...args: string[]) => project.csc("claim", ...args);
  const first = await run("167", "Player", "landing", "page", "--holder", "a");
  assertEquals(first.code, 0, first.stderr);
  assertMatch(first.stdout, /^Claimed NHL #167: Player landing page\n/);
  const again = jsonOf(await run("#167", "--holder", "a", "--json"));
  assertEquals(
    [again.claimed, again.extended, again.label, again.title, again.lock_name],
    [true, true, "NHL #167: Player landing page", "Player landing page", "issue:167"],
  );
  assert(again.seconds_left > 86_000);
  const refused = await run("167", "--holder", "b");
  assertEquals(refused.code, 1);
  assertMatch(refused.stderr, /error\[lock_held\]: NHL #167: Player landing page is claimed by a/);
  const told = await run("167", "--holder", "b", "--json");
  assertEquals([told.code, jsonOf(told).claimed, jsonOf(told).held_by], [1, false, "a"]);
  assertEquals((await project.csc("lock", "issue:167", "--holder", "b")).code, 1, "one primitive");

  assertEquals((await run("--check", "167")).code, 1);
  assertEquals((await run("--check", "168")).stdout, "available\n");
  assertMatch((await run("--list")).stdout, /167 +a +- .+NHL #167: Player landing page/);
  assertEquals(jsonOf(await run("--find", "LANDING", "--json")).claims[0].issue, "167");
  assertEquals((await run("--find", "nothing such")).code, 1);
  assertEquals(jsonOf(await run("--status", "--holder", "a", "--json")).count, 1);
  assertEquals((await run("--status", "--holder", "b")).stdout, "You have claimed nothing.\n");

  const others = await run("--release", "167", "--holder", "b");
  assertEquals(others.code, 1);
  assertMatch(others.stderr, /error\[not_owner\]/);
  assertEquals((await run("--release", "--holder", "a")).stdout, "Given back: 167\n");
  assertEquals((await run("--release", "--holder", "a")).stdout, "You have claimed nothing.\n");
  assertEquals((await run("167", "--holder", "b", "--prefix", "WEB")).code, 0);
  assertEquals(jsonOf(await run("--list", "--json")).claims[0].label, "WEB #167");
  await run("9", "--holder", "b");
  const issues = jsonOf(await run("--list", "--json")).claims.map(
    ({ issue }: { issue: string }) => issue,
  );
  assertEquals(issues, ["9", "167"], "as numbers");
});

Deno.test("a claim belongs to its session, shows in its status, and ends with it", async () => {
  await using project = new TestProject({ coordination: { claim_prefix: "SHOP" } });
  await repositoryWith(project, { "a.txt": "a\n" });
  await using ada = await TestSession.start(project, "ada-session-1");
  await ada.csc("claim", "12", "The", "cart");
  const status = () => project.csc("session", "status", "--json").then(jsonOf);
  assertEquals((await status()).sessions[0].terminal_label, "SHOP #12: The cart");
  await ada.csc("claim", "--done");
  assertEquals((await status()).sessions[0].terminal_label, null);
  await ada.csc("claim", "13");
  await ada.kill();
  const heir = await project.csc("claim", "13", "--holder", "b");
  assertEquals(heir.code, 0, "the dead have claimed nothing");
  const nobody = await project.csc("claim", "14");
  assertEquals(nobody.code, 2);
  assertMatch(nobody.stderr, /--holder NAME/);
});

Deno.test("what is done is not given again, until somebody claims it", async () => {
  await using project = new TestProject();
  const next = () => project.csc("claim", "--next", "1", "2", "--holder", "a", "--json");
  assertEquals(jsonOf(await next()).issue, "1");
  assertEquals((await project.csc("claim", "--done", "--holder", "a")).stdout, "Done: 1\n");
  assertEquals(jsonOf(await next()).issue, "2");
  await project.csc("claim", "--release", "--holder", "a");
  assertEquals(jsonOf(await next()).issue, "2", "given back, it is given again");
  const done = jsonOf(await project.csc("claim", "--check", "1", "--json"));
  assertEquals([done.available, done.done], [true, true]);
  assertEquals((await next()).code, 1);
  await project.csc("claim", "1", "--holder", "b");
  await project.csc("claim", "--release", "1", "--holder", "b");
  assertEquals(jsonOf(await next()).issue, "1", "it was claimed once more, and is open again");
});

Deno.test("lists come from the input, a file, shared data or the command line", async () => {
  await using project = new TestProject();
  const titles: string[] = [];
  const next = async (stdin: string | undefined, ...args: string[]) => {
    const call = ["claim", "--next", ...args, "--holder", "a", "--json"];
    const { issue, title } = jsonOf(await project.cscWith({ stdin }, ...call));
    titles.push(`${issue}:${title}`);
  };
  await next('[{"number":1,"title":"One"},{"number":2}]', "--from", "-");
  await next("# comment\n\n1 again\n#3: Three  things\n", "--from", "-");
  project.write("items.txt", "SHOP-4 Four\n");
  await next(undefined, "--from", "items.txt");
  project.write("items", '["5"]');
  await next(undefined, "--from", "./items");
  await project.csc("data", "set", "lists", "more", '[{"id":"6","title":"Six"}, 7]');
  await next(undefined, "--from", "more");
  await next(undefined, "6", "8");
  assertEquals(titles, ["1:One", "3:Three things", "SHOP-4:Four", "5:", "6:Six", "8:"]);
});

const MISTAKES: [args: string[], code: number, message: RegExp][] = [
  [[], 2, /an issue's number is missing/],
  [["a/b"], 2, /'a\/b' is no issue/],
  [["1", "--ttl", "0"], 2, /--ttl takes a whole number of seconds from 1 to 86400/],
  [["1", "--from", "x"], 2, /--from is for --next/],
  [["--list", "--check", "1"], 2, /two different things/],
  [["--list", "x"], 2, /--list takes no words/],
  [["--find"], 2, /--find of which text/],
  [["--check"], 2, /--check of which issue/],
  [["--check", "1", "2"], 2, /'2' is one word too many/],
  [["--release", "1", "--ttl", "5"], 2, /--ttl is not for --release/],
  [["--done"], 2, /you have claimed nothing: name the issue/],
  [["--next"], 2, /--next of what\?/],
  [["--next", "1", "--from", "x"], 2, /not both/],
  [["--next", "a/b"], 2, /'a\/b' names no issue/],
  [["--next", "--from", "none"], 1, /There is no list 'none' of .+ in this project/],
  [["--next", "--from", "./none"], 2, /there is no such file/],
  [["--next", "--from", "."], 2, /it is no file/],
  [["--nxet", "1"], 2, /unknown option --nxet \(did you mean '--next'\?\)/],
];
Deno.test("a mistake in a claim is told with what to do", async (t) => {
  await using project = new TestProject();
  for (const [args, expected, message] of MISTAKES) {
    await t.step(JSON.stringify(args), async () => {
      const { code, stdout, stderr } = await project.csc("claim", ...args, "--holder", "x");
      assertEquals([code, stdout], [expected, ""], stderr);
      assertMatch(stderr, message);
    });
  }
  for (const stdin of ["{}", "[", "[[1]]", '[{"title":"x"}]', "a/b c"]) {
    await t.step(stdin, async () => {
      const args = ["claim", "--next", "--from", "-", "--holder", "x"];
      const { code, stderr } = await project.cscWith({ stdin }, ...args);
      assertEquals(code, 2, stderr);
      assertMatch(stderr, /Cannot read items from standard input: /);
    });
  }
  const empty = await project.cscWith(
    { stdin: "" },
    ...["claim", "--next", "--from", "-", "--holder", "x"],
  );
  assertEquals(empty.code, 1);
  assertMatch(empty.stderr, /There is nothing in this list/);
});

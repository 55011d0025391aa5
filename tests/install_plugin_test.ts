import { cautionsAbout } from "../src/install/caution.ts";
import { examineHooks, hookSettings, isShellForm, type Program } from "../src/install/hooks.ts";
import { pluginFiles } from "../src/install/plugin.ts";
import { isOlder } from "../src/install/version_of.ts";
import type { Json } from "../src/domain/json.ts";
import { assert, assertEquals, assertMatch } from "./support/assert.ts";
import { run } from "./support/command.ts";
import { TempFolder } from "./support/temp.ts";

const filesOf = (program: Program) => pluginFiles(program, { name: "sc", strict: false });

/** The shell line of a slash command, with arguments as Claude Code puts them in. */
function lineOf(files: Map<string, string>, command: string, given = ""): string {
  const line = /^!`(.+)`$/m.exec(files.get(`commands/${command}.md`)!)![1];
  return line.replace("$ARGUMENTS", given);
}

Deno.test("slash commands start a program in a folder with spaces, and pass words on as a terminal does", async () => {
  using temp = new TempFolder();
  Deno.mkdirSync(temp.join("my täols"));
  const path = temp.join("my täols", "csc");
  Deno.writeTextFileSync(path, `#!/bin/sh\nfor word; do printf '[%s]' "$word"; done\n`, {
    mode: 0o755,
  });
  const files = filesOf([path, "run", "--allow-sys=hostname,osUptime"]);
  const said = async (command: string, given?: string) =>
    (await run(["bash", "-c", lineOf(files, command, given)])).stdout;
  const start = "[run][--allow-sys=hostname,osUptime]";
  assertEquals(await said("session-status"), `${start}[status]`);
  assertEquals(await said("session-unlock"), `${start}[unlock]`);
  assertEquals(
    await said("session-unlock", `"a b.ts" --force`),
    `${start}[unlock][a b.ts][--force]`,
  );
  assertEquals(await said("session-history", "--last 24h"), `${start}[history][--last][24h]`);
});

Deno.test("a path that a shell line cannot carry is left to the plugin's own bin", async () => {
  for (
    const odd of [
      "/a(b)/csc",
      "/a$b/csc",
      "/a`b/csc",
      '/a"b/csc',
      "/a'b/csc",
      "/a\\b/csc",
      "/a\nb/csc",
    ]
  ) {
    const files = filesOf([odd]);
    assertEquals(lineOf(files, "session-status"), "csc status", odd);
    assertMatch(
      files.get("commands/session-status.md")!,
      /^allowed-tools: \["Bash\(csc status\)"\]$/m,
    );
    using temp = new TempFolder();
    Deno.mkdirSync(temp.join(odd, ".."), { recursive: true });
    Deno.writeTextFileSync(temp.join(odd), '#!/bin/sh\necho "ran $1"\n', { mode: 0o755 });
    const shim = filesOf([temp.join(odd)]).get("bin/csc")!;
    Deno.writeTextFileSync(temp.join("shim"), shim, { mode: 0o755 });
    assertEquals((await run([temp.join("shim"), "a b"])).stdout, "ran a b\n", odd);
  }
});

Deno.test("slash commands that change something are for people only", () => {
  for (const [name, text] of filesOf(["/opt/csc"])) {
    if (!name.startsWith("commands/")) continue;
    const changes = /unlock|cleanup/.test(name);
    assertEquals(/^disable-model-invocation: true$/m.test(text), changes, name);
  }
});

Deno.test("missing hooks and hooks in shell form are recognised, foreign ones are not taken for ours", () => {
  const program: Program = ["/opt/csc"];
  const wanted = hookSettings(program, false) as unknown as Json;
  assertEquals(examineHooks(wanted, program).missing, []);
  assertEquals(examineHooks(wanted, ["/usr/bin/csc"]).found, 0, "another program's");
  const others: (Json | undefined)[] = [undefined, null, [], "x", {}, { Stop: 1 }, {
    Stop: [1, { hooks: 2 }],
  }];
  for (const nothing of others) {
    assertEquals(examineHooks(nothing, program).found, 0);
  }
  const strict = hookSettings(program, true) as unknown as Json;
  assertEquals([wanted, strict].map((one) => examineHooks(one, program).isStrict), [false, true]);
  for (
    const command of [
      "csc hook",
      "/opt/csc hook",
      '"/my tools/csc.exe" hook',
      "deno run main.ts hook",
    ]
  ) {
    assert(isShellForm({ type: "command", command }), command);
  }
  for (const command of ["mycsc hook", "csc status", "./hook csc", "echo csc-hook"]) {
    assert(!isShellForm({ type: "command", command }), command);
  }
});

Deno.test("a program in Deno's cache or among temporary files is warned of, one at its place is not", () => {
  const deno = "/usr/bin/deno";
  const [cached] = cautionsAbout([deno, "run", "https://jsr.io/@csc/server/0.1.0/main.ts"]);
  assertMatch(cached.message, /runs from Deno's cache \(https:/);
  assertEquals(cautionsAbout([deno, "run", "file:///opt/a%20b/main.ts"]), []);
  for (
    const program of [["/var/tmp/csc"], ["/home/a/.npm/_npx/1/csc"], [
      deno,
      "file:///var/tmp/main.ts",
    ]]
  ) {
    const [caution] = cautionsAbout(program as [string, ...string[]]);
    assertMatch(caution.message, /lies in a folder for temporary files/);
  }
});

Deno.test("versions are compared by number", () => {
  assert(isOlder("2.1.99", "2.1.139"));
  assert(isOlder("1.9.9", "2.0.0"));
  assert(!isOlder("2.1.139", "2.1.139"));
  assert(!isOlder("2.10.0", "2.9.9"));
});

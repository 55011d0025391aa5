import { assert, assertEquals, assertMatch } from "../support/assert.ts";
import { CSC, isolated } from "../support/command.ts";
import { makeRepository, sendSignal, TestProject } from "../support/project.ts";

/** Puts a program `git` in front of all others; answers the environment for it. */
function fakeGit(project: TestProject, script: string): Record<string, string> {
  const folder = project.beside("bin");
  Deno.mkdirSync(folder);
  Deno.writeTextFileSync(`${folder}/git`, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  return { PATH: `${folder}:${Deno.env.get("PATH")}` };
}

Deno.test("a git that never answers delays the first call by 5 s at most, and nothing else", async () => {
  await using project = new TestProject();
  await makeRepository(project.folder, "git@example.org:ada/engine.git");
  const pids = project.beside("pids");
  const env = fakeGit(project, `echo $$ >> ${pids}; sleep 60 & echo $! >> ${pids}; wait`);
  const startedAt = performance.now();
  const passed = () => performance.now() - startedAt;
  const client = await project.connect({ env });
  const { result } = await client.request("tools/list");
  assertEquals(result.tools.length, 16);
  assert(passed() < 3000, "the handshake does not wait for git");
  const session = await client.tool("sign_on");
  assertEquals([session.project, session.session_id], ["project", "claude_1"]);
  assert(passed() < 8000, `${passed()} ms`);
  const closedAt = performance.now();
  assertEquals(await client.close(), { code: 0, stderr: "" });
  assert(performance.now() - closedAt < 2000, "the end does not wait for what git left running");
  for (const pid of Deno.readTextFileSync(pids).trim().split("\n")) sendSignal(+pid, "SIGKILL");
});

Deno.test("a git that asks for a password on the terminal does not hold `csc status`", async () => {
  await using project = new TestProject();
  await makeRepository(project.folder, "git@example.org:ada/engine.git");
  const env = fakeGit(project, "printf 'Password: ' >/dev/tty; read password </dev/tty");
  const command = [...CSC, "status"].map((word) => `'${word}'`).join(" ");
  const startedAt = performance.now();
  const terminal = new Deno.Command("script", {
    args: ["-qec", command, "/dev/null"],
    cwd: project.folder,
    env: { ...isolated(project.folder, env), TERM: "xterm", SHELL: "/bin/sh" },
    stdin: "piped", // nobody types
    stdout: "piped",
  }).spawn();
  const { code, stdout } = await terminal.output();
  await terminal.stdin.close().catch(() => {});
  const shown = new TextDecoder().decode(stdout);
  assertEquals(code, 0, shown);
  assertMatch(shown, /Project +project .*did not answer within 5 s/);
  assert(performance.now() - startedAt < 8000);
});

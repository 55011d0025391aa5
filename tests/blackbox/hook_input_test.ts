import { assert, assertEquals, assertMatch, assertStringIncludes } from "../support/assert.ts";
import { failed, holders, hookWith, passed, repositoryWith } from "../support/hook.ts";
import { TestProject } from "../support/project.ts";

/** Runs a hook for each text, four at a time. */
async function each(
  project: TestProject,
  texts: readonly string[],
  check: (reply: Awaited<ReturnType<typeof hookWith>>, text: string) => void,
): Promise<void> {
  for (let i = 0; i < texts.length; i += 4) {
    const some = texts.slice(i, i + 4);
    const startedAt = performance.now();
    const env = { CLAUDE_PID: String(Deno.pid) };
    const replies = await Promise.all(some.map((stdin) => hookWith(project, { stdin, env })));
    assert(performance.now() - startedAt < 4000, "in time");
    for (const [k, reply] of replies.entries()) check(reply, some[k]);
  }
}

/** An edit of a.py that is fine, but for some fields. */
function editWith(project: TestProject, fields: Record<string, unknown>): string {
  return JSON.stringify({
    hook_event_name: "PreToolUse",
    session_id: "ada-session",
    cwd: project.folder,
    tool_name: "Edit",
    tool_input: { file_path: `${project.folder}/a.py` },
    tool_use_id: "toolu_1",
    ...fields,
  });
}

Deno.test("what is no event fails with one clear line, is noted, and the next status says it loudly", async () => {
  await using project = new TestProject();
  await repositoryWith(project, { "a.py": "a\n" });
  const texts: [text: string, says: RegExp][] = [
    ["", /standard input is empty/],
    [" \n\t", /standard input is empty/],
    ["no event", /standard input is not JSON/],
    [`{"hook_event_name":"PreToolUse",`, /standard input is not JSON/],
    ["\0\0\0", /standard input is not JSON/],
    ["null", /standard input is no JSON object/],
    ["5", /standard input is no JSON object/],
    [`"PreToolUse"`, /standard input is no JSON object/],
    [`[{"hook_event_name":"PreToolUse"}]`, /standard input is no JSON object/],
    ["{}", /'hook_event_name' is missing/],
    [`{"__proto__":{"hook_event_name":"Stop","session_id":"x"}}`, /'hook_event_name' is missing/],
    [editWith(project, { session_id: "" }), /'session_id' is missing/],
    [editWith(project, { session_id: "x".repeat(201) }), /'session_id' .* 1 to 200 characters/],
    [editWith(project, { session_id: "\ud800" }), /'session_id' is no Unicode/],
    ["[".repeat(1_000_000), /standard input is not JSON/],
    [" ".repeat(65 * 1024 * 1024), /holds more than \d+ bytes/],
  ];
  const says = new Map(texts);
  await each(project, [...says.keys()], (reply, text) => {
    assertMatch(failed(reply), says.get(text)!, text.slice(0, 60));
  });
  assertEquals(holders(project), {});
  const { stdout } = await project.csc("status");
  assert(stdout.startsWith(`!! Hooks failed ${texts.length} times in the last 24 h`), stdout);
  assertStringIncludes(stdout, "csc doctor");
});

Deno.test("a field of another type is refused by its name, or does not matter", async () => {
  await using project = new TestProject();
  await repositoryWith(project, { "a.py": "a\n" });
  const odd = [5, true, [], {}];
  const wrong: Record<string, unknown[]> = {
    hook_event_name: [5, null],
    session_id: [true, []],
    tool_name: [5, {}],
    tool_use_id: [[], false],
    agent_id: [5, "\udfff", "x".repeat(201)],
    tool_input: ["x", []],
    tool_calls: [5, {}],
  };
  const texts = new Map<string, string>();
  for (const [name, values] of Object.entries(wrong)) {
    for (const value of values) texts.set(editWith(project, { [name]: value }), name);
  }
  await each(project, [...texts.keys()], (reply, text) => {
    assertStringIncludes(failed(reply), `'${texts.get(text)}'`, text);
  });

  const harmless = [
    { transcript_path: 5, permission_mode: [], effort: true, prompt_id: {}, model: 5 },
    { agent_id: null, tool_use_id: null, source: null, tool_calls: null },
    { tool_input: null },
    { tool_name: null },
    ...odd.map((file_path) => ({ tool_input: { file_path } })),
    { tool_name: "Bash", tool_input: { command: 5 } },
    { tool_name: "Bash", tool_input: { command: "\0" } },
    { tool_name: "Write\n", tool_input: {} },
  ].map((fields) => editWith(project, fields));
  await each(project, harmless, (reply) => assertEquals(passed(reply), ""));
});

Deno.test("a current folder that is none, or is told wrongly, leads to the project", async () => {
  await using project = new TestProject();
  await repositoryWith(project, { "sub/a.py": "a\n" });
  const path = { tool_input: { file_path: "sub/a.py" } };
  const folders = [5, null, [], "", "a\0b", ".", "./", "x".repeat(1_000_000), "sub/.."];
  await each(
    project,
    folders.map((cwd) => editWith(project, { cwd, ...path })),
    (reply) => assertEquals(passed(reply), ""),
  );
  assertEquals(holders(project), { "sub/a.py": "ada-session" });
  const gone = [`${project.folder}/gone/deeper`, "/nowhere/at/all", `${project.folder}/sub/a.py`];
  await each(
    project,
    gone.flatMap((cwd) => [
      editWith(project, { cwd }),
      editWith(project, { cwd, tool_name: "Bash", tool_input: { command: "git add -A; ls" } }),
    ]),
    (reply) => assertEquals(passed(reply), ""),
  );
});

Deno.test("an event that is not known, or only by name, passes in silence", async () => {
  await using project = new TestProject();
  await repositoryWith(project, { "a.py": "a\n" });
  const names = ["SubagentStart", "Notification", "PreCompact", "NoSuchEvent", "constructor"];
  names.push("__proto__", "toString", "hasOwnProperty", "valueOf", "Stop\n");
  const texts = names.map((hook_event_name) => editWith(project, { hook_event_name }));
  await each(project, texts, (reply, text) => assertEquals(passed(reply), "", text));
  assertEquals(project.stored(), {}, "nothing was written");
});

Deno.test("a batch of anything ends what it should, and nothing else", async () => {
  await using project = new TestProject();
  await repositoryWith(project, { "a.py": "a\n" });
  const env = { CLAUDE_PID: String(Deno.pid) };
  const tell = (stdin: string) => hookWith(project, { stdin, env });
  passed(await tell(editWith(project, {})));
  const tool_calls: unknown[] = [
    null,
    5,
    "x",
    [],
    {},
    { tool_name: 5 },
    { tool_name: "Edit" },
    { tool_name: "Edit", tool_input: 5 },
    { tool_name: "Edit", tool_input: { file_path: [] } },
    { tool_name: "Bash", tool_input: null },
  ];
  const batch = { hook_event_name: "PostToolBatch", tool_calls };
  assertEquals(passed(await tell(editWith(project, batch))), "");
  assertEquals(holders(project), { "a.py": "ada-session" });
  tool_calls.push({ tool_name: "Edit", tool_input: { file_path: `${project.folder}/a.py` } });
  assertEquals(passed(await tell(editWith(project, batch))), "");
  assertEquals(holders(project), {});
});

Deno.test("half of a surrogate pair in a path or a command is no harm", async () => {
  await using project = new TestProject();
  await repositoryWith(project, { "a.py": "a\n" });
  const paths = ["\ud800.py", "a\udfff/\ud800b.py", "\ud83d\udca9\ud83d.py"];
  const texts = paths.flatMap((file_path) => [
    editWith(project, { tool_input: { file_path: `${project.folder}/${file_path}` } }),
    editWith(project, { tool_name: "Bash", tool_input: { command: `echo x > '${file_path}'` } }),
  ]);
  await each(project, texts, (reply, text) => assertEquals(passed(reply), "", text));
  const held = Object.keys(holders(project));
  assert(held.length === 3 && held.every((path) => path.isWellFormed()), held.join());
});

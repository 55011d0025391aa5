/**
 * Drives the released Claude Code client against a csc: `claude_client.ts DRIVER CSC`, DRIVER being a
 * folder with `run.sh`, which runs `claude -p` sessions whose model is scripted. Two sessions work at
 * once, one stores what the other reads; they wait for each other by files, never by time.
 *
 * @module
 */

import { join } from "@std/path";

const [driver, csc] = Deno.args;
const folder = await Deno.makeTempDir({ prefix: "csc-claude-" });
const project = join(folder, "proj");
await Deno.mkdir(join(project, ".claude"), { recursive: true });
await new Deno.Command("git", { args: ["init", "-q", project] }).output();
const write = (name: string, value: object) =>
  Deno.writeTextFile(join(project, name), JSON.stringify(value));
await write(".mcp.json", { mcpServers: { csc: { command: csc } } });
await write(".claude/settings.json", { enableAllProjectMcpServers: true });

const call = (tool: string, input: object) => ({ tool: `mcp__csc__${tool}`, input });
const bash = (command: string) => ({ tool: "Bash", input: { command } });
const tell = (event: string) => bash(`touch '${join(folder, event)}'`);
const until = (event: string) =>
  bash(`for i in $(seq 600); do [ -e '${join(folder, event)}' ] && exit; sleep 0.1; done; exit 1`);
const script = (...steps: object[]) => `SCRIPT:${JSON.stringify([...steps, { text: "done" }])}:END`;
const plan = { scope: "issue:1", key: "plan" };
const storing = [
  call("sign_on", {}),
  call("store_data", { ...plan, value: "first this" }),
  tell("stored"),
  until("read"),
];
const reading = [
  until("stored"),
  call("sign_on", {}),
  call("retrieve_data", plan),
  tell("read"),
  call("sign_off", {}),
];
const { code } = await new Deno.Command(join(driver, "run.sh"), {
  args: [folder, script(...storing), script(...reading)],
  env: { MODE: "--permission-mode acceptEdits --allowedTools mcp__csc,Bash" },
  stdout: "null",
  stderr: "inherit",
}).output();

/** What the models were sent: every request's system text, and what the tools answered in it. */
const requests = (await Deno.readTextFile(join(folder, "logs", "api.jsonl")))
  .split("\n")
  .filter((line) => line !== "")
  .map((line) => JSON.parse(line).body ?? {});
const answers = requests
  .flatMap((body) => body.messages ?? [])
  .flatMap((message) => Array.isArray(message.content) ? message.content : [])
  .filter((block) => block.type === "tool_result")
  .map((block) => JSON.stringify(block.content));
const answered = (...words: string[]) =>
  answers.some((answer) => words.every((word) => answer.includes(word)));

const facts = {
  "both sessions signed on, one beside the other": answered("claude_1") && answered("claude_2"),
  "the model was shown what the other session stored, with its author": answered(
    "first this",
    "stored_by",
    "claude_1",
  ),
  "the instructions reached the model": JSON.stringify(requests)
    .includes("Several Claude sessions may work on this project"),
};
for (const [fact, holds] of Object.entries(facts)) {
  console.log(`${holds ? "ok    " : "FAILED"} ${fact}`);
}
if (code !== 0 || Object.values(facts).includes(false)) {
  console.log(`exit code ${code}; what the client and its model said is in ${folder}`);
  Deno.exit(1);
}
await Deno.remove(folder, { recursive: true });

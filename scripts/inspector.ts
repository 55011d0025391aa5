/**
 * Drives a csc with the MCP Inspector's command line, a client that somebody else wrote:
 * `inspector.ts INSPECTOR_VERSION CSC`.
 *
 * @module
 */

const [version, csc] = Deno.args;
const folder = await Deno.makeTempDir({ prefix: "csc-inspector-" });
let failures = 0;

/** Makes one call; the Inspector starts a server for each. */
async function inspect(method: string, args: string[], expected: RegExp): Promise<void> {
  const { code, stdout, stderr } = await new Deno.Command("npx", {
    args: [
      ...["-y", `@modelcontextprotocol/inspector@${version}`, "--cli", csc],
      ...["--method", method, ...args, "--format", "json", "-q"],
    ],
    cwd: folder,
    // It writes its settings into the home folder.
    env: { HOME: folder, npm_config_cache: npmCache(), XDG_STATE_HOME: folder },
  }).output();
  const output = new TextDecoder().decode(stdout);
  const holds = code === 0 && expected.test(output);
  if (!holds) failures++;
  console.log(`${holds ? "ok    " : "FAILED"} ${method} ${args.join(" ")}`);
  if (!holds) console.log(output, new TextDecoder().decode(stderr), `exit code ${code}`);
}

function npmCache(): string {
  return Deno.env.get("npm_config_cache") ?? `${Deno.env.get("HOME")}/.npm`;
}

const call = (name: string, args: object) => [
  ...["--tool-name", name, "--tool-args-json", JSON.stringify(args)],
];
await inspect("initialize", [], /"name":\s*"csc"/);
await inspect("tools/list", [], /"delete_scope"/);
await inspect("tools/call", call("sign_on", {}), /claude_1/);
await inspect("resources/list", [], /session:\/\/context/);
await inspect("resources/templates/list", [], /session:\/\/state\/\{id\}/);
await inspect("resources/read", ["--uri", "session://context"], /first_available/);
await inspect("prompts/list", [], /sign-off/);
await inspect("prompts/get", ["--prompt-name", "startup"], /Session Coordinator Startup/);
await Deno.remove(folder, { recursive: true });
if (failures > 0) Deno.exit(1);

/**
 * MCP's official conformance suite against what this package serves: `deno task conformance`.
 *
 * 1. Our own server through our own HTTP host: every scenario that any server can pass. The others need
 *    tools, resources and prompts of certain names; they are listed, and one that passes nevertheless
 *    fails the run, so that the list stays true.
 * 2. A server that has all of these, through the same host: every check.
 * 3. The same server through our stdio transport, over a bridge: every check.
 *
 * @module
 */

import { DEFAULT_CONFIG } from "../src/config/defaults.ts";
import { Host } from "../src/http/host.ts";
import { Metrics } from "../src/http/metrics.ts";
import type { Transport } from "../src/mcp/sdk.ts";
import { NO_LOG } from "../src/os/log.ts";
import { PERMISSION_FLAGS, UNSTABLE_FLAGS } from "../src/os/self.ts";
import { startBridge } from "../tests/support/conformance_bridge.ts";
import { createFixture } from "../tests/support/conformance_fixture.ts";

const VERSION = "0.1.16";
const ROOT = new URL("..", import.meta.url).pathname;
const FIXTURE = `${ROOT}tests/support/conformance_fixture.ts`;
/** How many checks the suite has of what is in force. */
const ALL_CHECKS = 40;
/** How many of them our server passes, which has none of these tools. */
const OWN_CHECKS = 15;

/** What only a server can pass that has the suite's own tools, resources and prompts. */
const NEED_FIXTURE = [
  "tools-call-image",
  "tools-call-audio",
  "tools-call-embedded-resource",
  "tools-call-mixed-content",
  "tools-call-with-logging",
  "tools-call-with-progress",
  "tools-call-sampling",
  "tools-call-elicitation",
  "elicitation-sep1034-defaults",
  "elicitation-sep1330-enums",
  "resources-read-text",
  "resources-read-binary",
  "resources-templates-read",
  "prompts-get-simple",
  "prompts-get-with-args",
  "prompts-get-embedded-resource",
  "prompts-get-with-image",
];

/** What a run of the suite found. */
interface Result {
  readonly code: number;
  readonly passed: number;
  readonly failed: number;
  readonly text: string;
}

const folder = await Deno.makeTempDir({ prefix: "csc-conformance-" });
let failures = 0;

/** Runs the suite against a server; it has to be outside of a folder with a `package.json`. */
async function suite(url: string, args: readonly string[] = []): Promise<Result> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "-A", "--quiet", `npm:@modelcontextprotocol/conformance@${VERSION}`],
      ...["server", "--url", url, "-o", `${folder}/out`, ...args],
    ],
    cwd: folder,
  }).output();
  const text = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes)).join("\n");
  const [, passed, failed] = /Total: (\d+) passed, (\d+) failed/.exec(text) ?? [];
  return { code, passed: Number(passed ?? NaN), failed: Number(failed ?? NaN), text };
}

function report(what: string, holds: boolean, { passed, failed, text, code }: Result): void {
  console.log(`${holds ? "ok    " : "FAILED"} ${what}: ${passed} passed, ${failed} failed`);
  if (holds) return;
  failures++;
  console.log(text.slice(text.indexOf("=== SUMMARY")), `exit code ${code}`);
}

/** Our server, as a process of its own. */
async function ownServer(): Promise<void> {
  const [command, ...args] = Deno.args.length > 0
    ? Deno.args
    : [Deno.execPath(), "run", "--quiet", ...PERMISSION_FLAGS, ...UNSTABLE_FLAGS, `${ROOT}main.ts`];
  const project = `${folder}/project`;
  await Deno.mkdir(project);
  const server = new Deno.Command(command, {
    args: [...args, "serve", "--http", "127.0.0.1:0"],
    cwd: project,
    env: { CLAUDE_PROJECT_DIR: project, XDG_STATE_HOME: `${folder}/state` },
    stdout: "piped",
  }).spawn();
  try {
    const url = await urlFrom(server.stdout);
    const baseline = `${folder}/baseline.yml`;
    await Deno.writeTextFile(
      baseline,
      ["server:", ...NEED_FIXTURE.map((name) => `  - ${name}`), ""].join("\n"),
    );
    const result = await suite(url, ["--expected-failures", baseline]);
    const holds = result.code === 0 && result.passed === OWN_CHECKS;
    report("our server: what any server can pass", holds, result);
  } finally {
    server.kill("SIGTERM");
    const { code } = await server.status;
    if (code !== 0) failures++;
    console.log(`${code === 0 ? "ok    " : "FAILED"} our server ended with code ${code}`);
  }
}

async function urlFrom(output: ReadableStream<Uint8Array>): Promise<string> {
  let text = "";
  for await (const part of output.pipeThrough(new TextDecoderStream())) {
    text += part;
    const url = /http:\/\/127\.0\.0\.1:\d+\/mcp/.exec(text)?.[0];
    if (url !== undefined) return url;
  }
  throw new Error(`the server ended without an address: ${text}`);
}

async function fixtureThroughHost(): Promise<void> {
  const metrics = new Metrics();
  const host = Host.start({
    hostname: "127.0.0.1",
    port: 0,
    tls: null,
    settings: DEFAULT_CONFIG.http,
    tokens: { verify: () => Promise.resolve(null), isEmpty: () => true },
    own: { project: "conformance", machine: "here" },
    serve: () => {
      const server = createFixture();
      return {
        connect: (transport: Transport) => server.connect(transport),
        end: () => Promise.resolve(),
      };
    },
    isUp: () => Promise.resolve(true),
    metrics,
    log: NO_LOG,
  });
  try {
    const result = await suite(`${host.url}/mcp`);
    report("the fixture through our host", isWhole(result), result);
  } finally {
    await host.shutdown();
  }
}

async function fixtureThroughStdio(): Promise<void> {
  const bridge = startBridge([Deno.execPath(), "run", "-A", "--quiet", FIXTURE, "--stdio"]);
  try {
    const result = await suite(bridge.url);
    report("the fixture through our stdio transport", isWhole(result), result);
  } finally {
    await bridge.close();
  }
}

function isWhole({ code, passed, failed }: Result): boolean {
  return code === 0 && passed === ALL_CHECKS && failed === 0;
}

try {
  await ownServer();
  await fixtureThroughHost();
  await fixtureThroughStdio();
} finally {
  await Deno.remove(folder, { recursive: true });
}
if (failures > 0) Deno.exit(1);
Deno.exit(0);

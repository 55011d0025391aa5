/**
 * `csc demo`: the main job on real processes. Starts servers of this very program in a temporary
 * project and drives them as MCP clients do.
 *
 * @module
 */

import { join } from "../../os/path.ts";
import { CoordinatorError } from "../../domain/error.ts";
import { McpClient } from "../../mcp/client.ts";
import { selfCommand } from "../../os/self.ts";
import { bold, dim, green } from "../../std/colors.ts";
import { guard } from "./demo_guard.ts";
import { print } from "../output.ts";

const SESSIONS = 5;
const WRITES = 40;

/** Runs `csc demo`. */
export async function demo(): Promise<number> {
  const startedAt = performance.now();
  const folder = await Deno.makeTempDir({ prefix: "csc-demo-" });
  const clients: McpClient[] = [];
  const env = {
    CLAUDE_PROJECT_DIR: folder,
    CLAUDE_SESSION_COORDINATOR_CONFIG: "",
    XDG_STATE_HOME: join(folder, "state"),
  };
  const connect = async () => {
    const client = await McpClient.connect(selfCommand(), {
      cwd: folder,
      env,
    });
    clients.push(client);
    return client;
  };
  print(bold(`${SESSIONS} Claude sessions on one project: ${folder}`));
  print(dim("Each is a server process of its own, driven through MCP as Claude Code does.\n"));
  try {
    await race(connect);
    await writers(clients);
    await killed(clients, connect);
    await signedOff(clients);
    print(bold("\n5. Two sessions want to edit one file"));
    const [holder, other] = clients.splice(0, 2);
    clients.push(other);
    await guard({ folder, env, check }, holder, other);
  } finally {
    for (const client of clients) await client.close();
    await Deno.remove(folder, { recursive: true });
  }
  print(
    `\nDone in ${((performance.now() - startedAt) / 1000).toFixed(1)} s; the folder is removed.`,
  );
  return 0;
}

async function race(connect: () => Promise<McpClient>): Promise<void> {
  print(bold("1. All sign on at the same moment"));
  const started = await Promise.all(Array.from({ length: SESSIONS }, connect));
  const identities = await Promise.all(started.map((client) => client.tool("sign_on")));
  identities.forEach(({ session_id }, i) =>
    print(`   session ${i + 1} (pid ${started[i].process.pid}) is ${session_id}`)
  );
  const distinct = new Set(identities.map(({ session_id }) => session_id)).size;
  check(distinct === SESSIONS, `${distinct} sessions, ${distinct} different identities`);
}

async function writers(clients: readonly McpClient[]): Promise<void> {
  print(bold(`\n2. All store ${WRITES} values each in one scope, at the same time`));
  await Promise.all(clients.map(async (client, writer) => {
    for (let i = 0; i < WRITES; i++) {
      const key = `writer ${writer + 1}, value ${i + 1}`;
      await client.tool("store_data", { scope: "demo:shared", key, value: i });
    }
  }));
  const kept = (await clients[0].tool("list_keys", { scope: "demo:shared" })).length;
  const sent = SESSIONS * WRITES;
  check(kept === sent, `${kept} of ${sent} writes are there`);
}

async function killed(
  clients: McpClient[],
  connect: () => Promise<McpClient>,
): Promise<void> {
  print(bold("\n3. One session is killed (kill -9) while it holds its identity"));
  const victim = clients.splice(1, 1)[0];
  const lost: string = (await victim.tool("sign_on")).session_id;
  await victim.tool("store_data", { scope: `session:${lost}`, key: "current_issue", value: 15 });
  print(`   ${lost} stored that it works on issue 15; now its process is killed`);
  await victim.kill();
  const killedAt = performance.now();
  const heir = await connect();
  const { session_id } = await heir.tool("sign_on", { session_id: lost });
  const ms = Math.round(performance.now() - killedAt);
  check(session_id === lost, `${ms} ms later a new session holds ${session_id}`);
  const issue = await heir.tool("retrieve_data", {
    scope: `session:${lost}`,
    key: "current_issue",
  });
  check(issue === 15, `and reads where the work stood: issue ${issue}`);
}

async function signedOff(clients: readonly McpClient[]): Promise<void> {
  print(bold("\n4. A taken identity is refused, and all sign off"));
  const { session_id } = await clients[0].tool("sign_on");
  const refusal = await clients[1].call("sign_on", { session_id });
  check(refusal.isError, refusal.texts[0].split("\n")[0]);
  const answers = await Promise.all(clients.map((client) => client.tool("sign_off")));
  const left = answers.filter(({ status }) => status === "signed off").length;
  check(left === clients.length, `${left} sessions signed off; what they stored stays`);
}

function check(holds: boolean, fact: string): void {
  if (!holds) {
    throw new CoordinatorError(
      "demo_failed",
      `The demo expected otherwise: ${fact}`,
      "Please report this with your system and the file system of your temporary folder.",
    );
  }
  print(`   ${green("✓")} ${fact}`);
}

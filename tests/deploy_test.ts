/** The systemd unit and the container file start what they say, in the environment that they say. */

import { assert, assertEquals, assertMatch, assertStringIncludes } from "./support/assert.ts";
import { Tokens } from "../src/http/tokens.ts";
import { CSC, ROOT, run } from "./support/command.ts";
import { eventually } from "./support/project.ts";
import { TempFolder } from "./support/temp.ts";

const read = (name: string) => Deno.readTextFileSync(`${ROOT}scripts/deploy/${name}`);

/** Starts csc with the arguments and the environment of a file, but with its folder and port elsewhere. */
async function tryOut(
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  use: (url: string) => Promise<void>,
  prepare: (folder: string) => Promise<void> = () => Promise.resolve(),
): Promise<{ code: number; stderr: string }> {
  using temp = new TempFolder();
  await prepare(temp.path);
  const placed = Object.entries(env).map(([name, value]) =>
    [name, value.replaceAll("/var/lib/csc", temp.path)] as const
  );
  const [command, ...rest] = CSC;
  const child = new Deno.Command(command, {
    args: [...rest, ...args.map((word) => word.replace(/:8082$/, ":0"))],
    cwd: temp.path,
    clearEnv: true,
    env: {
      ...Object.fromEntries(placed),
      PATH: Deno.env.get("PATH")!,
      DENO_DIR: Deno.env.get("DENO_DIR") ?? `${Deno.env.get("HOME")}/.cache/deno`,
    },
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const stderr = new Response(child.stderr).text();
  let text = "";
  const reading = (async () => {
    for await (const part of child.stdout.pipeThrough(new TextDecoderStream())) text += part;
  })();
  let isOver = false;
  const status = child.status.finally(() => isOver = true);
  const url = await eventually("it serves or ends", () => {
    return isOver ? "" : /(http:\S+)\/mcp/.exec(text)?.[1] ?? null;
  }, 20_000);
  if (url !== "") {
    await use(url);
    const left = [...Deno.readDirSync(temp.path)].map(({ name }) => name);
    assert(left.length > 0, "what it keeps is in its folder");
    child.kill("SIGTERM");
  }
  const { code } = await status;
  await reading;
  return { code, stderr: await stderr };
}

async function checkHealth(url: string): Promise<void> {
  const health = await fetch(`${url.replace("0.0.0.0", "127.0.0.1")}/health`);
  assertEquals(await health.json(), { status: "up" });
}

Deno.test("the systemd unit starts a server that ends with 0", async () => {
  const unit = read("csc.service");
  const env = Object.fromEntries(
    [...unit.matchAll(/^Environment=(.+)$/gm)].flatMap(([, list]) =>
      list.split(" ").map((one) => one.split("=") as [string, string])
    ),
  );
  const [program, ...args] = /^ExecStart=(.+)$/m.exec(unit)![1].split(" ");
  assertEquals(program, "/usr/local/bin/csc");
  // As systemd does: ${NAME} is one word, $NAME as many as its value has.
  const words = args.flatMap((word) => {
    const [, name] = /^\$(\w+)$/.exec(word) ?? [];
    if (name !== undefined) return env[name].split(" ").filter((one) => one !== "");
    return [word.replace(/^\$\{(\w+)\}$/, (_, name) => env[name])];
  });
  assertEquals(words, ["serve", "--http", "127.0.0.1:8082"]);
  const { code, stderr } = await tryOut(words, env, checkHealth);
  assertEquals([code, stderr], [0, ""]);
});

Deno.test("systemd finds nothing wrong with the unit", async () => {
  const isThere = await run(["systemd-analyze", "--version"]).then(() => true, () => false);
  using temp = new TempFolder();
  const path = temp.join("csc.service");
  // It looks whether the program is there.
  Deno.writeTextFileSync(path, read("csc.service").replace("=/usr/local/bin/csc ", "=/bin/true "));
  if (isThere) {
    const { code, stdout, stderr } = await run(["systemd-analyze", "verify", path]);
    assertEquals([code, stdout + stderr], [0, ""]);
  } else {
    // Without systemd at least its form is looked at.
    for (const line of Deno.readTextFileSync(path).split("\n")) {
      assertMatch(line, /^$|^#|^\[(Unit|Service|Install)\]$|^[A-Z][A-Za-z]+=.*$/);
    }
  }
});

Deno.test("the container's command refuses to start without a token, and serves with one", async () => {
  const file = read("Containerfile").replaceAll(/\\\n\s*/g, " ");
  const list = (name: string): string[] =>
    JSON.parse(new RegExp(`^${name} (\\[.*\\])$`, "m").exec(file)![1]);
  const env = Object.fromEntries(
    /^ENV (.+)$/m.exec(file)![1].split(/\s+/).map((one) => one.split("=") as [string, string]),
  );
  assertEquals(list("ENTRYPOINT"), ["/usr/local/bin/csc"]);
  const args = list("CMD");
  assertEquals(args, ["serve", "--http", "0.0.0.0:8082"]);
  const bare = await tryOut(args, env, () => Promise.reject(new Error("it must not serve")));
  assertEquals(bare.code, 1);
  assertStringIncludes(bare.stderr, "without a token");
  const prepare = async (folder: string) => {
    await new Tokens(`${folder}/claude-session-coordinator/tokens.json`).create({ user: "ada" });
  };
  const { code, stderr } = await tryOut(args, env, checkHealth, prepare);
  assertEquals([code, stderr], [0, ""]);
  const copied = /^COPY --chmod=755 \$\{CSC\} (\S+)$/m.exec(file)![1];
  assertEquals(copied, "/usr/local/bin/csc");
  assertMatch(file, /^HEALTHCHECK .*CMD \["\/bin\/bash", /m);
});

Deno.test("the container's health check tells a server that is up from one that is not", async () => {
  const file = read("Containerfile").replaceAll(/\\\n\s*/g, " ");
  const [command, flag, script] = JSON.parse(/^HEALTHCHECK .*CMD (\[.*\])$/m.exec(file)![1]);
  for (const [status, expected] of [["up", 0], ["down", 1]] as const) {
    await using server = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen() {} },
      () => Response.json({ status }),
    );
    const placed = script.replace("/8082", `/${server.addr.port}`);
    assertEquals((await run([command, flag, placed])).code, expected, status);
  }
});

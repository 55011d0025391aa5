import { CoordinatorError } from "../src/domain/error.ts";
import { FileLock } from "../src/os/file_lock.ts";
import { buryLife, LifeFile, probeLife } from "../src/os/life_file.ts";
import { NO_LOG, openLog, userLogPath, userStateFolder } from "../src/os/log.ts";
import {
  ensurePrivateFolder,
  lstatOrNull,
  makePrivate,
  removeIfThere,
} from "../src/os/private_folder.ts";
import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertThrows,
} from "./support/assert.ts";
import { ROOT, run } from "./support/command.ts";
import { TempFolder } from "./support/temp.ts";
import { Worker } from "./support/workers.ts";

const WORKER = [Deno.execPath(), "run", "-A", "--no-check", `${ROOT}tests/support/os_worker.ts`];

const mode = (path: string) => Deno.lstatSync(path).mode! & 0o777;

Deno.test("`hold()` runs tasks one after another, in their order", async () => {
  using temp = new TempFolder();
  const locks = [new FileLock(temp.join("lock"), 5_000), new FileLock(temp.join("lock"), 5_000)];
  let holders = 0;
  const order: number[] = [];
  const task = (i: number) => async () => {
    assertEquals(++holders, 1);
    await new Promise((resolve) => setTimeout(resolve, 1));
    order.push(i);
    holders--;
    return i;
  };
  const turns = Array.from({ length: 20 }, (_, i) => locks[i % 2].hold(task(i)));
  assertEquals(await Promise.all(turns), Array.from({ length: 20 }, (_, i) => i));
  assertEquals(order.filter((i) => i % 2 === 0), [0, 2, 4, 6, 8, 10, 12, 14, 16, 18]);
  for (const lock of locks) await lock.close();
});

Deno.test("`hold()` passes on what a task throws, and frees the lock", async () => {
  using temp = new TempFolder();
  const lock = new FileLock(temp.join("lock"), 5_000);
  const failed = lock.hold(() => {
    throw new RangeError("from the task");
  });
  await assertRejects(() => failed, RangeError, "from the task");
  assertEquals(await lock.hold(() => "next"), "next");
  await lock.close();
  await lock.close();
  assertEquals(mode(temp.join("lock")), 0o600);
  assertEquals(await lock.hold(() => "reopened"), "reopened");
  await lock.close();
});

Deno.test("`hold()` gives up in time, and names the file", async () => {
  using temp = new TempFolder();
  await using holder = new Worker({ do: "hold", path: temp.join("lock") });
  await holder.ready();
  const lock = new FileLock(temp.join("lock"), 100);
  const error = await assertRejects(() => lock.hold(() => {}), CoordinatorError);
  assertEquals(error.code, "store_busy");
  assertMatch(error.message, /lock' within 100 ms/);
  holder.kill();
  await holder.rest();
  assertEquals(await lock.hold(() => "free"), "free");
  await lock.close();
});

Deno.test("`hold()` gives up in time also where several tasks wait", async () => {
  using temp = new TempFolder();
  await using holder = new Worker({ do: "hold", path: temp.join("lock") });
  await holder.ready();
  const lock = new FileLock(temp.join("lock"), 300);
  const start = performance.now();
  const turns = await Promise.allSettled(Array.from({ length: 8 }, () => lock.hold(() => {})));
  const ms = performance.now() - start;
  assert(turns.every(({ status }) => status === "rejected"));
  assert(ms < 1_200, `${ms} ms: each has waited for the time-outs of all before it`);
  await lock.close();
});

Deno.test("`hold()` does not trust a lock whose file was removed", async () => {
  using temp = new TempFolder();
  const path = temp.join("lock");
  const first = new FileLock(path, 5_000);
  const second = new FileLock(path, 5_000);
  await first.hold(() => {});
  Deno.removeSync(path);
  let isHeld = false;
  const { promise: end, resolve } = Promise.withResolvers<void>();
  const { promise: begun, resolve: begin } = Promise.withResolvers<void>();
  const turn = second.hold(async () => {
    isHeld = true;
    begin();
    await end;
    isHeld = false;
  });
  await begun;
  const other = first.hold(() => assert(!isHeld, "two hold the lock"));
  resolve();
  await Promise.all([turn, other]);
  await first.close();
  await second.close();
});

/** Starts a process with a life file and gives its id. */
async function startLife(folder: string) {
  const child = new Deno.Command(WORKER[0], {
    args: [...WORKER.slice(1), "live", folder],
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const output = child.stdout.getReader();
  const { value } = await output.read();
  const id = new TextDecoder().decode(value).trim();
  return {
    id,
    child,
    async [Symbol.asyncDispose]() {
      try {
        child.kill("SIGKILL");
      } catch {
        // It has ended.
      }
      await child.status;
      await output.cancel();
      await child.stdin.close().catch(() => {});
    },
  };
}

Deno.test("a life is alive, also stopped, and dead at once when killed", async () => {
  using temp = new TempFolder();
  const folder = temp.join("alive");
  await using life = await startLife(folder);
  assertEquals(probeLife(folder, life.id), "alive");
  assertEquals(mode(folder), 0o700);
  assertEquals(mode(`${folder}/${life.id}`), 0o600);
  life.child.kill("SIGSTOP");
  assertEquals(probeLife(folder, life.id), "alive");
  life.child.kill("SIGCONT");
  buryLife(folder, life.id);
  assertEquals(probeLife(folder, life.id), "alive", "the living are not buried");
  life.child.kill("SIGKILL");
  await life.child.status;
  assertEquals(probeLife(folder, life.id), "dead");
  buryLife(folder, life.id);
  assertEquals(probeLife(folder, life.id), "unknown");
  buryLife(folder, life.id);
});

Deno.test("a life that has ended leaves nothing", async () => {
  using temp = new TempFolder();
  const folder = temp.join("alive");
  await using life = await startLife(folder);
  await life.child.stdin.close();
  assertEquals((await life.child.status).code, 0);
  assertEquals([...Deno.readDirSync(folder)], []);
  assertEquals(probeLife(folder, life.id), "unknown");
});

Deno.test("probes at the same time do not take each other for the living", async () => {
  using temp = new TempFolder();
  const folder = temp.join("alive");
  await using life = await startLife(folder);
  life.child.kill("SIGKILL");
  await life.child.status;
  // A second prober in the midst of its probe: it holds the file with a shared lock.
  using file = Deno.openSync(`${folder}/${life.id}`, { read: true });
  assert(file.tryLockSync(false));
  assertEquals(probeLife(folder, life.id), "dead");
});

Deno.test("`probeLife()` knows nothing of what is not there or no life file", () => {
  using temp = new TempFolder();
  const id = crypto.randomUUID();
  assertEquals(probeLife(temp.join("nowhere"), id), "unknown");
  assertEquals(probeLife(temp.path, id), "unknown");
  Deno.writeTextFileSync(temp.join("victim"), "");
  for (const name of ["../victim", "victim", "", "/etc/passwd", `${id}/../victim`]) {
    assertEquals(probeLife(temp.path, name), "unknown", name);
  }
  Deno.symlinkSync(temp.join("victim"), temp.join(id));
  assertEquals(probeLife(temp.path, id), "unknown", "a link is not followed");
});

Deno.test("`LifeFile.start()` sweeps the dead of long ago, and nothing else", async () => {
  using temp = new TempFolder();
  const old = crypto.randomUUID();
  const recent = crypto.randomUUID();
  for (const name of [old, recent, "foreign"]) Deno.writeTextFileSync(temp.join(name), "");
  await using life = await startLife(temp.path);
  const longAgo = new Date(Date.now() - 25 * 3600 * 1000);
  for (const name of [old, "foreign", life.id]) Deno.utimeSync(temp.join(name), longAgo, longAgo);
  const own = LifeFile.start(temp.path);
  const names = () => [...Deno.readDirSync(temp.path)].map(({ name }) => name).sort();
  assertEquals(names(), [recent, "foreign", life.id, own.id].sort());
  own.end();
  assertEquals(names(), [recent, "foreign", life.id].sort());
});

Deno.test("several processes lose no line of a log while it is rotated", async () => {
  using temp = new TempFolder();
  const path = temp.join("state", "csc.log");
  const names = ["a", "b", "c", "d"];
  const outcomes = await Promise.all(
    names.map((name) => run([...WORKER, "log", path, name, "150"])),
  );
  for (const { code, stderr } of outcomes) assertEquals(code, 0, stderr);
  const files = [...Deno.readDirSync(temp.join("state"))].map(({ name }) => name)
    .filter((name) => /^csc\.log(\.\d+)?$/.test(name));
  assert(files.length >= 3, "it was rotated");
  const lines = files.flatMap((name) => {
    const text = Deno.readTextFileSync(temp.join("state", name));
    assertEquals(mode(temp.join("state", name)), 0o600);
    return text.split("\n").slice(0, -1);
  });
  for (const line of lines) {
    assertMatch(line, /^\d{4}-\d\d-\d\dT[\d:.]+Z info {2}\[\d+\] [abcd] event \d+ end$/);
  }
  const events = new Set(lines.map((line) => /[abcd] event \d+/.exec(line)![0]));
  assertEquals([lines.length, events.size], [600, 600]);
});

Deno.test("a log keeps as many files as it is told", () => {
  for (const keepFiles of [0, 1, 3]) {
    using temp = new TempFolder();
    const path = temp.join("csc.log");
    const log = openLog({ level: "info", path, maxBytes: 300, keepFiles, label: () => "x" });
    for (let i = 0; i < 100; i++) log.info(`event ${i}`);
    const names = [...Deno.readDirSync(temp.path)].map(({ name }) => name)
      .filter((name) => !name.endsWith(".lock")).sort();
    const kept = Array.from({ length: keepFiles }, (_, i) => `csc.log.${i + 1}`);
    assertEquals(names, ["csc.log", ...kept]);
    assertMatch(Deno.readTextFileSync(path), /event 99\n$/);
  }
});

Deno.test("a log writes what its level asks for, on one line, without control characters", () => {
  using temp = new TempFolder();
  const path = temp.join("csc.log");
  const log = openLog({ level: "warn", path, maxBytes: 1e6, keepFiles: 1, label: () => "n\nm" });
  log.error("one\ntwo");
  log.warn("\u001b[31mred");
  log.info("unseen");
  log.debug("unseen");
  const lines = Deno.readTextFileSync(path).split("\n");
  assertEquals(lines.length, 3);
  assertMatch(lines[0], /error \[\d+\] n m one two$/);
  assertMatch(lines[1], /warn {2}\[\d+\] n m \ufffd\[31mred$/);
});

Deno.test("a log that is off or cannot be written does not stop the work", () => {
  using temp = new TempFolder();
  const options = { maxBytes: 1e6, keepFiles: 1, label: () => "" };
  assertEquals(openLog({ ...options, level: "off", path: temp.join("log") }), NO_LOG);
  assertEquals(openLog({ ...options, level: "debug", path: null }), NO_LOG);
  Deno.writeTextFileSync(temp.join("file"), "");
  const log = openLog({ ...options, level: "debug", path: temp.join("file", "log") });
  log.error("lost");
  log.error("lost");
  for (const write of Object.values(NO_LOG)) write("lost");
  assertEquals([...Deno.readDirSync(temp.path)].length, 1);
});

Deno.test("the log is where the user's programs keep their state", async () => {
  const script = `import { userLogPath, userStateFolder } from "${ROOT}src/os/log.ts";
    console.log(userLogPath(), userStateFolder());`;
  const paths = async (env: Record<string, string>) => {
    const command = [Deno.execPath(), "eval", "--no-lock", script];
    const keep = { DENO_DIR: Deno.env.get("DENO_DIR") ?? `${Deno.env.get("HOME")}/.cache/deno` };
    const { stdout } = await run(command, { cwd: ROOT, clearEnv: true, env: { ...keep, ...env } });
    return stdout.trim();
  };
  const name = "claude-session-coordinator";
  assertEquals(await paths({ XDG_STATE_HOME: "/x" }), `/x/${name}/csc.log /x/${name}`);
  assertEquals(
    await paths({ HOME: "/h" }),
    `/h/.local/state/${name}/csc.log /h/.local/state/${name}`,
  );
  assertEquals(await paths({}), "null null");
  assert(userLogPath() === null || userLogPath()!.startsWith(userStateFolder()!));
});

Deno.test("`ensurePrivateFolder()` creates a private folder and leaves one that is there", () => {
  using temp = new TempFolder();
  ensurePrivateFolder(temp.join("a", "b"));
  assertEquals([mode(temp.join("a")), mode(temp.join("a", "b"))], [0o700, 0o700]);
  Deno.chmodSync(temp.join("a"), 0o755);
  ensurePrivateFolder(temp.join("a"));
  assertEquals(mode(temp.join("a")), 0o755);
});

Deno.test("`ensurePrivateFolder()` refuses links and files", () => {
  using temp = new TempFolder();
  Deno.mkdirSync(temp.join("real"));
  Deno.symlinkSync(temp.join("real"), temp.join("link"));
  Deno.symlinkSync(temp.join("nowhere"), temp.join("dangling"));
  Deno.writeTextFileSync(temp.join("file"), "");
  for (const name of ["link", "dangling", "file"]) {
    const error = assertThrows(() => ensurePrivateFolder(temp.join(name)), CoordinatorError);
    assertEquals(error.code, "store_io");
    assert(error.message.includes(temp.join(name)));
  }
  assertEquals(lstatOrNull(temp.join("nowhere")), null);
});

Deno.test("`lstatOrNull()`, `removeIfThere()` and `makePrivate()` take what is there", () => {
  using temp = new TempFolder();
  const path = temp.join("file");
  assertEquals(lstatOrNull(path), null);
  removeIfThere(path);
  Deno.writeTextFileSync(path, "", { mode: 0o644 });
  makePrivate(path, 0o600);
  assertEquals(mode(path), 0o600);
  assert(lstatOrNull(path)?.isFile);
  removeIfThere(path);
  assertEquals(lstatOrNull(path), null);
  makePrivate(path, 0o600);
});

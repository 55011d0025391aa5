/** Machines that share a project through `csc serve --http`: the adapter `server`, end to end. */

import { assert, assertEquals, assertMatch } from "../support/assert.ts";
import { run } from "../support/command.ts";
import { bearer } from "../support/http_client.ts";
import { HttpServer } from "../support/http_server.ts";
import { passed } from "../support/hook.ts";
import { Machine } from "../support/machines.ts";
import { makeRepository, TestProject } from "../support/project.ts";

const ORIGIN = "https://example.org/ada/engine.git";

/** A machine with a clone of the project, its own home, and a token or none. */
async function machine(
  project: TestProject,
  name: string,
  url: string,
  token: string | undefined,
): Promise<Machine> {
  const made = new Machine(project, name, { adapter: "server", config: { url } });
  if (token !== undefined) made.env.CSC_TOKEN = token;
  await makeRepository(made.clone, ORIGIN);
  Deno.writeTextFileSync(`${made.clone}/a.py`, "a\n");
  return made;
}

Deno.test("two machines share locks, sessions and the guard through one csc server", async () => {
  await using server = await HttpServer.start({ tokens: [{ user: "ada" }, { user: "bob" }] });
  await using project = new TestProject();
  const alpha = await machine(project, "alpha", server.url, server.tokens[0]);
  const beta = await machine(project, "beta", server.url, server.tokens[1]);
  await using ada = await alpha.start("ada-session");
  await using bob = await beta.start("bob-session");

  const taken = await alpha.cscAs("ada-session", "lock", "deploy");
  assertEquals(taken.code, 0, taken.stderr);
  const refused = await beta.cscAs("bob-session", "lock", "deploy");
  assertEquals(refused.code, 1, refused.stderr);
  assertEquals((await alpha.cscAs("ada-session", "unlock", "deploy")).code, 0);
  const then = await beta.cscAs("bob-session", "lock", "deploy");
  assertEquals(then.code, 0, then.stderr);

  await ada.edit(`${alpha.clone}/a.py`, "changed");
  const note = passed(await bob.before(`${beta.clone}/a.py`));
  assertMatch(note, /Session_1.*another working tree/is);
  const { sessions, locks } = await beta.json("status");
  const ids = sessions.map((one: { session_id: string }) => one.session_id);
  assertEquals(ids, ["ada-session", "bob-session"]);
  assertEquals(locks.map((one: { held_by: string }) => one.held_by), ["bob-session"]);

  const audit = server.audit().filter(({ action }) => action === "store:store");
  assert(audit.some(({ user }) => user === "ada") && audit.some(({ user }) => user === "bob"));
});

Deno.test("what a token may not do, hooks and commands are refused in words", async () => {
  await using server = await HttpServer.start({
    tokens: [
      { user: "ada" },
      { user: "reader;ls", scopes: ["read"] },
      { user: "other", projects: ["someone/else"] },
      { user: "stranger", tenant: "acme" },
      { user: "boss", scopes: ["read", "write", "force"] },
    ],
  });
  await using project = new TestProject();
  const [token, readOnly, ofOther, ofTenant, ofBoss] = server.tokens;
  const alpha = await machine(project, "alpha", server.url, token);
  await using _ada = await alpha.start("ada-session");
  assertEquals((await alpha.cscAs("ada-session", "lock", "deploy")).code, 0);
  const as = async (name: string, token: string | undefined, ...args: string[]) =>
    await (await machine(project, name, server.url, token)).csc(...args);

  const nobody = await as("m1", undefined, "locks");
  assertEquals(nobody.code, 1);
  assertMatch(nobody.stderr, /^error\[unauthorized\].*\nhint: .*CSC_TOKEN/);
  const stored = await as("m2", readOnly, "data", "set", "issue:1", "k", "1");
  assertMatch(stored.stderr, /^error\[forbidden\]: reader;ls may not change what is stored/);
  assertMatch(stored.stderr, /`csc token create --user 'reader;ls' --scope read,write`/);
  const elsewhere = await as("m3", ofOther, "locks");
  assertMatch(elsewhere.stderr, /^error\[forbidden\]: other may not use the scope ':ada\/engine:/);
  const hidden = await as("m4", ofTenant, "locks", "--json");
  assert(!hidden.stdout.includes("deploy"), hidden.stdout);

  const insisting = ["unlock", "deploy", "--force"];
  const plain = await as("m5", token, ...insisting);
  assertMatch(plain.stderr, /^error\[forbidden\]: ada may not end by force what others hold/);
  assertEquals((await alpha.cscAs("ada-session", "lock", "deploy")).code, 0, "it is still held");
  const forced = await as("m6", ofBoss, ...insisting);
  assertEquals(forced.code, 0, forced.stderr);
  const audit = server.audit().filter(({ forced }) => forced === true);
  assertEquals(audit.map(({ user, result }) => [user, result]), [
    ["ada", "forbidden"],
    ["boss", "ok"],
  ]);
});

Deno.test("a hook without its server lets the edit pass, in time, and says why", async () => {
  await using server = await HttpServer.start();
  await using project = new TestProject();
  const alpha = await machine(project, "alpha", server.url, undefined);
  await using ada = await alpha.start("ada-session");
  passed(await ada.before(`${alpha.clone}/a.py`));
  server.process.kill("SIGSTOP");
  const stopped = await ada.before(`${alpha.clone}/a.py`);
  assertEquals([stopped.code, stopped.stdout], [1, ""]);
  assertMatch(stopped.stderr, /csc server at http.* no answer|did not answer in time/);
  server.process.kill("SIGCONT");
  await server.stop("SIGKILL");
  const gone = await ada.before(`${alpha.clone}/a.py`);
  assertEquals([gone.code, gone.stdout], [1, ""]);
  assertMatch(gone.stderr, /csc server at http.*refused.*nothing was written/);
});

Deno.test("the metrics count hooks of other machines", async () => {
  await using server = await HttpServer.start({
    tokens: [{ user: "ada", scopes: ["read", "write", "admin"] }],
  });
  await using project = new TestProject();
  const alpha = await machine(project, "alpha", server.url, server.tokens[0]);
  await using ada = await alpha.start("ada-session");
  passed(await ada.before(`${alpha.clone}/a.py`));
  const text = await (await server.fetch("/metrics", { headers: bearer(server.tokens[0]) })).text();
  const counts = [...text.matchAll(/^(\w*hook\w*_count)\S* (\d+)/gm)];
  assert(counts.some(([, , count]) => Number(count) > 0), text.slice(0, 2000));
});

Deno.test("over TLS the server's authority is named in ca_file, and asked for where it is unknown", async () => {
  await using project = new TestProject();
  const [key, cert] = [project.beside("key.pem"), project.beside("cert.pem")];
  const made = await run([
    ...["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"],
    ...["-nodes", "-days", "2", "-subj", "/CN=localhost", "-keyout", key, "-out", cert],
    ...["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"],
    ...["-addext", "basicConstraints=critical,CA:FALSE"],
  ]);
  assertEquals(made.code, 0, made.stderr);
  await using server = await HttpServer.start({
    tokens: [{ user: "ada" }],
    args: ["--tls-cert", cert, "--tls-key", key],
  });
  const ask = async (config: object) => {
    const file = project.beside("team.json");
    const storage = { adapter: "server", config: { url: server.url, ...config } };
    Deno.writeTextFileSync(file, JSON.stringify({ storage }));
    const env = { CSC_TOKEN: server.tokens[0] };
    return await project.cscWith({ env }, "lock", "check", "deploy", "--config", file);
  };
  const trusted = await ask({ ca_file: cert });
  assertEquals([trusted.code, trusted.stdout], [0, "available\n"], trusted.stderr);
  const unknown = await ask({});
  assertEquals(unknown.code, 1);
  assertMatch(unknown.stderr, /^error\[store_unreachable\]: .*certificate.*nothing was written/);
  assertMatch(unknown.stderr, /hint: .*'storage\.config\.ca_file'/);
});

/**
 * Runs the released Claude Code client on a project in which `csc install` was done, against a model
 * that follows a script: no login, no network. `CSC_CLIENT_DRIVER` names the folder with `run.sh` and
 * `stream.sh`, which start the client; `CSC_TEST_COMMAND` the program under test.
 *
 * Sessions wait for each other by files, never by time.
 *
 * @module
 */

import { dirname, join } from "@std/path";
import { assert, assertEquals } from "../support/assert.ts";
import { CSC, isolated, type Outcome, run } from "../support/command.ts";
import { eventually, git } from "../support/project.ts";
import { driverFolder, exists } from "./driver.ts";
import { bash, type Call, prompt, SERVER, type Step } from "./script.ts";
import { Launched, LIMIT_S, OneShots, Talk } from "./sessions.ts";
import { type Lease, leasesIn, type Session, sessionsIn } from "./state.ts";

/** Who may do what unasked, where a test does not say otherwise. */
const MODE = `--permission-mode acceptEdits --allowedTools Bash,${SERVER}`;

/** How the client is started. */
export interface ClientOptions {
  /** The folder that it works in; without it, the project's. */
  readonly folder?: string;
  /** Its permission flags. */
  readonly mode?: string;
  /** The session that it takes up again, instead of a new one. */
  readonly resume?: string;
  /** A folder before all others on its `PATH`. */
  readonly bin?: string;
  /** How long it may take, in seconds. */
  readonly limitS?: number;
}

/** A place with a home, a repository and an installed csc. */
export class Scene {
  /** Where everything of this test is. */
  readonly folder: string = Deno.realPathSync(Deno.makeTempDirSync({ prefix: "csc-client-" }));
  readonly home: string = join(this.folder, "home");
  /** The repository that the sessions work on. */
  readonly project: string = join(this.folder, "proj");
  readonly #started: (OneShots<string> | Talk)[] = [];

  /** Makes the repository, with these files committed, and installs csc in the home. */
  async prepare(files: Readonly<Record<string, string>>): Promise<void> {
    for (const folder of [this.home, this.project, join(this.folder, "events")]) {
      Deno.mkdirSync(folder);
    }
    await git(this.project, "init", "--quiet", "--initial-branch=main");
    await git(this.project, "config", "user.name", "Somebody");
    await git(this.project, "config", "user.email", "somebody@example.org");
    // The driver would put its own probes here.
    const own = { ".claude/settings.json": "{}\n", ".mcp.json": '{"mcpServers":{}}\n' };
    for (const [name, text] of Object.entries({ ...own, ...files })) this.write(name, text);
    await git(this.project, "add", "--all");
    await git(this.project, "commit", "--quiet", "--message=first");
    const { code, stderr } = await this.csc("install");
    assertEquals([code, stderr], [0, ""]);
  }

  /** The absolute path of a file of the project. */
  path(name: string): string {
    return join(this.project, name);
  }

  /** Writes a file of the project, with the folders it needs. */
  write(name: string, text: string): void {
    const path = this.path(name);
    Deno.mkdirSync(dirname(path), { recursive: true });
    Deno.writeTextFileSync(path, text);
  }

  /** What is in a file of the project; null where there is none. */
  read(name: string): string | null {
    try {
      return Deno.readTextFileSync(this.path(name));
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return null;
      throw error;
    }
  }

  /** Runs git in the project; answers what it prints. */
  git(...args: string[]): Promise<string> {
    return git(this.project, ...args);
  }

  /** Makes a folder in which `csc` is the program under test. */
  putOnPath(): string {
    const bin = join(this.folder, "bin");
    Deno.mkdirSync(bin);
    const words = CSC.map((word) => `'${word}'`).join(" ");
    Deno.writeTextFileSync(join(bin, "csc"), `#!/bin/sh\nexec ${words} "$@"\n`, { mode: 0o755 });
    return bin;
  }

  /** Runs the program under test as a person does, outside any session. */
  csc(...args: string[]): Promise<Outcome> {
    const { CLAUDE_PROJECT_DIR: _, ...env } = isolated(this.folder, { XDG_STATE_HOME: "" });
    const own = { PATH: Deno.env.get("PATH") ?? "", ...env, HOME: this.home };
    return run([...CSC, ...args], { cwd: this.project, env: own, clearEnv: true });
  }

  /** A step that lets those who wait for an event go on. */
  tell(event: string): Call {
    return bash(`touch '${this.#event(event)}'`);
  }

  /** A step that waits for an event. */
  until(event: string): Call {
    const path = this.#event(event);
    // A client that is killed leaves this behind: it ends with the scene at the latest.
    const look = `[ -e '${path}' ] && exit; [ -d '${dirname(path)}' ] || exit 1; sleep 0.1`;
    return bash(`touch '${path}.awaited'; for i in $(seq 900); do ${look}; done; exit 1`);
  }

  /** Waits until somebody waits for an event: no hook of theirs is running. */
  awaited(event: string): Promise<void> {
    return this.happened(`${event}.awaited`);
  }

  /** Lets those who wait for an event go on, from the test itself. */
  signal(event: string): void {
    Deno.writeTextFileSync(this.#event(event), "");
  }

  /** Waits for an event. */
  async happened(event: string): Promise<void> {
    await eventually(event, () => exists(this.#event(event)), LIMIT_S * 1000);
  }

  /** Starts sessions that each do one script and end, all at once. */
  start<Name extends string>(
    scripts: Readonly<Record<Name, readonly Step[]>>,
    options: ClientOptions = {},
  ): OneShots<Name> {
    const { resume } = options;
    const ids = Object.keys(scripts).map((name) => [name, resume ?? crypto.randomUUID()]);
    const flags = ids.map(([, id], i) => [`ARGS${i + 1}`, idFlags(id, resume)]);
    const prompts = Object.entries<readonly Step[]>(scripts).map(([name, steps]) =>
      prompt(name, steps)
    );
    const launched = this.#launch("run.sh", prompts, options, Object.fromEntries(flags));
    const started = new OneShots<Name>(launched, Object.fromEntries(ids));
    this.#started.push(started);
    return started;
  }

  /** Does scripts in sessions of their own, and waits until all have ended well. */
  async run<Name extends string>(
    scripts: Readonly<Record<Name, readonly Step[]>>,
    options?: ClientOptions,
  ): Promise<OneShots<Name>> {
    const started = this.start(scripts, options);
    await started.endWell();
    return started;
  }

  /** Starts a session that goes on from turn to turn. */
  talk(options: ClientOptions = {}): Talk {
    const id = options.resume ?? crypto.randomUUID();
    const flags = { CLAUDE_ARGS: idFlags(id, options.resume) };
    const talk = new Talk(this.#launch("stream.sh", [], options, flags), id);
    this.#started.push(talk);
    return talk;
  }

  /** The sessions that the project knows, by their id, as stored. */
  sessions(): Map<string, Session> {
    return sessionsIn(this.#state);
  }

  /** Waits until a session has registered itself and is served; answers its record. */
  registered(id: string): Promise<Session> {
    return eventually("the session is registered", () => {
      const session = this.sessions().get(id);
      return session?.life ? session : null;
    }, LIMIT_S * 1000);
  }

  /** How people know a session. */
  alias(id: string): string {
    const alias = this.sessions().get(id)?.alias;
    assert(alias, `there is no session ${id}`);
    return alias;
  }

  /** The leases of files and names as stored, whoever has them. */
  leases(): Lease[] {
    return leasesIn(this.#state);
  }

  /** Who holds a file of the project, as stored: a session, or a session/agent; null for nobody. */
  holder(name: string): string | null {
    const lease = this.leases().find(({ scope, tree }) =>
      scope.endsWith(`:file:${name}`) && tree === this.project
    );
    return lease?.holder ?? null;
  }

  /** What the sessions did, in the order of time. */
  // deno-lint-ignore no-explicit-any
  journal(): any[] {
    const folder = join(this.#state, ".csc", "journal");
    const files = [folder, join(folder, "archive")].flatMap((one) =>
      exists(one) ? [...Deno.readDirSync(one)].map(({ name }) => join(one, name)) : []
    );
    return files.filter((path) => path.endsWith(".jsonl"))
      .flatMap((path) => Deno.readTextFileSync(path).split("\n"))
      .filter((line) => line !== "").map((line) => JSON.parse(line))
      .sort((one, other) => one.at < other.at ? -1 : one.at > other.at ? 1 : 0);
  }

  /** That nobody holds anything any more, and that no hook and no server has failed. */
  async leavesNothing(): Promise<void> {
    await eventually("all sessions have ended, and nothing is held", () => {
      const active = [...this.sessions().values()].filter(({ status }) => status === "active");
      return active.length === 0 && this.leases().every(({ holder }) => holder === null);
    }, 15_000).catch((error) => {
      const held = this.leases().filter(({ holder }) => holder !== null);
      throw new Error(`${error.message}: ${JSON.stringify([[...this.sessions().values()], held])}`);
    });
    const state = join(this.home, ".local", "state", "claude-session-coordinator");
    const failures = join(state, "hook-failures.log");
    assert(!exists(failures), exists(failures) ? Deno.readTextFileSync(failures) : "");
    const log = Deno.readTextFileSync(join(state, "csc.log")).split("\n");
    assertEquals(log.filter((line) => / (warn|error) /.test(line)), []);
  }

  /** Ends what is still running. */
  async end(): Promise<void> {
    for (const started of this.#started) await started.launched.end();
  }

  get #state(): string {
    return join(this.project, ".claude", "session-state");
  }

  #event(name: string): string {
    return join(this.folder, "events", name);
  }

  #launch(
    script: string,
    args: readonly string[],
    { folder = this.project, mode = MODE, limitS = LIMIT_S, bin }: ClientOptions,
    env: Readonly<Record<string, string>>,
  ): Launched {
    const out = join(this.folder, `run-${this.#started.length + 1}`);
    Deno.mkdirSync(out);
    Deno.symlinkSync(folder, join(out, "proj"));
    const { DENO_DIR } = isolated(this.folder);
    return new Launched(out, [join(driverFolder(), script), out, ...args], {
      MODE: mode,
      LIMIT: String(limitS),
      ...(bin && { PATH: `${bin}:${Deno.env.get("PATH")}` }),
      EXTRA_ENV: `HOME=${this.home} DENO_DIR=${DENO_DIR}`,
      ...env,
    });
  }
}

function idFlags(id: string, resume: string | undefined): string {
  return resume === undefined ? `--session-id ${id}` : `--resume ${resume}`;
}

/** What happens in a scene. */
export interface Story {
  /** The files of the first commit. */
  readonly files?: Readonly<Record<string, string>>;
  play(scene: Scene): Promise<void>;
}

/** A test in a scene of its own, which stays where it fails. */
export function clientTest(name: string, story: Story): void {
  Deno.test(name, async () => {
    const scene = new Scene();
    try {
      await scene.prepare(story.files ?? {});
      await story.play(scene);
      await scene.leavesNothing();
    } catch (error) {
      console.error(`${name}: what the clients and their models said is in ${scene.folder}`);
      throw error;
    } finally {
      await scene.end();
    }
    Deno.removeSync(scene.folder, { recursive: true });
  });
}

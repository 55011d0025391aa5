/**
 * Sessions of the real client, as the driver's scripts start them. For Linux only.
 *
 * @module
 */

import { join } from "@std/path";
import { assertEquals } from "../support/assert.ts";
import { eventually } from "../support/project.ts";
import { exists } from "./driver.ts";
import { endProcesses } from "./processes.ts";
import { prompt, type Step } from "./script.ts";
import { Shown } from "./shown.ts";

/** How long one run of the client may take, in seconds. */
export const LIMIT_S = 120;

/** A run of the driver. */
export class Launched {
  readonly folder: string;
  readonly shown: Shown;
  readonly process: Deno.ChildProcess;
  readonly #log: Promise<void>;

  constructor(folder: string, command: readonly string[], env: Readonly<Record<string, string>>) {
    this.folder = folder;
    this.shown = new Shown(join(folder, "logs", "api.jsonl"));
    // In a session of its own, so that all its processes are found.
    this.process = new Deno.Command("setsid", {
      args: [...command],
      env: { ...env, IN_NETNS: "" },
      stdin: "piped",
      stdout: "null",
      stderr: "piped",
    }).spawn();
    this.#log = this.process.stderr.pipeTo(
      Deno.createSync(join(folder, "driver.log")).writable,
    );
  }

  /** Ends every process of it that is still there. */
  async end(): Promise<void> {
    endProcesses(this.process.pid);
    await this.process.status;
    await this.#log;
  }
}

/** Sessions that each do one script. */
export class OneShots<Name extends string> {
  readonly launched: Launched;
  /** Their ids, by the scripts' names. */
  readonly ids: Readonly<Record<Name, string>>;

  constructor(launched: Launched, ids: Readonly<Record<Name, string>>) {
    this.launched = launched;
    this.ids = ids;
    launched.process.stdin.close();
  }

  /** What their models were shown. */
  get shown(): Shown {
    return this.launched.shown;
  }

  /** Waits until all have ended; answers their exit codes in the order of their names. */
  async ended(): Promise<number[]> {
    await this.launched.process.status;
    return Object.keys(this.ids).map((_, i) =>
      Number(Deno.readTextFileSync(join(this.launched.folder, `s${i + 1}.rc`)))
    );
  }

  /** Waits until all have ended, without a mistake. */
  async endWell(): Promise<void> {
    const codes = await this.ended();
    assertEquals(codes, codes.map(() => 0), "the clients' exit codes");
  }
}

/** A session that goes on from turn to turn. */
export class Talk {
  readonly launched: Launched;
  /** The id that it starts with. */
  readonly id: string;
  readonly #input: WritableStreamDefaultWriter<Uint8Array>;

  constructor(launched: Launched, id: string) {
    this.launched = launched;
    this.id = id;
    this.#input = launched.process.stdin.getWriter();
  }

  /** What its model was shown. */
  get shown(): Shown {
    return this.launched.shown;
  }

  /** Has the model do steps, and waits until it has done them. */
  async turn(name: string, ...steps: readonly Step[]): Promise<void> {
    await this.#sayAndWait(prompt(name, steps));
  }

  /** Gives a command such as `/clear`, and waits until it is done. */
  async command(text: string): Promise<void> {
    await this.#sayAndWait(text);
  }

  /** Says something, and does not wait. */
  async say(text: string): Promise<void> {
    await this.#input.write(new TextEncoder().encode(`0\t${text}\n`));
  }

  /** How many turns are over. */
  turns(): number {
    const path = join(this.launched.folder, "s1.jsonl");
    if (!exists(path)) return 0;
    return Deno.readTextFileSync(path).split("\n").filter((line) =>
      line.startsWith("{") && line.includes('"type":"result"') && isResult(line)
    ).length;
  }

  /** Waits until so many turns are over. */
  async turnsReach(count: number): Promise<void> {
    await eventually(`turn ${count} is over`, () => this.turns() >= count, LIMIT_S * 1000);
  }

  /** Lets the client end, and waits for it. */
  async end(): Promise<void> {
    await this.say("!EOF");
    await this.#input.close();
    await this.launched.process.status;
  }

  async #sayAndWait(text: string): Promise<void> {
    const before = this.turns();
    await this.say(text);
    await this.turnsReach(before + 1);
  }
}

function isResult(line: string): boolean {
  try {
    return JSON.parse(line).type === "result";
  } catch {
    return false; // being written
  }
}

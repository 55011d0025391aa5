import { CSC, isolated, type Outcome } from "./command.ts";
import { sendSignal, type TestProject } from "./project.ts";

/** A command of the program under test that goes on meanwhile. */
export interface Background extends AsyncDisposable {
  readonly pid: number;
  /** What it has written to standard error so far. */
  readonly told: () => string;
  /** How it ended, and what it printed. */
  readonly ended: Promise<Outcome>;
}

/** Starts a command in a project; what still runs at the end of the scope is killed. */
export function background(
  project: TestProject,
  env: Record<string, string>,
  ...args: string[]
): Background {
  const [command, ...flags] = CSC;
  const child = new Deno.Command(command, {
    args: [...flags, ...args],
    cwd: project.folder,
    env: isolated(project.folder, env),
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const [stdout, stderr] = [reader(child.stdout), reader(child.stderr)];
  const ended = Promise.all([child.status, stdout.done, stderr.done]).then(([{ code }]) => ({
    code,
    stdout: stdout.text(),
    stderr: stderr.text(),
  }));
  return {
    pid: child.pid,
    told: stderr.text,
    ended,
    async [Symbol.asyncDispose]() {
      sendSignal(child.pid, "SIGCONT");
      sendSignal(child.pid, "SIGKILL");
      await child.status;
    },
  };
}

function reader(stream: ReadableStream<Uint8Array>) {
  const decoder = new TextDecoder();
  let text = "";
  const done = (async () => {
    for await (const part of stream) text += decoder.decode(part, { stream: true });
  })();
  return { text: () => text, done };
}

/** What a command printed as JSON. */
// deno-lint-ignore no-explicit-any
export function jsonOf({ stdout }: Outcome): any {
  return JSON.parse(stdout);
}

import { CSC, run } from "./command.ts";
import { eventually, type TestProject } from "./project.ts";

/** The program under test as a word for `sh`. */
export const CALL = CSC.map((word) => `'${word}'`).join(" ");

/** The text of a file of the project, once it is there. */
export function textOf(project: TestProject, name: string): Promise<string> {
  return eventually(`${name} is written`, () => {
    try {
      return Deno.readTextFileSync(`${project.folder}/${name}`);
    } catch {
      return null;
    }
  }, 30_000);
}

/** Whether nobody holds a named lock. */
export async function isFree(project: TestProject, name: string): Promise<boolean> {
  return (await project.csc("lock", "check", name)).code === 0;
}

/** What a process does, as `ps` tells: "T" is stopped; "" once it has ended, whoever reaps it. */
export async function stateOf(pid: number): Promise<string> {
  const { stdout } = await run(["ps", "-o", "stat=", "-p", String(pid)]);
  const [state = ""] = stdout.trim();
  return state === "Z" ? "" : state;
}

/**
 * A temporary project with a home of its own, in which the doctor starts the program as Claude Code
 * does.
 *
 * @module
 */

import { git } from "../detect/git.ts";
import { join } from "../os/path.ts";
import { removeTree } from "./folder_tree.ts";
import { homeFolder } from "./places.ts";
import { baseEnvironment } from "./process.ts";

/** A temporary project. */
export class Sandbox {
  /** The project's folder: a git repository where there is git. */
  readonly project: string;
  readonly #root: string;

  private constructor(root: string) {
    this.#root = root;
    this.project = join(root, "project");
  }

  /** Makes one; {@linkcode Sandbox.remove} has to follow. */
  static async make(): Promise<Sandbox> {
    const root = await Deno.realPath(await Deno.makeTempDir({ prefix: "csc-doctor-" }));
    const sandbox = new Sandbox(root);
    for (const name of ["project", "home", "state"]) await Deno.mkdir(join(root, name));
    await git(["init", "--quiet", "--template="], sandbox.project);
    return sandbox;
  }

  /**
   * The environment that Claude Code gives to what it starts, without what belongs to a session that
   * may run the doctor, and without the user's configuration.
   */
  environment(more: Record<string, string> = {}): Record<string, string> {
    const kept = Object.entries(baseEnvironment()).filter(([name]) => !/^CLAUDE/.test(name));
    const home = join(this.#root, "home");
    return {
      ...Object.fromEntries(kept),
      ...denoCache(),
      HOME: home,
      USERPROFILE: home,
      XDG_STATE_HOME: join(this.#root, "state"),
      XDG_CONFIG_HOME: join(home, ".config"),
      CLAUDE_PROJECT_DIR: this.project,
      CLAUDECODE: "1",
      ...more,
    };
  }

  /** Removes it; what a program that is still ending holds on to is left to the system. */
  async remove(): Promise<void> {
    for (let tries = 0; tries < 5; tries++) {
      try {
        return removeTree(this.#root);
      } catch {
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    }
  }
}

/** Where Deno keeps its cache: with another home it would fetch everything anew. */
function denoCache(): Record<string, string> {
  if (Deno.build.standalone || Deno.env.get("DENO_DIR")) return {};
  const home = homeFolder();
  const local = Deno.env.get("LOCALAPPDATA");
  const folder = Deno.build.os === "windows"
    ? local && join(local, "deno")
    : Deno.build.os === "darwin"
    ? home && join(home, "Library", "Caches", "deno")
    : Deno.env.get("XDG_CACHE_HOME")
    ? join(Deno.env.get("XDG_CACHE_HOME")!, "deno")
    : home && join(home, ".cache", "deno");
  return folder ? { DENO_DIR: folder } : {};
}

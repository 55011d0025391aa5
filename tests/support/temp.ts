import { join } from "@std/path";

/** A temporary folder that goes with its scope: `using temp = new TempFolder()`. */
export class TempFolder implements Disposable {
  /** Its real path, without symbolic links. */
  readonly path: string = Deno.realPathSync(Deno.makeTempDirSync({ prefix: "csc-test-" }));

  /** A path in it. */
  join(...names: string[]): string {
    return join(this.path, ...names);
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.path, { recursive: true });
  }
}

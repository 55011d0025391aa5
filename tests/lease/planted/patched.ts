import { ROOT } from "../../support/command.ts";
import type { LeaseModules } from "../../support/lease.ts";
import { TempFolder } from "../../support/temp.ts";

/** A file of `src/lease` and what is different in it; what is looked for must be there once. */
export type Patch = readonly [file: string, find: string, replace: string];

const LEASE = `${ROOT}src/lease/`;

/** Writes a copy of the lease's files into a folder, with changes. */
export function writePatched(folder: string, patches: readonly Patch[]): void {
  for (const [file] of patches) Deno.statSync(`${LEASE}${file}`);
  for (const { name } of Deno.readDirSync(LEASE)) {
    if (!name.endsWith(".ts")) continue;
    let text = Deno.readTextFileSync(`${LEASE}${name}`);
    for (const [file, find, replace] of patches) {
      if (file !== name) continue;
      const found = text.split(find).length - 1;
      if (found !== 1) {
        throw new Error(`src/lease/${file} holds ${found} times, not once: ${find}`);
      }
      text = text.replace(find, () => replace);
    }
    // What the copy imports from elsewhere stays one and the same with what the tests import.
    const imports = text.replaceAll('from "../', `from "file://${ROOT}src/`);
    Deno.writeTextFileSync(`${folder}/${name}`, imports);
  }
}

/** Imports the modules of a copy. */
export async function importLease(folder: string): Promise<LeaseModules> {
  const module = (name: string) => import(`file://${folder}/${name}.ts`);
  return {
    apply: await module("apply"),
    clock: await module("clock"),
    leases: await module("leases"),
    record: await module("record"),
  };
}

/** The lease with changes, in this process. */
export async function patchedLease(patches: readonly Patch[]): Promise<LeaseModules> {
  using temp = new TempFolder();
  writePatched(temp.path, patches);
  return await importLease(temp.path);
}

import { join } from "@std/path";

/** All files and links below a folder, sorted, by their path in it; none where there is no folder. */
export function listing(folder: string, within = ""): string[] {
  let entries: Deno.DirEntry[];
  try {
    entries = [...Deno.readDirSync(join(folder, within))];
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
  return entries.flatMap(({ name, isDirectory }) => {
    const path = within === "" ? name : `${within}/${name}`;
    return isDirectory ? listing(folder, path) : [path];
  }).sort();
}

/** Every file below a folder with its content, mode and time: two are equal if nothing was written. */
export function snapshot(folder: string): Record<string, string> {
  return Object.fromEntries(
    listing(folder).map((name) => {
      const path = join(folder, name);
      const { mode, mtime, ino, isSymlink } = Deno.lstatSync(path);
      const content = isSymlink ? Deno.readLinkSync(path) : Deno.readTextFileSync(path);
      return [name, `${mode} ${mtime?.getTime()} ${ino} ${content}`];
    }),
  );
}

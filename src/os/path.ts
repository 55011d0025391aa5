import { isAbsolute, join } from "@std/path";

/** An absolute path; a relative one starts at the folder, `~` is the user's home. */
export function resolveFrom(folder: string, path: string): string {
  const home = Deno.env.get("HOME") || Deno.env.get("USERPROFILE");
  const expanded = home && /^~(?=$|[/\\])/.test(path) ? home + path.slice(1) : path;
  return isAbsolute(expanded) ? expanded : join(folder, expanded);
}

import { basename, join } from "../../os/path.ts";
import { withFile } from "../../os/io_error.ts";
import type { Matcher } from "../../domain/glob.ts";
import type { Change, Version } from "../adapter.ts";
import { isScopeFile } from "./file_name.ts";
import type { Folder } from "./folder.ts";
import { HEADER_BYTES, parseScope, readHeader } from "./scope_file.ts";

/** The versions that a file's keys had when it was last read. */
interface Seen {
  readonly scope: string;
  readonly versions: ReadonlyMap<string, Version>;
}

/**
 * Reports the changes of keys, whichever process makes them: each notice about a file makes us read
 * it and compare versions, so that a lost, doubled or late notice does no harm.
 */
export function watchFolder(
  folder: Folder,
  matches: Matcher,
  stop: AbortSignal,
  onUnreadable: (error: unknown) => void,
): AsyncIterable<Change> {
  const notices = withFile(
    "watch",
    folder.path,
    () => Deno.watchFs(folder.path, { recursive: false }),
  );
  const end = () => notices.close();
  if (stop.aborted) end();
  else stop.addEventListener("abort", end, { once: true });

  const look = (name: string): Seen | null => {
    try {
      const text = folder.read(name);
      if (text === null) return null;
      const header = readHeader(text.slice(0, HEADER_BYTES), 0);
      if (header && !matches(header.scope)) return null;
      const { scope, records } = parseScope(text, join(folder.path, name));
      if (!matches(scope)) return null;
      const entries = [...records].flatMap(([key, { entry }]) =>
        entry ? [[key, entry.version] as const] : []
      );
      return { scope, versions: new Map(entries) };
    } catch (error) {
      onUnreadable(error);
      return seen.get(name) ?? null; // report no deletion of what only cannot be read
    }
  };
  const seen = new Map<string, Seen>();
  const update = (name: string): Change[] => {
    const before = seen.get(name) ?? null;
    const after = look(name);
    if (after) seen.set(name, after);
    else seen.delete(name);
    return before && after && before.scope !== after.scope
      ? [...compare(before, null), ...compare(null, after)]
      : compare(before, after);
  };
  for (const name of folder.scopeFiles()) update(name);

  return (async function* () {
    try {
      for await (const notice of notices) {
        const names = notice.flag === "rescan"
          ? new Set([...seen.keys(), ...folder.scopeFiles()])
          : new Set(notice.paths.map((path) => basename(path)).filter(isScopeFile));
        for (const name of names) yield* update(name);
      }
    } finally {
      stop.removeEventListener("abort", end);
      if (!stop.aborted) end();
    }
  })();
}

function compare(before: Seen | null, after: Seen | null): Change[] {
  const scope = (after ?? before)?.scope;
  if (scope === undefined) return [];
  const changes: Change[] = [];
  for (const [key, version] of after?.versions ?? []) {
    if (before?.versions.get(key) !== version) changes.push({ scope, key, version });
  }
  for (const key of before?.versions.keys() ?? []) {
    if (!after?.versions.has(key)) changes.push({ scope, key, version: null });
  }
  return changes;
}

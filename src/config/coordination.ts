/**
 * The schema of the section `coordination`.
 *
 * @module
 */

import { z } from "zod";
import { didYouMean } from "../domain/did_you_mean.ts";
import { DEFAULT_CONFIG, NOTIFICATION_TYPES } from "./defaults.ts";
import type { WorkArea } from "./types.ts";

/** How many heartbeats a session may miss before it counts as silent. */
const MISSED_HEARTBEATS = 3;
const DAY_S = 24 * 3600;

/** What a hook has to match against each path stays small, whoever wrote the file. */
const MAX_GLOBS = 500;
const MAX_GLOB_CHARS = 200;
const MAX_STARS = 8;

const { coordination: defaults } = DEFAULT_CONFIG;

function seconds(most: number, least = 1) {
  const error = `must be whole seconds from ${least} to ${most}`;
  return z.int({ error }).min(least, { error }).max(most, { error });
}

function oneOf<Word extends string>(words: readonly Word[]) {
  return z.enum(words, {
    error: ({ input }) => {
      const guess = typeof input === "string" ? didYouMean(input, words) : "";
      return `expected one of ${words.map((word) => `"${word}"`).join("|")}${
        guess && ` (${guess})`
      }`;
    },
  });
}

const name = z.string().trim().min(1).max(100);

/** What is wrong with a glob, or null. */
function globFault(glob: string): string | null {
  // deno-lint-ignore no-control-regex
  if (/^\s*$|[\u0000-\u001f\u007f]/.test(glob)) return "a glob is a line of text";
  if (glob.length > MAX_GLOB_CHARS) return `a glob has at most ${MAX_GLOB_CHARS} characters`;
  if (glob.split("*").length > MAX_STARS + 1) return `a glob has at most ${MAX_STARS} '*'`;
  if (glob.includes("\\")) return "a glob separates folders by '/', not by '\\'";
  return null;
}

function globSchema(isRefused: (glob: string) => string | null) {
  return z.string().normalize("NFC").superRefine((glob, context) => {
    const message = globFault(glob) ?? isRefused(glob);
    if (message) context.addIssue({ code: "custom", message });
  });
}

const glob = globSchema((text) =>
  text.startsWith("!")
    ? "a glob cannot start with '!': list in 'critical_files' what is not ignored"
    : null
);

const areaGlob = globSchema((text) => /^!+$/.test(text) ? "there is no glob behind '!'" : null);

const globs = z.array(glob).max(MAX_GLOBS);

const workArea = z.strictObject({
  files: z.array(areaGlob).max(MAX_GLOBS).default([]),
  dependencies: z.array(name).max(MAX_GLOBS).default([]),
});

/** The section `coordination`. */
export const coordination = z.strictObject({
  auto_register: z.boolean().default(defaults.auto_register).describe(
    "Whether a session registers itself at its start.",
  ),
  session_timeout: seconds(30 * DAY_S, MISSED_HEARTBEATS).default(defaults.session_timeout)
    .describe(
      "After how many seconds of silence a session is stale: what it holds may then be taken over where nothing proves that it lives. Until then it is active, for five minutes, and idle; after a day without a sign it is abandoned.",
    ),
  heartbeat_interval: seconds(DAY_S).default(defaults.heartbeat_interval).describe(
    "How often a session's server gives a sign of life, in seconds; at most a third of `session_timeout`. On a store on the network that is always every 5 s, as other machines go by it alone.",
  ),
  enable_file_locks: z.boolean().default(defaults.enable_file_locks).describe(
    "Whether edits are guarded and files reserved at all.",
  ),
  lock_timeout: seconds(DAY_S).default(defaults.lock_timeout).describe(
    "How long a reservation lasts without activity, in seconds, for files that no glob of `timeouts` names.",
  ),
  named_lock_timeout: seconds(DAY_S).default(defaults.named_lock_timeout).describe(
    "How long a named lock is held where its taker says nothing, in seconds.",
  ),
  conflict_action: oneOf(["block", "warn", "proceed"]).default(defaults.conflict_action).describe(
    "What happens to an edit of a file that another session holds: it is denied, it happens with a warning, or nothing is said.",
  ),
  show_notifications: z.boolean().default(defaults.show_notifications).describe(
    "Whether a session is told what others do: that they start, end, or wait for what it holds. Its turn, and what happens to its own work, it is told in any case.",
  ),
  notification_types: z.array(oneOf(NOTIFICATION_TYPES)).default([...NOTIFICATION_TYPES]).describe(
    "What a session is told: others that start and end, with its next prompt (`session_start`, `session_complete`); others that wait for what it holds or have changed it (`conflict_detected`); its turn for what it waited for (`lock_acquired`). That something was taken from it, or its sub-agents were denied something, it is told in any case.",
  ),
  kg_context: name.default(defaults.kg_context).describe(
    "The name of the knowledge graph that `session://graph` shows.",
  ),
  kg_location: oneOf(["project", "global"]).default(defaults.kg_location).describe(
    "What that graph says of its location.",
  ),
  auto_cleanup_stale: z.boolean().default(defaults.auto_cleanup_stale).describe(
    "Whether sessions that are proven gone are ended without anybody asking for it: at the start of others, and by their servers. What such a session held is free for whoever needs it in any case; age alone never ends one, `csc cleanup --stale --force` does.",
  ),
  cleanup_interval: seconds(DAY_S).default(defaults.cleanup_interval).describe(
    "How often a server looks for them, and for work logs older than `retention_days`, in seconds.",
  ),
  archive_completed: z.boolean().default(defaults.archive_completed).describe(
    "Whether the work log of a session that ended is kept for `csc history`.",
  ),
  retention_days: z.int().min(0).max(3650).default(defaults.retention_days).describe(
    "For how many days after its last line a work log is kept.",
  ),
  on_store_error: oneOf(["allow", "ask", "deny"]).default(defaults.on_store_error).describe(
    "What happens to an edit while the store cannot be asked.",
  ),
  critical_files: globs.default([...defaults.critical_files]).describe(
    "Files that are guarded although an ignore pattern names them too.",
  ),
  ignore_files: globs.default([...defaults.ignore_files]).describe(
    "Files that block nobody: what is built, downloaded or noted down by tools.",
  ),
  docs_files: globs.default([...defaults.docs_files]).describe("Files that are documentation."),
  timeouts: z.record(glob, seconds(DAY_S))
    .overwrite((said) => ({ ...defaults.timeouts, ...said }))
    .default({ ...defaults.timeouts })
    .describe(
      "Seconds by glob, in place of `lock_timeout`; the most specific glob counts. Merged with the defaults.",
    ),
  work_areas: z.record(name, workArea)
    .superRefine((areas, context) => {
      for (const { path, message } of areaFaults(areas)) {
        context.addIssue({ code: "custom", path, message });
      }
    })
    .default({})
    .describe(
      "Parts of the project by name: `files`, globs of which those with `!` take files out again, and `dependencies`, the areas it builds on.",
    ),
  priority_rules: z.record(name, z.int().min(0).max(1000))
    .overwrite((said) => ({ ...defaults.priority_rules, ...said }))
    .default({ ...defaults.priority_rules })
    .describe(
      "Which work goes first, by a word in its description; more is more urgent. Merged with the defaults.",
    ),
  multi_project: z.boolean().default(defaults.multi_project).describe(
    "Whether `csc status` and the start of a session also show who is at work in the other projects on the same store. Locks and files stay a matter of each project.",
  ),
  claim_prefix: name.max(20).default(defaults.claim_prefix).describe(
    "What stands in front of an issue's number where it is claimed, such as `NHL`; \"auto\" derives it from the repository's name.",
  ),
}).refine(
  (value) => value.session_timeout >= MISSED_HEARTBEATS * value.heartbeat_interval,
  {
    path: ["session_timeout"],
    error: `must be at least ${MISSED_HEARTBEATS} times 'heartbeat_interval'`,
  },
);

/** Dependencies that lead nowhere or in a circle. */
function areaFaults(
  areas: { readonly [name: string]: WorkArea },
): { path: (string | number)[]; message: string }[] {
  return Object.entries(areas).flatMap(([area, { dependencies }]) =>
    dependencies.flatMap((dependency, i) => {
      const path = [area, "dependencies", i];
      if (!Object.hasOwn(areas, dependency)) {
        return [{ path, message: `there is no work area '${dependency}'` }];
      }
      const circle = way(areas, dependency, area);
      return circle
        ? [{ path, message: `it depends on itself: ${[area, ...circle].join(" -> ")}` }]
        : [];
    })
  );
}

/** The areas on the way from one to another along the dependencies, or null. */
function way(
  areas: { readonly [name: string]: WorkArea },
  from: string,
  to: string,
  seen: Set<string> = new Set(),
): string[] | null {
  if (from === to) return [from];
  if (seen.has(from) || !Object.hasOwn(areas, from)) return null;
  seen.add(from);
  for (const next of areas[from].dependencies) {
    const rest = way(areas, next, to, seen);
    if (rest) return [from, ...rest];
  }
  return null;
}

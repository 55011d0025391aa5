import { z } from "zod";
import { LOCK_TTL_S, Locks, type LockView } from "../../coordination/locks.ts";
import type { Workspace } from "../../coordinator/workspace.ts";
import { CoordinatorError } from "../../domain/error.ts";
import type { Json } from "../../domain/json.ts";
import { headOf } from "../../detect/head.ts";
import { lockName } from "../../lease/lock_name.ts";
import { holderKey, isSame } from "../../lease/record.ts";
import { defineTool } from "../tool.ts";

const name = z.string().optional().describe(
  "issue:42, wave:5c.1, deploy; work: what the branch is about",
);
/** The names that seed 004's code has for the same arguments. */
const lock_name = z.string().optional();
const seconds = z.int().min(LOCK_TTL_S.least).max(LOCK_TTL_S.most).optional();

const held = {
  held_by: z.string().nullable().optional().describe("The holder's session_id"),
  holder: z.string().nullable().optional().describe("The holder as people know it"),
  worktree: z.string().nullable().optional(),
  acquired_at: z.string().nullable().optional(),
  expires_at: z.string().nullable().optional(),
};

/** Seed 004's `acquire_lock`. */
export const acquireLock = defineTool({
  name: "acquire_lock",
  title: "Acquire lock",
  description:
    "Lock a name for all sessions of the project, on all machines; again extends it. Ends after timeout seconds (300) or with your session. success is false if another holds it.",
  input: z.strictObject({ name, timeout: seconds, lock_name, timeout_seconds: seconds }),
  output: z.object({
    success: z.boolean(),
    lock_name: z.string(),
    key: z.string().optional(),
    extended: z.boolean().optional(),
    token: z.number().optional().describe("Fencing token: higher for every grant"),
    warning: z.string().optional(),
    reason: z.string().optional(),
    ...held,
  }),
  annotations: {
    readOnlyHint: false,
    destructiveHint: false,
    idempotentHint: true,
    openWorldHint: false,
  },
  async run(args, workspace, call) {
    const full = fullName(args, workspace);
    const { named_lock_timeout } = workspace.desk.config.coordination;
    const ttlS = args.timeout ?? args.timeout_seconds ?? named_lock_timeout;
    const holder = await workspace.member.holder(call.id);
    const { outcome, lock, warning } = await new Locks(workspace.desk).acquire(full, holder, ttlS);
    if (!outcome.ok) {
      return { result: { success: false, lock_name: full, reason: "lock_held", ...about(lock) } };
    }
    return {
      result: {
        success: true,
        lock_name: full,
        ...(outcome.extended ? { extended: true } : { key: `claude:locks:${full}` }),
        expires_at: lock?.expiresAt ?? null,
        token: outcome.record.token,
        ...(warning !== null && { warning }),
      },
    };
  },
});

/** Seed 004's `release_lock`. */
export const releaseLock = defineTool({
  name: "release_lock",
  title: "Release lock",
  description: "Give a lock of yours back.",
  input: z.strictObject({ name, lock_name }),
  output: z.object({
    success: z.boolean(),
    lock_name: z.string(),
    reason: z.string().optional(),
    held_by: held.held_by,
  }),
  annotations: {
    readOnlyHint: false,
    destructiveHint: false,
    idempotentHint: true,
    openWorldHint: false,
  },
  async run(args, workspace, call) {
    const full = fullName(args, workspace);
    const holder = await workspace.member.holder(call.id);
    const { outcome, lock } = await new Locks(workspace.desk).release(full, holder);
    if (outcome.ok) return { result: { success: true, lock_name: full } };
    const why: { [key: string]: Json } = lock
      ? { reason: "not_owner", held_by: holderKey(lock.holder) }
      : { reason: "lock_not_found" };
    return { result: { success: false, lock_name: full, ...why } };
  },
});

/** Seed 004's `check_lock`. */
export const checkLock = defineTool({
  name: "check_lock",
  title: "Check lock",
  description: "Whether a lock is free, and who holds it.",
  input: z.strictObject({ name, lock_name }),
  output: z.object({
    available: z.boolean(),
    lock_name: z.string(),
    is_mine: z.boolean(),
    ...held,
  }),
  annotations: { readOnlyHint: true, openWorldHint: false },
  async run(args, workspace, call) {
    const full = fullName(args, workspace);
    const lock = await new Locks(workspace.desk).check(full);
    const me = await workspace.member.currentHolder(call.id);
    return {
      result: {
        available: lock === null,
        lock_name: full,
        is_mine: isSame(me, lock?.holder ?? null),
        ...about(lock),
      },
    };
  },
});

/** Seed 004's `list_locks`. */
export const listLocks = defineTool({
  name: "list_locks",
  title: "List locks",
  description: "The locks that are held now.",
  input: z.strictObject({ pattern: z.string().optional().describe("Glob") }),
  output: z.object({
    count: z.number(),
    pattern: z.string(),
    locks: z.array(z.object({ name: z.string(), is_mine: z.boolean(), ...held })),
  }),
  annotations: { readOnlyHint: true, openWorldHint: false },
  async run({ pattern = "*" }, { desk, member }, call) {
    const me = await member.currentHolder(call.id);
    const locks = (await new Locks(desk).list(pattern)).map((lock) => ({
      name: lock.name,
      is_mine: isSame(me, lock.holder),
      ...about(lock),
    }));
    return { result: { count: locks.length, locks, pattern } };
  },
});

function fullName(
  args: { name?: string; lock_name?: string },
  { setting }: Workspace,
): string {
  const given = args.name ?? args.lock_name;
  if (given === undefined) {
    throw new CoordinatorError(
      "invalid_argument",
      "The lock's name is missing",
      "Pass name, such as issue:42, or 'work' for what the current branch is about.",
    );
  }
  const { repository } = setting;
  return lockName(given, repository && headOf(repository).branch);
}

function about(lock: LockView | null): { [key: string]: Json } {
  if (!lock) {
    return { held_by: null, holder: null, worktree: null, acquired_at: null, expires_at: null };
  }
  return {
    held_by: holderKey(lock.holder),
    holder: lock.session?.record.alias ?? lock.holder.session,
    worktree: lock.session?.record.worktree ?? null,
    acquired_at: lock.record.acquired_at,
    expires_at: lock.expiresAt,
  };
}

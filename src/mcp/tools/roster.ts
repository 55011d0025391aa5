import { z } from "zod";
import { isObject, type Json } from "../../domain/json.ts";
import { userStateFolder } from "../../os/log.ts";
import type { SeenSession } from "../../roster/roster.ts";
import type { Tier } from "../../roster/standing.ts";
import type { StorageAdapter } from "../../storage/adapter.ts";
import { VERSION } from "../../version.ts";
import { defineTool } from "../tool.ts";

/** Seed 004's `register_session`. */
export const registerSession = defineTool({
  name: "register_session",
  title: "Register session",
  description:
    "Tell the other sessions what you do; they are offered other work, and see how long to wait for you.",
  input: z.strictObject({
    metadata: z.looseObject({}).optional().describe(
      "intent, work_area, depends_on, percent_done, capacity",
    ),
  }),
  output: z.object({
    success: z.boolean(),
    session_id: z.string(),
    registered_at: z.string(),
    alias: z.string(),
  }),
  annotations: {
    readOnlyHint: false,
    destructiveHint: false,
    idempotentHint: true,
    openWorldHint: false,
  },
  async run({ metadata }, { desk, member }) {
    const { session } = await member.session();
    const told = isObject(metadata as Json) ? metadata as { [key: string]: Json } : {};
    const record = await desk.roster.beat(session, { last_activity: new Date().toISOString() });
    const updated = await desk.roster.update(session, (before) => ({
      metadata: merged(before.metadata, told),
    })) ?? record!;
    return {
      result: {
        success: true,
        session_id: session,
        registered_at: updated.started_at,
        alias: updated.alias,
      },
    };
  },
});

/** What is told anew replaces what was told before; null takes it back. Estimates need the time. */
function merged(before: { readonly [key: string]: Json }, told: { [key: string]: Json }) {
  const at = new Date().toISOString();
  const times = {
    ...("intent" in told && { intent_at: at }),
    ...("percent_done" in told && { progress_at: at }),
  };
  const all = Object.entries({ ...before, ...told, ...times });
  return Object.fromEntries(all.filter(([, value]) => value !== null));
}

/** Seed 004's `heartbeat`. */
export const heartbeat = defineTool({
  name: "heartbeat",
  title: "Heartbeat",
  description: "Show that you are active. Not needed while this server runs.",
  input: z.strictObject({}),
  output: z.object({ success: z.boolean(), session_id: z.string(), timestamp: z.string() }),
  annotations: {
    readOnlyHint: false,
    destructiveHint: false,
    idempotentHint: true,
    openWorldHint: false,
  },
  async run(_args, { desk, member }) {
    const { session } = await member.session();
    const timestamp = new Date().toISOString();
    await desk.roster.beat(session, { last_activity: timestamp });
    return { result: { success: true, session_id: session, timestamp } };
  },
});

const ICONS: Readonly<Record<Tier, string>> = {
  active: "🟢",
  idle: "🟡",
  stale: "🟠",
  abandoned: "⚫",
};

/** Seed 004's `session_status`. */
export const sessionStatus = defineTool({
  name: "session_status",
  title: "Session status",
  description: "All sessions of the project, what they do, and how long ago they gave a sign.",
  input: z.strictObject({}),
  output: z.object({
    my_session: z.string().nullable(),
    session_count: z.number(),
    sessions: z.array(z.object({
      session_id: z.string(),
      alias: z.string(),
      is_me: z.boolean(),
      status: z.string(),
      status_icon: z.string(),
      worktree: z.string(),
      branch: z.string().nullable(),
      host: z.string(),
      started_at: z.string(),
      heartbeat_age_seconds: z.number(),
      metadata: z.looseObject({}),
    })),
  }),
  annotations: { readOnlyHint: true, openWorldHint: false },
  async run(_args, { desk, member }) {
    const me = await member.current();
    const live = (await desk.roster.list()).filter(({ standing }) => standing !== "dead");
    const sessions = live.map((one) => rowOf(one, me));
    return { result: { my_session: me, session_count: sessions.length, sessions } };
  },
});

function rowOf({ record, tier, quietS }: SeenSession, me: string | null): Json {
  return {
    session_id: record.session,
    alias: record.alias,
    is_me: record.session === me,
    status: tier,
    status_icon: ICONS[tier],
    worktree: record.worktree,
    branch: record.branch,
    host: record.host,
    started_at: record.started_at,
    heartbeat_age_seconds: quietS,
    metadata: record.metadata,
  };
}

/** Seed 004's `health_check`. */
export const healthCheck = defineTool({
  name: "health_check",
  title: "Health check",
  description: "Whether the store answers.",
  input: z.strictObject({}),
  output: z.object({
    server: z.string(),
    version: z.string(),
    port: z.number().nullable(),
    session_id: z.string().nullable(),
    store: z.object({
      adapter: z.string(),
      connected: z.boolean(),
      location: z.string(),
      latency_ms: z.number().optional(),
      error: z.string().optional(),
    }),
    redis: z.object({
      connected: z.boolean(),
      redis_version: z.string().optional(),
      uptime_seconds: z.number().optional(),
      error: z.string().optional(),
    }),
    state_folder: z.string().nullable(),
  }),
  annotations: { readOnlyHint: true, openWorldHint: false },
  async run(_args, { desk, member, setting, port }) {
    const { adapter } = setting.loaded.config.storage;
    const startedAt = performance.now();
    const failure = await desk.store.retrieve(desk.scopes.book, "floor").then(() => null, String);
    const store = {
      adapter,
      connected: failure === null,
      location: desk.store.place.location,
      ...(failure === null
        ? { latency_ms: Math.round((performance.now() - startedAt) * 100) / 100 }
        : { error: failure }),
    };
    return {
      result: {
        server: failure === null ? "healthy" : "degraded",
        version: VERSION,
        port,
        session_id: failure === null ? await member.current() : null,
        store,
        redis: await redisHealth(desk.store, adapter, failure),
        state_folder: userStateFolder(),
      },
    };
  },
});

/** Seed 004 has one store, and this is what it says of that. */
async function redisHealth(
  store: StorageAdapter,
  adapter: string,
  failure: string | null,
): Promise<{ [key: string]: Json }> {
  if (adapter !== "redis") {
    return { connected: false, error: `not used: the store is '${adapter}'` };
  }
  if (failure !== null) return { connected: false, error: failure };
  // Its user need not have the right to ask.
  const info = await store.serverInfo?.().catch(() => null);
  return {
    connected: true,
    ...(info && { redis_version: info.version, uptime_seconds: info.uptimeS }),
  };
}

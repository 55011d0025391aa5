/** A project with sessions at work, as suggestions and the knowledge graph see it. */

import { dirname, join } from "@std/path";
import { DEFAULT_CONFIG } from "../../src/config/defaults.ts";
import type { Json } from "../../src/domain/json.ts";
import type { LeaseRecord } from "../../src/lease/record.ts";
import type { SeenSession } from "../../src/roster/roster.ts";
import type { SessionRecord } from "../../src/roster/session_record.ts";
import type { Version } from "../../src/storage/adapter.ts";
import type { Reservation, WorkView } from "../../src/work/view.ts";

/** The moment of every scene. */
export const NOW_MS: number = Date.parse("2025-11-07T10:30:00.000Z");

/** ISO time of a moment some seconds before the scene's. */
export function ago(seconds: number): string {
  return new Date(NOW_MS - seconds * 1000).toISOString();
}

interface SessionDetails extends Partial<Omit<SessionRecord, "metadata">> {
  readonly metadata?: { readonly [key: string]: Json };
  readonly standing?: SeenSession["standing"];
  readonly tier?: SeenSession["tier"];
  readonly quietS?: number;
}

interface HoldDetails {
  readonly leftS?: number;
  readonly purpose?: string;
  readonly heldS?: number;
  readonly agent?: string;
  readonly tree?: string;
  /** Aliases of sessions that wait. */
  readonly waiting?: readonly string[];
}

/** Sessions and what they hold; each alias is also the session's id, behind `id-of-`. */
export class Scene {
  readonly tree: string;
  readonly sessions: SeenSession[] = [];
  readonly reservations: Reservation[] = [];

  constructor(tree: string) {
    this.tree = tree;
  }

  /** Makes files, with the folders that they are in. */
  write(...paths: readonly string[]): this {
    for (const path of paths) {
      const absolute = join(this.tree, path);
      Deno.mkdirSync(dirname(absolute), { recursive: true });
      Deno.writeTextFileSync(absolute, "");
    }
    return this;
  }

  /** Adds a session. */
  session(alias: string, details: SessionDetails = {}): this {
    const { metadata = {}, standing = "live", tier = "active", quietS = 0, ...rest } = details;
    const number = 100 + this.sessions.length;
    const record: SessionRecord = {
      v: 1,
      session: `id-of-${alias}`,
      name: `Session_host_${number}_20251107`,
      alias,
      host: "host",
      machine: "machine",
      client_pid: number,
      worktree: this.tree,
      branch: "main",
      head: null,
      status: "active",
      started_at: ago(600),
      ended_at: null,
      life: null,
      heartbeat: { at: ago(quietS), uptime_s: 1000 },
      last_activity: ago(quietS),
      metadata,
      seen_until: ago(0),
      ...rest,
    };
    const seen = { version: "1" as Version, isHere: true, isInSight: true };
    this.sessions.push({ record, ...seen, standing, tier, quietS });
    return this;
  }

  /** Lets a session hold a file. */
  hold(alias: string, path: string, details: HoldDetails = {}): this {
    const { leftS = 3600, tree = this.tree } = details;
    this.reservations.push({ tree, path, record: lease(alias, details), secondsLeft: leftS });
    return this;
  }

  /** The scene, seen by a session. */
  view(me: string | null, changes: Partial<WorkView> = {}): WorkView {
    const { work_areas, priority_rules, docs_files } = DEFAULT_CONFIG.coordination;
    return {
      tree: this.tree,
      me: me && `id-of-${me}`,
      sessions: [...this.sessions],
      reservations: [...this.reservations],
      areas: work_areas,
      priorities: priority_rules,
      docs: docs_files,
      nowMs: NOW_MS,
      ...changes,
    };
  }
}

/** The lease of a session. */
export function lease(alias: string, details: HoldDetails = {}): LeaseRecord {
  const { leftS = 3600, heldS = 60, agent, purpose = "", waiting = [] } = details;
  return {
    v: 1,
    holder: agent === undefined
      ? { session: `id-of-${alias}` }
      : { session: `id-of-${alias}`, agent },
    token: 7,
    clock: "uptime",
    renewed_s: 1000,
    ttl_s: leftS,
    purpose,
    detail: null,
    acquired_at: ago(heldS),
    renewed_at: ago(0),
    offered: false,
    busy_s: null,
    uses: 1,
    lent_by: null,
    waiters: waiting.map((one) => ({
      holder: { session: `id-of-${one}` },
      ttl_s: 3600,
      turn_s: 120,
      until_s: 3000,
      purpose: "",
      detail: null,
      since: ago(10),
    })),
    ended: null,
    request: "r",
  };
}

/**
 * What is going on in a project, seen from one working tree: what suggestions are computed from.
 *
 * @module
 */

import { DEFAULT_CONFIG } from "../config/defaults.ts";
import type { CoordinationConfig } from "../config/types.ts";
import { printable, shorten } from "../domain/text.ts";
import type { LeaseRecord } from "../lease/record.ts";
import { join } from "../os/path.ts";
import type { SeenSession } from "../roster/roster.ts";
import { isLongSilent } from "../roster/standing.ts";

/** What the configuration says about who works where. */
export type WorkConfig = Pick<
  CoordinationConfig,
  "work_areas" | "priority_rules" | "docs_files" | "ignore_files"
>;

/** A file that somebody holds. */
export interface Reservation {
  /** The working tree's real path. */
  readonly tree: string;
  /** The path in it, with `/`. */
  readonly path: string;
  readonly record: LeaseRecord;
  /** 0 where its time is over. */
  readonly secondsLeft: number;
}

/** What is going on. A view is a moment: what is found out about it is kept with it. */
export interface WorkView {
  /** The working tree from which is looked. */
  readonly tree: string;
  /** The id of the session that looks, or null where none does. */
  readonly me: string | null;
  readonly sessions: readonly SeenSession[];
  readonly reservations: readonly Reservation[];
  readonly areas: WorkConfig["work_areas"];
  readonly priorities: WorkConfig["priority_rules"];
  /** Globs of documentation. */
  readonly docs: readonly string[];
  /** Globs of what is nobody's work; by default those of the configuration. */
  readonly ignored?: readonly string[];
  readonly nowMs: number;
}

/** The sessions beside one's own that are at work: neither ended nor long silent. */
export function colleagues(view: WorkView): SeenSession[] {
  return view.sessions.filter((seen) =>
    seen.record.session !== view.me && seen.standing !== "dead" && !isLongSilent(seen)
  );
}

/** The session that looks, or null. */
export function ownSession(view: WorkView): SeenSession | null {
  return view.sessions.find(({ record }) => record.session === view.me) ?? null;
}

/** A reservation in force, with its holder's session. */
export interface Held {
  readonly session: string;
  readonly held: Reservation;
}

const inForce = new WeakMap<WorkView, Map<string, Held[]>>();

/** The reservations that are in force. */
export function heldFiles(view: WorkView): Held[] {
  return [...heldBySession(view).values()].flat();
}

/** What a session and its sub-agents hold. */
export function filesHeldBy(view: WorkView, session: string): Reservation[] {
  return (heldBySession(view).get(session) ?? []).map(({ held }) => held);
}

function heldBySession(view: WorkView): Map<string, Held[]> {
  let bySession = inForce.get(view);
  if (!bySession) {
    const held = view.reservations.flatMap((held): Held[] =>
      held.record.holder && held.secondsLeft > 0
        ? [{ session: held.record.holder.session, held }]
        : []
    );
    inForce.set(view, bySession = Map.groupBy(held, ({ session }) => session));
  }
  return bySession;
}

const MAX_ALIAS = 80;

/** What a session is called, also where the roster does not know it. */
export function aliasOf(view: WorkView, session: string): string {
  const known = view.sessions.find(({ record }) => record.session === session);
  const alias = known?.record.alias ?? `session ${session.slice(0, 8)}`;
  return shorten(printable(alias), MAX_ALIAS);
}

/** Globs of what is nobody's work. */
export function ignoredGlobs(view: WorkView): readonly string[] {
  return view.ignored ?? DEFAULT_CONFIG.coordination.ignore_files;
}

/** The absolute path of a file. */
export function absolutePath({ tree, path }: Pick<Reservation, "tree" | "path">): string {
  return join(tree, path);
}

/** A text as it is compared: file systems that fold case, and composed Unicode, make no difference. */
export function fold(text: string): string {
  return text.normalize("NFC").toLowerCase();
}

const taken = new WeakMap<WorkView, ReadonlySet<string>>();

/**
 * Whether somebody has a path, in whatever working tree: the same file changed in two of them is a
 * conflict when they are merged. What one's session holds itself is not taken from it; what one of its
 * sub-agents holds is.
 */
export function isTaken(view: WorkView, path: string): boolean {
  let paths = taken.get(view);
  if (!paths) {
    const others = heldFiles(view).filter(({ session, held }) =>
      session !== view.me || held.record.holder?.agent !== undefined
    );
    taken.set(view, paths = new Set(others.map(({ held }) => fold(held.path))));
  }
  return paths.has(fold(path));
}

/**
 * Which files hold a session's journal: one while it lives, and one for each time it ended.
 *
 * @module
 */

const SUFFIX = ".jsonl";

/**
 * Session ids as clients make them are file names; of one case, since a file system may fold it, and
 * longer than the names that Windows keeps for devices.
 */
const PLAIN = /^[0-9a-z][0-9a-z_-]{7,63}$/;

/** The start of the names of a session's files. */
export function stemOf(session: string): string {
  return PLAIN.test(session) ? session : `~${fingerprint(session)}`;
}

/** The file of a session that goes on. */
export function liveName(session: string): string {
  return stemOf(session) + SUFFIX;
}

/** The file of a session that ended now; a session that is resumed may end more than once. */
export function archivedName(session: string, nowMs: number, count: number): string {
  return `${stemOf(session)}@${nowMs}-${String(count).padStart(3, "0")}${SUFFIX}`;
}

/** The stem in a file's name, or null where the file is no journal. */
export function stemIn(name: string): string | null {
  if (!name.endsWith(SUFFIX)) return null;
  const stem = name.slice(0, -SUFFIX.length).split("@")[0];
  return PLAIN.test(stem) || /^~[0-9a-f]{16}$/.test(stem) ? stem : null;
}

/** The session that a stem names by itself, or null where only the lines in the file tell it. */
export function sessionOfStem(stem: string): string | null {
  return stem.startsWith("~") ? null : stem;
}

/**
 * 64 bits of a text, without waiting as `crypto.subtle` would. Two sessions with the same ones would
 * share a file and still be told apart, since each line names its session.
 */
function fingerprint(text: string): string {
  let [high, low] = [0x811c9dc5, 0x9747b28c];
  for (const byte of new TextEncoder().encode(text)) {
    high = Math.imul(high ^ byte, 0x01000193);
    low = Math.imul(low ^ byte, 0x85ebca6b) ^ (low >>> 13);
  }
  return [high, low].map((half) => (half >>> 0).toString(16).padStart(8, "0")).join("");
}

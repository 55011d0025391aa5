/**
 * PostgreSQL's channel of changes: LISTEN on a connection beside the pool's.
 *
 * @module
 */

import type { Matcher } from "../../domain/glob.ts";
import type { Change, Version } from "../adapter.ts";
import type { Channel, Listener } from "../channel_watches.ts";
import type { Versions } from "../known_versions.ts";
import type { Place } from "./fault.ts";
import type { Link } from "./link.ts";
import { splitTexts, unescapeText } from "./names.ts";
import type { Pool } from "./pool.ts";
import { channelOf } from "./schema_sql.ts";

/** The channel of one schema. */
export class PostgresChannel implements Channel {
  readonly #pool: Pool;
  readonly #place: Place;

  constructor(pool: Pool, place: Place) {
    this.#pool = pool;
    this.#place = place;
  }

  /** A pooler that hands out connections by transaction carries no notices. */
  get isLossy(): boolean {
    return !this.#place.address.prepare;
  }

  async listen(tell: (change: Change) => void, until: number): Promise<Listener> {
    const link = await this.#pool.connect(until, (payload) => tell(parseChange(payload)));
    try {
      await link.run(`LISTEN "${channelOf(this.#place.schema)}"`, [], until);
    } catch (error) {
      link.destroy();
      throw error;
    }
    return new LinkListener(link);
  }

  /** All versions that there are, also of entries whose time is up: expiry is not reported. */
  async look(matches: Matcher, until: number): Promise<Versions> {
    const text =
      `SELECT coalesce(long_scope, scope) AS scope, coalesce(long_key, key) AS key, version
      FROM "${this.#place.schema}".entry WHERE version IS NOT NULL`;
    const rows = await this.#pool.use(until, (link) => link.run(text, [], until));
    const found = new Map<string, Map<string, Version>>();
    for (const row of rows) {
      const scope = unescapeText(row.scope as string);
      if (!matches(scope)) continue;
      const versions = found.get(scope) ?? new Map<string, Version>();
      found.set(scope, versions.set(unescapeText(row.key as string), row.version as Version));
    }
    return found;
  }

  doubt(): void {
    this.#pool.dropIdle();
  }
}

/** A link that listens. */
class LinkListener implements Listener {
  readonly ended: Promise<void>;
  readonly #link: Link;

  constructor(link: Link) {
    this.#link = link;
    this.ended = link.ended;
  }

  get isOpen(): boolean {
    return this.#link.isOpen;
  }

  ping(until: number): Promise<unknown> {
    return this.#link.run("SELECT 1", [], until);
  }

  end(): Promise<void> {
    return this.#link.close();
  }
}

function parseChange(payload: string): Change {
  const [version, scope = "", key = ""] = splitTexts(payload);
  return { scope, key, version: (version || null) as Version | null };
}

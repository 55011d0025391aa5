/**
 * What the store keeps in its database: one table of keys, one row that tells the format, and a function
 * for each kind of write. A function is one statement for the client, so that a decision and its write are
 * one step, however slow or short-lived the client is.
 *
 * @module
 */

import { VERSION } from "../../version.ts";
import { SCHEMA_VERSION } from "../schema.ts";

/** The channel on which the changes of a schema are told. */
export function channelOf(schema: string): string {
  return `csc:${schema}`;
}

/**
 * SQL that makes the schema with all that it holds, in one transaction. Several clients may run it at once:
 * they take turns, and whoever comes later finds it done. A newer format is left as it is.
 *
 * @param schema Its name: letters, digits and `_` only.
 */
export function schemaSql(schema: string): string {
  return `
DO $csc$
BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended('${channelOf(schema)}', 0));
  IF to_regclass('"${schema}".meta') IS NOT NULL THEN
    RETURN;
  END IF;
  IF current_setting('server_encoding') <> 'UTF8' THEN
    RAISE EXCEPTION USING ERRCODE = '22021', MESSAGE =
      'its encoding is ' || current_setting('server_encoding') || ', and UTF8 is needed';
  END IF;
  IF NOT EXISTS (SELECT FROM pg_namespace WHERE nspname = '${schema}') THEN
    CREATE SCHEMA "${schema}";
  END IF;
  ${tablesSql(schema)}
  ${writeSql(schema)}
  ${incrementSql(schema)}
  ${deleteScopeSql(schema)}
  INSERT INTO "${schema}".meta (format, csc) VALUES (${SCHEMA_VERSION}, '${VERSION}');
END
$csc$`;
}

/** Without a version a row has no entry: it remembers the fence of a key that was deleted. */
function tablesSql(schema: string): string {
  return `
  CREATE TABLE "${schema}".meta (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    format integer NOT NULL,
    csc text NOT NULL
  );
  CREATE TABLE "${schema}".entry (
    scope text COLLATE "C" NOT NULL,
    key text COLLATE "C" NOT NULL,
    long_scope text,
    long_key text,
    version text COLLATE "C",
    value text,
    author text,
    stored_ms bigint,
    expires_ms bigint,
    fence bigint,
    PRIMARY KEY (scope, key)
  ) WITH (fillfactor = 70);
  CREATE INDEX entry_ends ON "${schema}".entry (expires_ms) WHERE expires_ms IS NOT NULL;
  CREATE FUNCTION "${schema}".now_ms() RETURNS bigint LANGUAGE sql VOLATILE AS $sql$
    SELECT floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint
  $sql$;
  CREATE FUNCTION "${schema}".tell(version text, scope text, key text) RETURNS void
  LANGUAGE sql VOLATILE AS $sql$
    SELECT pg_notify('${channelOf(schema)}', concat_ws('\\|', coalesce(version, ''), scope, key))
  $sql$;`;
}

/**
 * Stores a value, or deletes it where the value is null. The row is locked before it is judged, and the
 * clock read after that: who waited for the lock is judged by the time it got it.
 */
function writeSql(schema: string): string {
  return `
  CREATE FUNCTION "${schema}".write(
    p_version text, p_scope text, p_key text, p_long_scope text, p_long_key text,
    p_value text, p_author text, p_ttl_ms bigint,
    p_expected text, p_fence bigint, p_offset_ms bigint,
    OUT request text, OUT r_refused text, OUT r_existed boolean,
    OUT r_version text, OUT r_value text, OUT r_author text,
    OUT r_stored_ms bigint, OUT r_expires_ms bigint, OUT r_fence bigint
  ) LANGUAGE plpgsql VOLATILE AS $fn$
  DECLARE
    e "${schema}".entry;
    v_there boolean;
    v_now bigint;
  BEGIN
    request := p_version;
    LOOP
      SELECT * INTO e FROM "${schema}".entry WHERE scope = p_scope AND key = p_key FOR UPDATE;
      v_there := FOUND;
      v_now := "${schema}".now_ms() + p_offset_ms;
      r_existed := e.version IS NOT NULL AND (e.expires_ms IS NULL OR v_now < e.expires_ms);
      IF e.version = p_version THEN -- this very request, come twice
        r_version := p_version;
        RETURN;
      END IF;
      r_refused := CASE
        WHEN p_fence < e.fence THEN 'fence'
        WHEN p_expected = '' AND r_existed THEN 'version'
        WHEN p_expected <> '' AND NOT (r_existed AND e.version = p_expected) THEN 'version'
      END;
      r_fence := e.fence;
      IF r_refused IS NOT NULL THEN
        IF r_existed THEN
          r_version := e.version;
          r_value := e.value;
          r_author := e.author;
          r_stored_ms := e.stored_ms;
          r_expires_ms := e.expires_ms;
        END IF;
        RETURN;
      END IF;
      r_fence := greatest(e.fence, p_fence);
      EXIT WHEN p_value IS NULL AND e.version IS NULL AND r_fence IS NOT DISTINCT FROM e.fence;
      IF p_value IS NULL AND r_fence IS NULL THEN
        DELETE FROM "${schema}".entry WHERE scope = p_scope AND key = p_key;
      ELSE
        IF p_value IS NOT NULL THEN
          r_version := p_version;
          r_stored_ms := v_now;
          r_expires_ms := v_now + p_ttl_ms;
        END IF;
        IF v_there THEN
          UPDATE "${schema}".entry
          SET version = r_version, value = p_value, author = p_author,
            stored_ms = r_stored_ms, expires_ms = r_expires_ms, fence = r_fence
          WHERE scope = p_scope AND key = p_key;
        ELSE
          INSERT INTO "${schema}".entry
          VALUES (p_scope, p_key, p_long_scope, p_long_key, r_version, p_value, p_author,
            r_stored_ms, r_expires_ms, r_fence)
          ON CONFLICT DO NOTHING;
          -- Somebody else made the row since it was looked for: judge that one.
          CONTINUE WHEN NOT FOUND;
          IF p_ttl_ms IS NOT NULL THEN
            DELETE FROM "${schema}".entry WHERE ctid = ANY (ARRAY(
              SELECT ctid FROM "${schema}".entry
              WHERE expires_ms < v_now - 3600000 AND fence IS NULL
              LIMIT 4 FOR UPDATE SKIP LOCKED
            ));
          END IF;
        END IF;
      END IF;
      IF p_value IS NOT NULL OR e.version IS NOT NULL THEN
        PERFORM "${schema}".tell(r_version, coalesce(p_long_scope, p_scope),
          coalesce(p_long_key, p_key));
      END IF;
      EXIT;
    END LOOP;
  END
  $fn$;`;
}

/** Adds to a number. Where the value or the sum is none, nothing is written and `r_sum` is null. */
function incrementSql(schema: string): string {
  return `
  CREATE FUNCTION "${schema}".increment(
    p_version text, p_scope text, p_key text, p_long_scope text, p_long_key text,
    p_by bigint, p_author text, p_offset_ms bigint,
    OUT request text, OUT r_sum bigint, OUT r_value text
  ) LANGUAGE plpgsql VOLATILE AS $fn$
  DECLARE
    e "${schema}".entry;
    v_there boolean;
    v_now bigint;
    v_live boolean;
  BEGIN
    request := p_version;
    LOOP
      SELECT * INTO e FROM "${schema}".entry WHERE scope = p_scope AND key = p_key FOR UPDATE;
      v_there := FOUND;
      IF e.version = p_version THEN -- this very request, come twice
        r_sum := e.value::bigint;
        RETURN;
      END IF;
      v_now := "${schema}".now_ms() + p_offset_ms;
      v_live := e.version IS NOT NULL AND (e.expires_ms IS NULL OR v_now < e.expires_ms);
      r_value := CASE WHEN v_live THEN e.value ELSE '0' END;
      IF r_value !~ '^-?(0|[1-9][0-9]{0,15})$' THEN
        RETURN;
      END IF;
      r_sum := r_value::bigint + p_by;
      IF abs(r_value::bigint) > 9007199254740991 OR abs(r_sum) > 9007199254740991 THEN
        r_sum := NULL;
        RETURN;
      END IF;
      IF v_there THEN
        UPDATE "${schema}".entry
        SET version = p_version, value = r_sum::text, author = p_author, stored_ms = v_now,
          expires_ms = CASE WHEN v_live THEN e.expires_ms END
        WHERE scope = p_scope AND key = p_key;
      ELSE
        INSERT INTO "${schema}".entry
        VALUES (p_scope, p_key, p_long_scope, p_long_key, p_version, r_sum::text, p_author, v_now)
        ON CONFLICT DO NOTHING;
        CONTINUE WHEN NOT FOUND;
      END IF;
      PERFORM "${schema}".tell(p_version, coalesce(p_long_scope, p_scope),
        coalesce(p_long_key, p_key));
      EXIT;
    END LOOP;
  END
  $fn$;`;
}

/** Removes the entries of a scope, in the order of their keys so that two of these cannot block each other. */
function deleteScopeSql(schema: string): string {
  return `
  CREATE FUNCTION "${schema}".delete_scope(
    p_request text, p_scope text, p_offset_ms bigint,
    OUT request text, OUT r_existed boolean
  ) LANGUAGE plpgsql VOLATILE AS $fn$
  DECLARE
    e "${schema}".entry;
  BEGIN
    request := p_request;
    r_existed := false;
    FOR e IN
      SELECT * FROM "${schema}".entry WHERE scope = p_scope AND version IS NOT NULL
      ORDER BY key FOR UPDATE
    LOOP
      r_existed := r_existed OR e.expires_ms IS NULL
        OR "${schema}".now_ms() + p_offset_ms < e.expires_ms;
      IF e.fence IS NULL THEN
        DELETE FROM "${schema}".entry WHERE scope = e.scope AND key = e.key;
      ELSE
        UPDATE "${schema}".entry
        SET version = NULL, value = NULL, author = NULL, stored_ms = NULL, expires_ms = NULL
        WHERE scope = e.scope AND key = e.key;
      END IF;
      PERFORM "${schema}".tell(NULL, coalesce(e.long_scope, e.scope), coalesce(e.long_key, e.key));
    END LOOP;
  END
  $fn$;`;
}

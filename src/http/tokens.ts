/**
 * Bearer tokens: who may use a server, and for what.
 *
 * A token is 256 random bits, so that its SHA-256 cannot be turned back by trying: what slow hashes
 * such as scrypt do for passwords, which people choose, would only make each request slow.
 *
 * @module
 */

import { CoordinatorError } from "../domain/error.ts";
import { DEFAULT_TENANT } from "../storage/tenant.ts";
import { type StoredToken, TOKEN_SCOPES, TokenFile, type TokenRecord } from "./token_file.ts";
import type { Principal, TokenScope } from "./principal.ts";

export { TOKEN_SCOPES, type TokenRecord } from "./token_file.ts";

/** What a new token is to be. */
export interface TokenWish {
  /** Whom it is for: 1 to 100 printable characters without spaces. */
  readonly user: string;
  /** Whose data it sees: lower-case letters, digits and dashes; {@linkcode DEFAULT_TENANT} without it. */
  readonly tenant?: string;
  /** `read` and `write` without it. */
  readonly scopes?: readonly string[];
  /** Globs of projects and machines that it may name; any without them. */
  readonly projects?: readonly string[];
  readonly machines?: readonly string[];
  /** How long it holds, in seconds; for ever without it. */
  readonly forS?: number;
}

/** A token that was just made: the only time that it is seen. */
export interface NewToken {
  /** The secret. */
  readonly token: string;
  readonly record: TokenRecord;
}

/** What every token begins with, so that people and scanners for secrets know one. */
const PREFIX = "csc_";
const SECRET_BYTES = 32;
const ID_BYTES = 5;
const TOKEN = /^csc_[A-Za-z0-9_-]{43}$/;
const TENANT = /^[a-z0-9][a-z0-9-]{0,62}$/;
/** When it was last used is noted this often: enough to find those that nobody uses. */
const USE_NOTED_MS = 3600_000;

/** The tokens of one file. */
export class Tokens {
  readonly #file: TokenFile;
  readonly #now: () => number;
  #noting: Promise<void> = Promise.resolve();

  /**
   * @param path The file; it is created with the first token.
   * @param now The time of day, in milliseconds since 1970.
   */
  constructor(path: string, now: () => number = Date.now) {
    this.#file = new TokenFile(path);
    this.#now = now;
  }

  /**
   * Who presents a token, or null where it is none of ours, has expired or was revoked, whatever it
   * is. The file is looked at each time, so that a revoked token is refused at once.
   *
   * @throws {CoordinatorError} Where the file cannot be read: see {@linkcode TokenFile.read}.
   */
  async verify(presented: string): Promise<Principal | null> {
    const tokens = this.#file.read();
    if (typeof presented !== "string" || !TOKEN.test(presented)) return null;
    const hash = await hashOf(presented);
    let found: StoredToken | null = null;
    // All are compared, and each to its end: the time that it takes tells nothing.
    for (const token of tokens) if (isEqual(token.hash, hash)) found = token;
    const nowMs = this.#now();
    if (!found || !isValid(found, nowMs)) return null;
    this.#noteUse(found, nowMs);
    return {
      user: found.user,
      tenant: found.tenant,
      scopes: new Set(found.scopes),
      projects: found.projects,
      machines: found.machines,
    };
  }

  /**
   * Makes a token.
   *
   * @throws {CoordinatorError} `invalid_argument`, and what the file throws.
   */
  async create(wish: TokenWish): Promise<NewToken> {
    const { forS } = wish;
    const nowMs = this.#now();
    const record: TokenRecord = {
      id: crypto.getRandomValues(new Uint8Array(ID_BYTES)).toHex(),
      user: checkUser(wish.user),
      tenant: checkTenant(wish.tenant ?? DEFAULT_TENANT),
      scopes: checkScopes(wish.scopes ?? ["read", "write"]),
      projects: globs("project", wish.projects),
      machines: globs("machine", wish.machines),
      created_at: new Date(nowMs).toISOString(),
      expires_at: forS === undefined ? null : new Date(nowMs + forS * 1000).toISOString(),
      last_used_at: null,
      revoked_at: null,
    };
    const token = PREFIX + randomText();
    const hash = await hashOf(token);
    await this.#file.change((tokens) => [...tokens, { ...record, hash }]);
    return { token, record };
  }

  /** All tokens, also those that hold no more, in the order in which they were made. */
  list(): TokenRecord[] {
    return this.#file.read().map(({ hash: _, ...record }) => record);
  }

  /** Whether anybody could come in now. */
  hasValid(): boolean {
    const nowMs = this.#now();
    return this.#file.read().some((token) => isValid(token, nowMs));
  }

  /**
   * Ends a token; one that was revoked already stays as it is.
   *
   * @throws {CoordinatorError} `not_found`, and what the file throws.
   */
  async revoke(id: string): Promise<TokenRecord> {
    const at = new Date(this.#now()).toISOString();
    let found: TokenRecord | null = null;
    await this.#file.change((tokens) =>
      tokens.map((token) => {
        if (token.id !== id) return token;
        const revoked = { ...token, revoked_at: token.revoked_at ?? at };
        const { hash: _, ...record } = revoked;
        found = record;
        return revoked;
      })
    );
    if (found) return found;
    throw new CoordinatorError(
      "not_found",
      `There is no token '${id}'`,
      "`csc token list` shows the ids of all.",
    );
  }

  /** Ends what goes on in the background. */
  async close(): Promise<void> {
    await this.#noting;
  }

  /** Nothing depends on it: where it cannot be written, the token is as good as ever. */
  #noteUse({ id, last_used_at }: StoredToken, nowMs: number): void {
    if (last_used_at !== null && nowMs - Date.parse(last_used_at) < USE_NOTED_MS) return;
    const at = new Date(Math.floor(nowMs / USE_NOTED_MS) * USE_NOTED_MS).toISOString();
    if (last_used_at === at) return;
    const note = () =>
      this.#file.change((tokens) => {
        const isDue = tokens.some((one) => one.id === id && one.last_used_at !== at);
        if (!isDue) return tokens;
        return tokens.map((one) => one.id === id ? { ...one, last_used_at: at } : one);
      });
    this.#noting = this.#noting.then(note).catch(() => {});
  }
}

/** Whether a token lets anybody in. */
export function isValid(
  { revoked_at, expires_at }: Pick<TokenRecord, "revoked_at" | "expires_at">,
  nowMs: number,
): boolean {
  return revoked_at === null && (expires_at === null || nowMs < Date.parse(expires_at));
}

async function hashOf(token: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(token));
  return new Uint8Array(digest).toHex();
}

/** Whether two hashes are the same, in a time that does not depend on where they differ. */
function isEqual(one: string, other: string): boolean {
  let difference = one.length ^ other.length;
  for (let i = 0; i < other.length; i++) difference |= one.charCodeAt(i) ^ other.charCodeAt(i);
  return difference === 0;
}

function randomText(): string {
  const random = crypto.getRandomValues(new Uint8Array(SECRET_BYTES));
  return random.toBase64({ alphabet: "base64url", omitPadding: true });
}

function checkUser(user: string): string {
  if (/^[\x21-\x7e\u00a1-\uffff]{1,100}$/u.test(user) && user.isWellFormed()) return user;
  throw refused("user", user, "Use 1 to 100 characters without spaces, such as 'ada'.");
}

function checkTenant(tenant: string): string {
  if (TENANT.test(tenant)) return tenant;
  throw refused("tenant", tenant, "Use lower-case letters, digits and dashes, 63 at the most.");
}

function checkScopes(scopes: readonly string[]): TokenScope[] {
  const unknown = scopes.find((one) => !(TOKEN_SCOPES as readonly string[]).includes(one));
  if (unknown !== undefined || scopes.length === 0) {
    throw refused("scope", unknown ?? "", `Use some of ${TOKEN_SCOPES.join(", ")}.`);
  }
  return TOKEN_SCOPES.filter((one) => scopes.includes(one));
}

function globs(what: string, patterns: readonly string[] | undefined): readonly string[] | null {
  if (patterns === undefined || patterns.length === 0) return null;
  const bad = patterns.find((one) => one === "" || one.length > 500 || !one.isWellFormed());
  if (bad === undefined) return [...patterns];
  throw refused(what, bad, "Use globs of 1 to 500 characters, such as 'acme/*'.");
}

function refused(what: string, value: string, hint: string): CoordinatorError {
  return new CoordinatorError(
    "invalid_argument",
    `Cannot make a token for the ${what} '${value.slice(0, 100).toWellFormed()}'`,
    hint,
  );
}

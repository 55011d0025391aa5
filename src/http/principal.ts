/**
 * Who is behind a request, once its token was verified.
 *
 * @module
 */

/** What a token may be used for. */
export type TokenScope = "read" | "write" | "force" | "admin";

/** Who sends a request, as the verified token says. */
export interface Principal {
  /** The user that the token was made for. */
  readonly user: string;
  /** Whose data the user sees: tenants never see each other's. */
  readonly tenant: string;
  /** What the user may do. */
  readonly scopes: ReadonlySet<TokenScope>;
  /** Globs of the projects that the token may name; null for any. */
  readonly projects: readonly string[] | null;
  /** Globs of the machines that the token may name; null for any. */
  readonly machines: readonly string[] | null;
}

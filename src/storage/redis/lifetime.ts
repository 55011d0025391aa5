/**
 * Which values the setting `ttl` leaves alone.
 *
 * @module
 */

/**
 * Whether a scope holds csc's own records: leases, claims, sessions and instances. They say themselves
 * when they end, and a lease that Redis forgot in between would be given to two.
 *
 * These are the scopes of a project on all its machines, which begin with a colon, and of a machine's
 * scopes those of type `csc` and the list of instances.
 */
export function lastsForEver(scope: string): boolean {
  return /^:|:csc(:|$)|:instances$/.test(scope);
}

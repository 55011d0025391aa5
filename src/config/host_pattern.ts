/**
 * Hosts as `storage.trusted_hosts` lists them: `redis.example.org`, `redis.example.org:6379`,
 * `*.corp.example`, `[::1]:6379`, and `rediss://redis.example.org` where only this scheme will do.
 *
 * @module
 */

const NAME = /^(?:\*\.)?[a-z0-9_](?:[a-z0-9._-]*[a-z0-9_-])?$/i;
const FORM = /^(?:([a-z][a-z0-9+.-]*):\/\/)?(\[[0-9a-f:.]+\]|[^:[\]]+)(?::([1-9]\d{0,4}))?$/i;

/** Whether a value is such a pattern. A `*` alone is none: trust in every host is trust in nobody. */
export function isHostPattern(value: unknown): value is string {
  const [, , host, port] = typeof value === "string" ? FORM.exec(value) ?? [] : [];
  return host !== undefined && (host.startsWith("[") || NAME.test(host)) &&
    Number(port ?? 1) <= 65_535;
}

/**
 * Whether a pattern means an address. Case does not count; `*.corp.example` means everything below
 * that domain, but not the domain; without a scheme or a port, every one is meant.
 */
export function matchesHost(
  pattern: string,
  { scheme, host, port }: {
    readonly scheme: string;
    readonly host: string;
    readonly port: number | null;
  },
): boolean {
  const [, wantedScheme, name, wantedPort] = FORM.exec(pattern.toLowerCase()) ?? [];
  if (name === undefined || port === null) return false;
  if (wantedScheme !== undefined && wantedScheme !== scheme) return false;
  if (wantedPort !== undefined && Number(wantedPort) !== port) return false;
  return name.startsWith("*.")
    ? host.endsWith(name.slice(1)) && host.length > name.length - 1
    : host === name;
}

/**
 * Settings of a server with which it loses what it has acknowledged.
 *
 * @module
 */

import { Cluster } from "ioredis";
import type { Client } from "./client.ts";

/** What a server's settings put at risk, as sentences; none where they are good, or not to be read. */
export async function weaknesses(client: Client): Promise<readonly string[]> {
  const [log, eviction] = await Promise.all([
    read(client, "appendonly"),
    read(client, "maxmemory-policy"),
  ]);
  return [
    ...log === "no"
      ? [
        "Redis has no append-only file: after a crash it forgets leases, and two sessions can hold one; set `appendonly yes` in redis.conf",
      ]
      : [],
    ...eviction?.startsWith("allkeys-")
      ? [
        `Redis drops any values, leases too, where its memory is full (\`maxmemory-policy ${eviction}\`); set \`maxmemory-policy noeviction\``,
      ]
      : [],
  ];
}

async function read(client: Client, name: string): Promise<string | null> {
  try {
    const node = client instanceof Cluster ? client.nodes("master")[0] : client;
    const answer = await node?.config("GET", name);
    return Array.isArray(answer) && typeof answer[1] === "string" ? answer[1] : null;
  } catch {
    return null; // hosted servers forbid the command
  }
}

/**
 * Settings of a server with which it loses what it has acknowledged.
 *
 * @module
 */

import { Cluster } from "ioredis";
import type { Weakness } from "../adapter.ts";
import type { Client } from "./client.ts";

/** What a server's settings put at risk; none where they are good, or not to be read. */
export async function weaknesses(client: Client): Promise<readonly Weakness[]> {
  const [log, limit, policy] = await Promise.all([
    read(client, "appendonly"),
    read(client, "maxmemory"),
    read(client, "maxmemory-policy"),
  ]);
  const found: Weakness[] = [];
  if (log === "no") {
    found.push({
      fact:
        "Redis has no append-only file: when it crashes it forgets leases, and two sessions can hold one",
      remedy: "redis-cli CONFIG SET appendonly yes (and `appendonly yes` in redis.conf)",
    });
  }
  // Without a limit no memory is full, whatever the policy.
  if (limit !== "0" && policy !== null && policy !== "noeviction") {
    found.push({
      fact: `Redis ${dropsBy(policy)}, when its memory is full (maxmemory-policy is ${policy})`,
      remedy: "redis-cli CONFIG SET maxmemory-policy noeviction (and in redis.conf)",
    });
  }
  return found;
}

/** What a policy drops to make room. A lease is stored without an end; its record says when it ends. */
function dropsBy(policy: string): string {
  return policy.startsWith("volatile-")
    ? "drops early what has an end, such as places in queues and notices, though leases stay"
    : "drops any value, leases too";
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

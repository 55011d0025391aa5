import { Cluster } from "ioredis";
import type { ServerInfo } from "../adapter.ts";
import type { Client } from "./client.ts";

/**
 * What a server, of a cluster the first one, says of itself.
 *
 * @throws Where its user has no right to ask.
 */
export async function serverInfo(client: Client): Promise<ServerInfo> {
  const node = client instanceof Cluster ? client.nodes("master")[0] : client;
  const text = await node.info("server");
  const field = (name: string) => new RegExp(`^${name}:(.*)$`, "m").exec(text)?.[1].trim() ?? "";
  return { version: field("redis_version"), uptimeS: Number(field("uptime_in_seconds")) };
}

/**
 * Registers the adapters that come with the package. Their settings are taken as they are: whoever read
 * the configuration has checked them, and a hook cannot afford to evaluate the schemas.
 *
 * @module
 */

import { join, resolveFrom } from "../os/path.ts";
import {
  KV_DEFAULTS,
  type KvSettings,
  LOCAL_DEFAULTS,
  type LocalSettings,
  SERVER_DEFAULTS,
  type ServerSettings,
} from "./adapter_defaults.ts";
import { LocalStore } from "./local/local.ts";
import { MemoryStore } from "./memory.ts";
import { registerAdapter } from "./registry.ts";

registerAdapter("local", (config, context) => {
  const settings: LocalSettings = { ...LOCAL_DEFAULTS, ...config };
  return new LocalStore({
    folder: resolveFrom(context.baseFolder, settings.base_path),
    durable: settings.durable,
    limits: context.limits,
    onUnreadable: context.onUnreadable,
    deadline: context.deadline,
  });
});

registerAdapter("kv", async (config, context) => {
  const settings: KvSettings = { ...KV_DEFAULTS, ...config };
  const { KvStore } = await import("./kv/kv.ts");
  const { isUrl } = await import("./kv/database.ts");
  const path = settings.path ?? join(settings.base_path, "store.kv");
  return await KvStore.open({
    path: isUrl(path) ? path : resolveFrom(context.baseFolder, path),
    limits: context.limits,
    onUnreadable: context.onUnreadable,
  });
});

registerAdapter("memory", (_config, context) => new MemoryStore(undefined, context.limits));

registerAdapter("server", async (config, context) => {
  const settings: ServerSettings = { ...SERVER_DEFAULTS, ...config };
  const { ServerStore } = await import("./server/server.ts");
  const path = (name: string | undefined) => name && resolveFrom(context.baseFolder, name);
  return ServerStore.open({
    url: settings.url,
    tokenFile: path(settings.token_file),
    caFile: path(settings.ca_file),
    isHook: context.deadline !== undefined,
    limits: context.limits,
    deadline: context.deadline,
  });
});

/**
 * Registers the adapters that come with the package.
 *
 * @module
 */

import { join } from "@std/path";
import { resolveFrom } from "../os/path.ts";
import { LocalStore } from "./local/local.ts";
import { MemoryStore } from "./memory.ts";
import { registerAdapter } from "./registry.ts";
import { ADAPTER_SETTINGS, type KvSettings, type LocalSettings } from "./settings.ts";

registerAdapter("local", (config, context) => {
  const settings: LocalSettings = ADAPTER_SETTINGS.local.parse(config);
  return new LocalStore({
    folder: resolveFrom(context.baseFolder, settings.base_path),
    durable: settings.durable,
    limits: context.limits,
    onUnreadable: context.onUnreadable,
  });
});

registerAdapter("kv", async (config, context) => {
  const settings: KvSettings = ADAPTER_SETTINGS.kv.parse(config);
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

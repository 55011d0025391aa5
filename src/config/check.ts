/**
 * Turns what is wrong with a configuration into sentences: the key, the fact and the fix.
 *
 * @module
 */

import type { z } from "zod";
import { CoordinatorError } from "../domain/error.ts";
import { isObject, type Json } from "../domain/json.ts";
import { didYouMean, redactUrls } from "../domain/text.ts";
import { adapterNames, unknownAdapter } from "../storage/registry.ts";
import { ADAPTER_SETTINGS } from "../storage/settings.ts";
import { type Config, CONFIG_SCHEMA } from "./schema.ts";

/** One thing that is wrong. */
export interface ConfigIssue {
  /** The key, such as `storage.adapter`; empty for the whole file. */
  readonly key: string;
  readonly message: string;
  readonly fix: string;
}

/**
 * The complete configuration of what a file says, or everything that is wrong with it. Issues may
 * quote what the file says, but never a password in a URL.
 */
export function checkConfig(said: Json): { config: Config } | { issues: ConfigIssue[] } {
  const checked = check(said);
  if ("config" in checked) return checked;
  return {
    issues: checked.issues.map(({ key, message, fix }) => ({
      key: redactUrls(key),
      message: redactUrls(message),
      fix: redactUrls(fix),
    })),
  };
}

function check(said: Json): { config: Config } | { issues: ConfigIssue[] } {
  if (!isObject(said)) {
    const message = "The configuration is not a JSON object";
    return { issues: [{ key: "", message, fix: "Start from docs/config.example.json." }] };
  }
  const parsed = CONFIG_SCHEMA.safeParse(said);
  const issues = parsed.success ? [] : issuesOf(parsed.error.issues, [], CONFIG_SCHEMA);
  if (isEmptyStorage(said.storage)) issues.push(missingAdapter());
  if (!parsed.success || issues.length > 0) return { issues };
  const { adapter, config } = parsed.data.storage;
  if (!adapterNames().includes(adapter)) {
    const { message, hint } = unknownAdapter(adapter);
    return { issues: [{ key: "storage.adapter", message, fix: hint }] };
  }
  const schema = (ADAPTER_SETTINGS as Record<string, z.ZodType<Record<string, Json>>>)[adapter];
  if (!schema) return { config: parsed.data }; // a registered adapter checks its own
  const settings = schema.safeParse(config);
  if (settings.success) {
    return {
      config: { ...parsed.data, storage: { ...parsed.data.storage, config: settings.data } },
    };
  }
  const named = isObject(said.storage) && "adapter" in said.storage;
  const found = issuesOf(settings.error.issues, ["storage", "config"], schema);
  return { issues: named ? found : [missingAdapter(), ...found] };
}

/** The first issue as an error; the file is named in front. */
export function configError(file: string, issues: readonly ConfigIssue[]): CoordinatorError {
  const [first, ...others] = issues;
  const more = others.length > 0 ? ` (and ${others.length} more: \`csc config validate\`)` : "";
  return new CoordinatorError("invalid_config", `${file}: ${first.message}${more}`, first.fix);
}

/** A section that says nothing, as seed 001's validation refuses it. */
function isEmptyStorage(storage: Json | undefined): boolean {
  return isObject(storage) && !("adapter" in storage) &&
    Object.values(storage).every((value) => isObject(value) && Object.keys(value).length === 0);
}

function missingAdapter(): ConfigIssue {
  return {
    key: "storage.adapter",
    message: "Missing 'storage.adapter' in config",
    fix: `Add "adapter": "local" (available: ${adapterNames().join(", ")}) to 'storage'.`,
  };
}

function issuesOf(
  issues: readonly z.core.$ZodIssue[],
  prefix: readonly string[],
  schema: z.ZodType,
): ConfigIssue[] {
  return issues.flatMap((issue) => {
    const path = [...prefix, ...issue.path.map(String)];
    if (issue.code === "unrecognized_keys") {
      const known = keysAt(schema, issue.path);
      return issue.keys.map((key) => unknownKey([...path, key].join("."), key, path, known));
    }
    const key = path.join(".");
    if (issue.message.startsWith("Missing '")) {
      const fix = key === "storage"
        ? missingAdapter().fix.replace("'storage'", "a section 'storage'")
        : missingAdapter().fix;
      return [{ key, message: issue.message, fix }];
    }
    const text = issue.message.replace(/^Invalid (input|option): /, "");
    return [{ key, message: `'${key}' is wrong: ${text}`, fix: "See the table in docs/API.md." }];
  });
}

function unknownKey(
  key: string,
  word: string,
  path: readonly string[],
  known: readonly string[],
): ConfigIssue {
  const guess = didYouMean(word, known);
  const where = path.length > 0 ? `'${path.join(".")}'` : "The configuration";
  return {
    key,
    message: `Unknown key '${key}'${guess && ` (${guess})`}`,
    fix: `Remove or rename it. ${where} knows: ${known.join(", ")}.`,
  };
}

function keysAt(schema: z.ZodType, path: readonly PropertyKey[]): string[] {
  let at: unknown = schema;
  for (const name of path) at = shapeOf(at)[String(name)];
  return Object.keys(shapeOf(at));
}

/** The fields of an object schema, also behind defaults. */
function shapeOf(schema: unknown): Record<string, unknown> {
  const { shape, def } = schema as {
    shape?: Record<string, unknown>;
    def?: { innerType?: unknown };
  };
  return shape ?? (def?.innerType ? shapeOf(def.innerType) : {});
}

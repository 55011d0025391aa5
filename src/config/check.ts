/**
 * Turns what is wrong with a configuration into sentences: the key, the fact and the fix.
 *
 * @module
 */

import type { z } from "zod";
import { CoordinatorError } from "../domain/error.ts";
import { isObject, type Json } from "../domain/json.ts";
import { didYouMean } from "../domain/did_you_mean.ts";
import { redactUrls } from "../domain/text.ts";
import { adapterNames } from "../storage/registry.ts";
import { ADAPTER_SETTINGS } from "../storage/settings.ts";
import { unknownAdapter } from "../storage/unknown_adapter.ts";
import { keyName } from "./keys.ts";
import { CONFIG_SCHEMA } from "./schema.ts";
import type { Config } from "./types.ts";

/** One thing that is wrong. */
export interface ConfigIssue {
  /** The file, where it is known. */
  readonly file?: string;
  /** The line, where it is known; from 1. */
  readonly line?: number;
  /** The key as its file writes it, such as `storage.adapter`; empty for the whole file. */
  readonly key: string;
  readonly message: string;
  readonly fix: string;
}

/** Where another file than the checked one says a value, and by which key, or null. */
export type SaidElsewhere = (
  path: readonly string[],
) => { readonly file: string; readonly line?: number; readonly key: string } | null;

/** Where something is wrong, in the words of the file that says it. */
interface Spot {
  readonly file?: string;
  readonly line?: number;
  readonly key: string;
}

/**
 * The complete configuration of what a file says, or everything that is wrong with it. Issues may
 * quote what the file says, but never a password in a URL.
 *
 * @param elsewhere Knows which values were merged in from other files.
 */
export function checkConfig(
  said: Json,
  elsewhere: SaidElsewhere = () => null,
): { config: Config } | { issues: ConfigIssue[] } {
  const spotOf = (path: readonly string[]): Spot => elsewhere(path) ?? { key: keyName(path) };
  const checked = check(said, spotOf);
  if ("config" in checked) return checked;
  return {
    issues: checked.issues.map(({ key, message, fix, ...where }) => ({
      ...where,
      key: redactUrls(key),
      message: redactUrls(message),
      fix: redactUrls(fix),
    })),
  };
}

function check(
  said: Json,
  spotOf: (path: readonly string[]) => Spot,
): { config: Config } | { issues: ConfigIssue[] } {
  if (!isObject(said)) {
    const message = "The configuration is not a JSON object";
    return { issues: [{ key: "", message, fix: "Start from docs/config.example.json." }] };
  }
  const parsed = CONFIG_SCHEMA.safeParse(said);
  const issues = parsed.success ? [] : issuesOf(parsed.error.issues, [], CONFIG_SCHEMA, spotOf);
  if (isEmptyStorage(said.storage)) issues.push(missingAdapter());
  if (!parsed.success || issues.length > 0) return { issues };
  const { adapter, config } = parsed.data.storage;
  if (!adapterNames().includes(adapter)) {
    const { message, hint } = unknownAdapter(adapter, adapterNames());
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
  const found = issuesOf(settings.error.issues, ["storage", "config"], schema, spotOf);
  return { issues: named ? found : [missingAdapter(), ...found] };
}

/** The first issue as an error; its file, or else the one given, and its line are named in front. */
export function configError(file: string, issues: readonly ConfigIssue[]): CoordinatorError {
  const [first, ...others] = issues;
  const more = others.length > 0 ? ` (and ${others.length} more: \`csc config validate\`)` : "";
  const where = whereOf({ ...first, file: first.file ?? file });
  return new CoordinatorError("invalid_config", `${where}: ${first.message}${more}`, first.fix);
}

/** The file of an issue, with the line where it is known, as compilers write it. */
export function whereOf({ file = "", line }: Pick<ConfigIssue, "file" | "line">): string {
  return line === undefined ? file : `${file}:${line}`;
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
  spotOf: (path: readonly string[]) => Spot,
): ConfigIssue[] {
  return issues.flatMap((issue) => {
    const path = [...prefix, ...issue.path.map(String)];
    if (issue.code === "unrecognized_keys") {
      const known = keysAt(schema, issue.path);
      const around = spotOf(path).key;
      return issue.keys.map((key) => unknownKey(spotOf([...path, key]), key, around, known));
    }
    const spot = spotOf(path);
    if (issue.message.startsWith("Missing '")) {
      const fix = spot.key === "storage"
        ? missingAdapter().fix.replace("'storage'", "a section 'storage'")
        : missingAdapter().fix;
      return [{ ...spot, message: issue.message, fix }];
    }
    // What is wrong with a key of a record is said inside.
    const said = issue.code === "invalid_key" ? issue.issues[0] ?? issue : issue;
    const text = said.message.replace(/^Invalid (input|option): /, "");
    const fix = `See the table in docs/API.md${
      spot.file ? " and docs/coordination.example.yaml" : ""
    }.`;
    return [{ ...spot, message: `'${spot.key}' is wrong: ${text}`, fix }];
  });
}

function unknownKey(
  spot: Spot,
  word: string,
  around: string,
  known: readonly string[],
): ConfigIssue {
  const guess = didYouMean(word, known);
  const where = around === "" ? "The configuration" : `'${around}'`;
  return {
    ...spot,
    message: `Unknown key '${spot.key}'${guess && ` (${guess})`}`,
    fix: `Remove or rename it. ${where} knows: ${known.join(", ")}.`,
  };
}

function keysAt(schema: z.ZodType, path: readonly PropertyKey[]): string[] {
  let at: unknown = schema;
  for (const name of path) at = fieldOf(at, String(name));
  return Object.keys(shapeOf(at));
}

/** The schema of a field; of a record's, whatever it is called. */
function fieldOf(schema: unknown, name: string): unknown {
  const { def } = schema as { def?: { innerType?: unknown; valueType?: unknown } };
  if (def?.valueType) return def.valueType;
  const shape = shapeOf(schema);
  return shape[name] ?? (def?.innerType && fieldOf(def.innerType, name));
}

/** The fields of an object schema, also behind defaults. */
function shapeOf(schema: unknown): Record<string, unknown> {
  const { shape, def } = schema as {
    shape?: Record<string, unknown>;
    def?: { innerType?: unknown };
  };
  return shape ?? (def?.innerType ? shapeOf(def.innerType) : {});
}

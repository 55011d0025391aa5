/**
 * `coordination.yaml` and `file-patterns.yaml`: the section `coordination` as the seeds write it. Both
 * may hold any of its keys, under `session_coordination:` or at the top.
 *
 * @module
 */

import { isObject, type Json } from "../domain/json.ts";
import { didYouMean } from "../domain/did_you_mean.ts";
import { DEFAULT_CONFIG } from "./defaults.ts";
import { keyName } from "./keys.ts";
import { readYaml, type YamlNode } from "./yaml.ts";

/** Where a value was said, for errors. */
export interface SaidAt {
  /** Its key as the file writes it. */
  readonly key: string;
  readonly line: number;
}

/** Something that is wrong in a file. */
export interface YamlIssue extends SaidAt {
  readonly message: string;
  readonly fix: string;
}

/** What a file says of the section `coordination`. */
export interface CoordinationText {
  /** By the keys of the section; not checked yet. */
  readonly section: { readonly [key: string]: Json };
  readonly issues: readonly YamlIssue[];
  /** Where a value inside the section was said, or null where the file does not say it. */
  saidAt(path: readonly PropertyKey[]): SaidAt | null;
}

/** Keys that hold keys of the section. */
export const WRAPPERS: readonly string[] = [
  "session_coordination",
  "coordination",
  "file_patterns",
];

/** Other names of the section's keys. */
export const SPELLINGS: Readonly<Record<string, readonly string[]>> = {
  critical_files: ["critical", "critical_patterns"],
  ignore_files: ["ignore", "ignore_patterns", "ignored", "ignored_files"],
  docs_files: ["docs", "docs_patterns", "documentation", "documentation_files"],
  timeouts: ["lock_timeouts", "file_timeouts"],
  work_areas: ["areas"],
  priority_rules: ["priorities"],
};

/** Enough for a person to see what is wrong. */
const MAX_ISSUES = 50;

const KEYS = Object.keys(DEFAULT_CONFIG.coordination);

const KEY_BY_NAME: ReadonlyMap<string, string> = new Map([
  ...KEYS.map((key) => [key, key] as const),
  ...Object.entries(SPELLINGS).flatMap(([key, names]) => names.map((name) => [name, key] as const)),
]);

interface Said {
  readonly path: readonly string[];
  readonly node: YamlNode;
}

/** Reads the text of a file; what is wrong with it is among the issues. */
export function readCoordination(text: string): CoordinationText {
  const read = readYaml(text);
  if ("fault" in read) return nothing([{ key: "", ...read.fault }]);
  const { node } = read;
  if (node.value === null) return nothing([]);
  if (!isObject(node.value)) return nothing([noMapping("", node)]);
  const issues: YamlIssue[] = [];
  const said = new Map<string, Said>();
  const take = (name: string, part: YamlNode, path: readonly string[]) => {
    if (issues.length >= MAX_ISSUES) return;
    const key = KEY_BY_NAME.get(name);
    const earlier = key === undefined ? undefined : said.get(key);
    if (key === undefined) issues.push(unknownKey(name, part, path));
    else if (earlier) issues.push(saidTwice(part, path, earlier));
    else said.set(key, { path, node: part });
  };
  for (const [name, part] of node.parts) {
    if (!WRAPPERS.includes(name)) take(name, part, [name]);
    else if (isObject(part.value)) {
      part.parts.forEach((inner, key) => take(key, inner, [name, key]));
    } else if (part.value !== null) issues.push(noMapping(name, part));
  }
  const section = [...said].map(([key, { node }]) => [key, inForm(key, node.value)]);
  return {
    section: Object.fromEntries(section),
    issues,
    saidAt: ([key, ...inner]) => {
      const found = said.get(String(key));
      return found ? locate(found, inner.map(String)) : null;
    },
  };
}

function nothing(issues: readonly YamlIssue[]): CoordinationText {
  return { section: {}, issues, saidAt: () => null };
}

/** The seeds' shorter forms in that of the schema; what is neither is left for the schema to refuse. */
function inForm(key: string, value: Json): Json {
  if (key === "priority_rules" && Array.isArray(value) && value.every(isRule)) {
    return Object.fromEntries(value.map(({ match, priority }) => [match, priority]));
  }
  if (key === "work_areas" && isObject(value)) {
    return Object.fromEntries(
      Object.entries(value).map((
        [area, files],
      ) => [area, Array.isArray(files) ? { files } : files]),
    );
  }
  return value;
}

function isRule(value: Json): value is { match: string; priority: Json } {
  return isObject(value) && typeof value.match === "string" && "priority" in value &&
    Object.keys(value).length === 2;
}

/** The line of the innermost part on the way to a value that the file has. */
function locate({ path, node }: Said, inner: readonly string[]): SaidAt {
  let line = node.line;
  let parts = node.parts;
  for (const name of inner) {
    const part = parts.get(name);
    if (!part) break;
    ({ line, parts } = part);
  }
  return { key: keyName([...path, ...inner]), line };
}

function noMapping(name: string, { line }: YamlNode): YamlIssue {
  return {
    key: name,
    line,
    message: `${name === "" ? "The file" : `'${name}'`} holds no keys`,
    fix: "Write 'key: value', one a line; docs/coordination.example.yaml has all of them.",
  };
}

function saidTwice({ line }: YamlNode, path: readonly string[], earlier: Said): YamlIssue {
  const key = keyName(path);
  return {
    key,
    line,
    message: `'${key}' says what '${keyName(earlier.path)}' in line ${earlier.node.line} says`,
    fix: "Remove one of the two.",
  };
}

function unknownKey(name: string, { line }: YamlNode, path: readonly string[]): YamlIssue {
  const key = keyName(path);
  const guess = didYouMean(name, [...KEY_BY_NAME.keys(), ...WRAPPERS]);
  return {
    key,
    line,
    message: `Unknown key '${key}'${guess && ` (${guess})`}`,
    fix: FOREIGN_KEYS.get(name) ?? `Remove or rename it. Known are: ${KEYS.join(", ")}.`,
  };
}

const ELSEWHERE =
  "Say it in session-coordinator-config.json; this file is about coordination alone.";

const FOREIGN_KEYS: ReadonlyMap<string, string> = new Map([
  ...["storage", "session", "log", "http"].map((name) => [name, ELSEWHERE] as const),
  [
    "projects",
    "Remove it: 'multi_project: true' shows the sessions of all projects that share the store.",
  ],
]);

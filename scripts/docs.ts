/**
 * Writes `docs/API.md` from the definitions of tools, resources, prompts, configuration and commands:
 * `deno task docs`; with `--check` it only says whether the file is up to date.
 *
 * @module
 */

import { z } from "zod";
import { EXIT_CODES } from "../src/cli/help.ts";
import { COMMANDS } from "../src/cli/commands.ts";
import { SPELLINGS, WRAPPERS } from "../src/config/coordination_files.ts";
import { MAX_BYTES } from "../src/config/file_text.ts";
import { CONFIG_SCHEMA } from "../src/config/schema.ts";
import { ERROR_EXIT_CODES } from "../src/domain/error.ts";
import { PROMPTS } from "../src/mcp/prompts.ts";
import { FIXED_RESOURCES, TEMPLATES } from "../src/mcp/resources.ts";
import { describeTool } from "../src/mcp/tool.ts";
import { TOOLS } from "../src/mcp/tools/all.ts";
import { ADAPTER_SETTINGS } from "../src/storage/settings.ts";

interface JsonSchema {
  readonly type?: string | readonly string[];
  readonly description?: string;
  readonly default?: unknown;
  readonly enum?: readonly unknown[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly anyOf?: readonly JsonSchema[];
  readonly items?: JsonSchema;
  readonly additionalProperties?: JsonSchema | boolean;
  readonly properties?: Record<string, JsonSchema>;
  readonly required?: readonly string[];
}

/** The whole page. */
export function apiPage(): string {
  return [
    "# API",
    "_Made by `deno task docs` from the definitions in `src`; changes belong there._",
    tools(),
    resources(),
    prompts(),
    configuration(),
    commands(),
    errors(),
  ].join("\n\n") + "\n";
}

function tools(): string {
  const pages = TOOLS.map(describeTool).map(({ name, title, description, ...tool }) => {
    const input = tool.inputSchema as JsonSchema;
    const output = tool.outputSchema as JsonSchema;
    const args = Object.entries(input.properties ?? {}).map(([argument, schema]) => [
      code(argument),
      typeOf(schema),
      input.required?.includes(argument) ? "yes" : "no",
      schema.description ?? "",
    ]);
    const fields = Object.entries(output.properties ?? {}).map(([field, schema]) => [
      code(field),
      typeOf(schema),
      schema.description ?? "",
    ]);
    return [
      `### ${code(name)}: ${title}`,
      description,
      args.length > 0
        ? tableOf(["Argument", "Type", "Required", "Meaning"], args)
        : "No arguments.",
      "Structured content:",
      tableOf(["Field", "Type", "Meaning"], fields),
    ].join("\n\n");
  });
  const rules = [
    "The text of an answer is the return value as JSON; the structured content is the same object, or",
    '`{"result": …}` where the value is no object of the tool\'s own. Every failure is a result with',
    "`isError`, whose text has two lines, what happened and what to do next, and whose",
    '`_meta["csc/code"]` is a code of the table at the end. Scopes are prefixed with',
    "`machine:project:`. A value that another session stored comes with `stored_by` and `stored_at`.",
  ].join("\n");
  return ["## Tools", rules, ...pages].join("\n\n");
}

function resources(): string {
  const fixed = FIXED_RESOURCES.map(({ uri, description = "" }) => [code(uri), description]);
  const filled = TEMPLATES.map(({ uriTemplate, description = "" }) => [
    code(uriTemplate),
    `${description}; names are percent-encoded and offered by completion`,
  ]);
  return `## Resources\n\n${tableOf(["URI", "Content"], [...fixed, ...filled])}`;
}

function prompts(): string {
  const rows = PROMPTS.map(({ name, description = "" }) => [code(name), description]);
  return `## Prompts\n\n${tableOf(["Name", "Content"], rows)}`;
}

function configuration(): string {
  const schema = z.toJSONSchema(CONFIG_SCHEMA, { io: "input" }) as JsonSchema;
  const adapters = Object.entries(ADAPTER_SETTINGS).map(([name, settings]) => {
    const rows = settingRows(
      z.toJSONSchema(settings, { io: "input" }) as JsonSchema,
      "storage.config.",
    );
    return `### Adapter ${code(name)}\n\n${tableOf(SETTING_HEADINGS, rows)}`;
  });
  return [
    "## Configuration",
    tableOf(SETTING_HEADINGS, settingRows(schema, "")),
    ...adapters,
    yamlFiles(),
    globs(),
  ].join("\n\n");
}

function yamlFiles(): string {
  const text = [
    "The section `coordination` can also be said in `.claude/coordination.yaml` and",
    "`.claude/file-patterns.yaml` beside the project's JSON file, and in files of these names beside the",
    "user's; `.yml` is as good. Of each name the first file that there is counts, in the order of the JSON",
    "files. Both may hold all keys, at the top or under",
    `${
      WRAPPERS.map((name) => code(`${name}:`)).join(" or ")
    }. What they say holds where the JSON file in`,
    "use says nothing of the key; `file-patterns.yaml` wins over `coordination.yaml`. `timeouts`,",
    "`priority_rules` and `work_areas` are merged entry by entry, lists are replaced as a whole.",
    "[coordination.example.yaml](coordination.example.yaml) has every key with its default.",
  ].join("\n");
  const rows = Object.entries(SPELLINGS).map(([key, names]) => [
    code(key),
    names.map(code).join(", "),
  ]);
  const forms = [
    "`priority_rules` may be a list of `match` and `priority`, and a work area a list of its files. Globs",
    "need quotes, since `*` and `!` have a meaning in YAML. Aliases, tags and further documents are",
    `refused, and so is a file of more than ${MAX_BYTES.yaml / 1024} KiB.`,
  ].join("\n");
  return [
    "### `coordination.yaml` and `file-patterns.yaml`",
    text,
    tableOf(["Key", "Also written"], rows),
    forms,
  ].join("\n\n");
}

function globs(): string {
  const rows = [
    [
      "`*.py`, `Makefile`",
      "Files of that name, wherever they are; `*` any run of characters, `?` one, `[a-z]` one of a set, `[!a-z]` one outside it",
    ],
    ["`dist/`", "Everything below any folder of that name"],
    [
      "`src/api/*.py`, `/setup.py`",
      "A path from the working tree's top; here `*` also matches `/`",
    ],
    ["`src/generated/`", "Everything below that path"],
    ["`src/**/test.py`", "With any folders in between, also none"],
  ];
  const rules = [
    "In `ignore_files` and in work areas a name without `/` also takes in folders of that name. A file",
    "that both lists name is guarded: `critical_files` win. Only a critical glob without `/` does not",
    "reach into an ignored folder, so that `*.js` does not guard `node_modules/`. Of several `timeouts`",
    "that with the most characters of its own counts. Case counts.",
  ].join("\n");
  return ["### Globs", tableOf(["Glob", "Names"], rows), rules].join("\n\n");
}

const SETTING_HEADINGS = ["Key", "Type", "Default", "Meaning"];

function settingRows(schema: JsonSchema, prefix: string): string[][] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, setting]) => {
    const key = prefix + name;
    if (setting.properties) return settingRows(setting, `${key}.`);
    const fallback = setting.default === undefined ? "" : code(JSON.stringify(setting.default));
    return [[code(key), typeOf(setting), fallback, setting.description ?? ""]];
  });
}

function commands(): string {
  const parts = COMMANDS.map(({ name, summary, usage, options, examples }) => {
    const calls = usage.map((line) => `csc ${line}`).join("\n");
    const rows = options.map((option) => [
      code(
        `${option.short ? `-${option.short}, ` : ""}--${option.name}${
          option.value ? ` ${option.value}` : ""
        }`,
      ),
      option.help,
    ]);
    return [
      `### ${code(`csc ${name}`)}`,
      `${capitalised(summary)}.`,
      `\`\`\`text\n${calls}\n\`\`\``,
      ...(rows.length > 0 ? [tableOf(["Option", "Meaning"], rows)] : []),
      ...(examples.length > 0
        ? [
          tableOf(
            ["Example", "What it does"],
            examples.map(([call, what]) => [code(`csc ${call}`), what]),
          ),
        ]
        : []),
    ].join("\n\n");
  });
  const codes = EXIT_CODES.map(([exit, meaning]) => [String(exit), meaning]);
  return ["## Command line", tableOf(["Exit code", "Meaning"], codes), ...parts].join("\n\n");
}

function errors(): string {
  const rows = Object.entries(ERROR_EXIT_CODES).map(([name, exit]) => [code(name), String(exit)]);
  return `## Error codes\n\n${tableOf(["Code", "Exit code"], rows)}`;
}

function typeOf(schema: JsonSchema): string {
  if (schema.enum) return schema.enum.map((value) => code(JSON.stringify(value))).join(" or ");
  if (schema.anyOf) return schema.anyOf.map(typeOf).join(" or ");
  if (schema.type === "array") return `array of ${typeOf(schema.items ?? {})}`;
  if (typeof schema.additionalProperties === "object" && schema.additionalProperties.type) {
    return `object of ${typeOf(schema.additionalProperties)}`;
  }
  if (schema.type === "integer" && schema.minimum !== undefined) {
    const isBounded = schema.maximum !== undefined && schema.maximum < Number.MAX_SAFE_INTEGER;
    return `integer from ${schema.minimum}${isBounded ? ` to ${schema.maximum}` : ""}`;
  }
  return [schema.type ?? "any JSON"].flat().join(" or ");
}

function tableOf(headings: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell) => cell.replaceAll("|", "\\|").replaceAll("\n", " ")).join(" | ")} |`;
  return [line(headings), line(headings.map(() => "---")), ...rows.map(line)].join("\n");
}

function code(text: string): string {
  return `\`${text}\``;
}

function capitalised(text: string): string {
  return text[0].toUpperCase() + text.slice(1);
}

if (import.meta.main) {
  const path = new URL("../docs/API.md", import.meta.url);
  const page = apiPage();
  if (Deno.args.includes("--check")) {
    if (await Deno.readTextFile(path) === page) Deno.exit(0);
    console.error("docs/API.md is not up to date: run `deno task docs` and commit it.");
    Deno.exit(1);
  }
  await Deno.writeTextFile(path, page);
}

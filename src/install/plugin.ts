/**
 * The plugin for Claude Code: a folder with the hooks, the MCP server and the slash commands.
 *
 * @module
 */

import { CoordinatorError } from "../domain/error.ts";
import { VERSION } from "../version.ts";
import { hookSettings, type Program } from "./hooks.ts";
import { slashCommandFiles } from "./slash_commands.ts";

/** The plugin's name where nobody chose another. */
export const DEFAULT_NAME = "sc";

/** What its MCP server is called, in the plugin and in a project's `.mcp.json`. */
export const SERVER_NAME = "csc";

/** What a plugin is made for. */
export interface PluginOptions {
  /** Its name, before the colon of its slash commands. */
  readonly name: string;
  /** Whether an edit is blocked where the hook fails. */
  readonly strict: boolean;
}

/** The file that makes it a plugin: without it Claude Code loads nothing from the folder. */
export const MANIFEST = ".claude-plugin/plugin.json";

/** The hooks' file. */
export const HOOKS_FILE = "hooks/hooks.json";

/** The MCP server's file. */
export const SERVERS_FILE = ".mcp.json";

/** What starts this program from the shells of a session: its folder is on their `PATH`. */
export const SHIM = "bin/csc";

/**
 * The plugin's files, by their path in its folder.
 *
 * @param program The words that start this program, the first an absolute path.
 * @throws {CoordinatorError} `invalid_argument` for a name that is none.
 */
export function pluginFiles(program: Program, options: PluginOptions): Map<string, string> {
  checkName(options.name);
  const hooks = hookSettings(program, options.strict);
  const description = "Keeps Claude Code sessions on one repository out of each other's way";
  const manifest = {
    $schema: "https://anthropic.com/claude-code/plugin.schema.json",
    name: options.name,
    version: VERSION,
    description,
    author: { name: "The csc authors" },
    license: "MIT",
  };
  const isWindows = Deno.build.os === "windows";
  return new Map([
    [MANIFEST, json(manifest)],
    [HOOKS_FILE, json({ description: `${description}: csc hook`, hooks })],
    [SERVERS_FILE, json({ mcpServers: { [SERVER_NAME]: serverEntry(program) } })],
    ...slashCommandFiles(program),
    [SHIM, posixShim(program)],
    ...(isWindows ? [[`${SHIM}.cmd`, windowsShim(program)] as const] : []),
    ["README.md", readme(program, options)],
  ]);
}

/** How Claude Code starts the MCP server. */
export function serverEntry(program: Program) {
  return { type: "stdio", command: program[0], args: [...program.slice(1), "serve"] };
}

/**
 * Checks the name of a plugin.
 *
 * @throws {CoordinatorError} `invalid_argument`.
 */
export function checkName(name: string): void {
  if (/^[a-z0-9][a-z0-9-]{0,62}$/.test(name)) return;
  throw new CoordinatorError(
    "invalid_argument",
    `Cannot use ${JSON.stringify(name)} as the plugin's name`,
    "Use 1 to 63 lower-case letters, digits and dashes, the first no dash, such as 'sc'.",
  );
}

function json(value: unknown): string {
  return JSON.stringify(value, null, 2) + "\n";
}

function posixShim(program: Program): string {
  const words = program.map((word) => `'${word.replaceAll("'", "'\\''")}'`);
  return `#!/bin/sh\nexec ${words.join(" ")} "$@"\n`;
}

function windowsShim(program: Program): string {
  return `@${program.map((word) => `"${word}"`).join(" ")} %*\r\n`;
}

function readme(program: Program, { name, strict }: PluginOptions): string {
  return `# ${name}

This plugin lets several Claude Code sessions work on one repository without collisions: every
session registers itself, sees who else works here and on what, is stopped before it overwrites a
file that another session is editing, and leaves nothing behind when it ends.

\`csc install\` wrote this folder (csc ${VERSION}${strict ? ", strict mode" : ""}); it starts

    ${program.join(" ")}

- \`hooks/hooks.json\` has Claude Code call \`csc hook\` at a session's start and end and around edits.
- \`.mcp.json\` has it start the MCP server \`${SERVER_NAME}\`.
- \`commands/\` has \`/${name}:session-status\` and its siblings.
- \`bin/\` lets the shells of a session find \`csc\`.

Run \`csc doctor\` to check it, \`csc install\` to write it anew after csc was moved or updated, and
\`csc uninstall\` to remove it. Changes made here by hand do not survive the next \`csc install\`.
`;
}

/**
 * The help texts, made from the commands.
 *
 * @module
 */

import { bold } from "../std/colors.ts";
import { VERSION } from "../version.ts";
import type { Command } from "./command.ts";
import { COMMANDS } from "./commands.ts";
import { columns } from "./output.ts";

/** What the exit codes mean, everywhere. */
export const EXIT_CODES: readonly (readonly [code: number, meaning: string])[] = [
  [0, "done"],
  [1, "failed, not found, or held by another session"],
  [2, "bad arguments or configuration"],
  [3, "timed out: a wait was in vain, or the store stayed busy"],
  [130, "interrupted"],
];

/** The help of the whole program. */
export function programHelp(): string {
  return [
    `${
      bold("csc")
    } ${VERSION} - lets Claude Code sessions work on one repository without collisions`,
    "",
    section("Usage", [
      "csc COMMAND [OPTIONS]",
      "csc COMMAND --help",
      "csc            (serves MCP, like csc serve)",
    ]),
    section("Commands", pairs(COMMANDS.map(({ name, summary }) => [name, summary]))),
    section(
      "Examples",
      pairs([
        ["csc install", "once: all your sessions take part"],
        ["csc status", "who works on what, and what is held"],
        ["csc run --lock deploy -- make deploy", "one deploys at a time"],
        ["claude mcp add csc -- csc", "the MCP server alone, without hooks"],
      ]),
    ),
    section("Exit codes", pairs(EXIT_CODES.map(([code, meaning]) => [String(code), meaning]))),
    section(
      "Environment",
      pairs([
        ["CLAUDE_PROJECT_DIR", "the project's folder; without it the current one"],
        ["CLAUDE_SESSION_COORDINATOR_CONFIG", "the configuration file"],
        ["CLAUDE_SESSION_ID", "the session that a command acts for"],
        ["REDIS_URL, COORDINATION_DIR", "where the store is; docs/team-commands.md"],
        ["CSC_REDIS_PASSWORD", "and its password; also CSC_POSTGRES_PASSWORD"],
        ["CSC_TOKEN", "the token for a csc server"],
        ["SERVER_PORT", "the port of csc serve --http"],
        ["DEFAULT_LOCK_TIMEOUT", "seconds that a lock lasts where nothing is said"],
        ["HEARTBEAT_TTL", "seconds after which an instance without a sign is free"],
        ["NO_COLOR", "no colours"],
      ]),
    ),
  ].join("\n");
}

/** The help of one command. */
export function commandHelp(command: Command): string {
  const { name, summary, usage, options, examples } = command;
  const rows = options.map(({ name, short, value, help }) => [
    `${short ? `-${short}, ` : ""}--${name}${value ? ` ${value}` : ""}`,
    help,
  ]);
  return [
    `${bold(`csc ${name}`)} - ${summary}`,
    "",
    section("Usage", usage.map((line) => `csc ${line}`)),
    section("Options", pairs([...rows, ["--help", "show this"]])),
    ...(examples.length > 0
      ? [section("Examples", pairs(examples.map(([call, what]) => [`csc ${call}`, what])))]
      : []),
  ].join("\n");
}

/** What a person reads who starts the server in a terminal. */
export function about(): string {
  return `${
    bold("csc")
  } ${VERSION} lets Claude Code sessions work on one repository without collisions.
It is an MCP server: Claude Code starts it and talks to it, a person need not.

  Connect it:          claude mcp add csc -- csc
  See it work:         csc demo
  Who is working:      csc status
  All commands:        csc --help
`;
}

function section(title: string, lines: readonly string[]): string {
  return `${bold(title)}\n${lines.map((line) => `  ${line}`).join("\n")}\n`;
}

/** Two columns; where the first is too long, the second goes below it. */
function pairs(rows: readonly (readonly string[])[]): string[] {
  const width = Math.min(38, Math.max(...rows.map(([left]) => left.length)) + 2);
  return rows.flatMap(([left, right]) => {
    const fits = left.length + 2 <= width && width + right.length + 2 <= columns();
    return fits ? [left.padEnd(width) + right] : [left, `    ${right}`];
  });
}

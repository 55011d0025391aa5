/**
 * All commands. Each loads its module when it runs, so that one evaluates only what it needs.
 *
 * @module
 */

import { type Command, CONFIG_OPTION, JSON_OPTION, PERMISSIONS } from "./command.ts";
import { COORDINATION_COMMANDS } from "./coordination_commands.ts";
import { TEAM_COMMANDS } from "./team_commands.ts";

const MACHINE_OPTION = {
  name: "machine",
  value: "NAME",
  help: "read this project's data of another machine",
};

/** Serves MCP; also what `csc` alone does. */
export const SERVE: Command = {
  name: "serve",
  summary: "serve MCP on standard input and output, or over HTTP for many",
  usage: [
    "serve [--config FILE]",
    "serve --http [HOST:PORT] [--allow-host NAME]",
    "serve --http [HOST:PORT] --tls-cert FILE --tls-key FILE",
  ],
  maxWords: 1,
  options: [
    {
      name: "http",
      help: "serve many clients over HTTP, and be a store for other machines",
    },
    {
      name: "allow-host",
      value: "NAME",
      help: "a name that clients call it by, beside its addresses; may be repeated",
    },
    { name: "tls-cert", value: "FILE", help: "over TLS, with this certificate (PEM)" },
    { name: "tls-key", value: "FILE", help: "and its private key" },
    CONFIG_OPTION,
  ],
  examples: [
    ["serve", "what `claude mcp add csc -- csc` starts"],
    ["serve --http", "for the sessions of this machine, at http://127.0.0.1:8082/mcp"],
    [
      "serve --http 0.0.0.0:8082 --allow-host csc.example.org",
      "for all machines; needs a token, see `csc token --help`",
    ],
  ],
  permissions: PERMISSIONS,
  run: async (line) => (await import("./server/serve.ts")).serve(line),
};

/** The commands in the order of the help. */
export const COMMANDS: readonly Command[] = [
  SERVE,
  {
    name: "status",
    summary: "show who works on this project and on what, and what is held",
    usage: ["status [--json]"],
    maxWords: 0,
    options: [JSON_OPTION, CONFIG_OPTION],
    examples: [["status", "a table for people"], ["status --json", "the same for programs"]],
    permissions: PERMISSIONS,
    run: async (line) => (await import("./sessions/status.ts")).status(line),
  },
  {
    name: "install",
    summary: "hooks, MCP server and commands for Claude Code",
    usage: ["install [--name NAME] [--strict] [--json]", "install --project [--strict] [--json]"],
    maxWords: 0,
    options: [
      {
        name: "project",
        help: "write .mcp.json and .claude/settings.json of this repository instead",
      },
      { name: "name", value: "NAME", help: "call the plugin, and its commands, so; sc by default" },
      { name: "strict", help: "block an edit where the check itself fails" },
      JSON_OPTION,
    ],
    examples: [
      ["install", "for you, in all your projects; again after csc was moved or updated"],
      ["install --project", "for everybody who works on this repository and has csc"],
    ],
    permissions: ["read", "write", "env", "run"],
    run: async (line) => (await import("./setup/install.ts")).install(line),
  },
  {
    name: "uninstall",
    summary: "take out what `csc install` put in, and nothing else",
    usage: ["uninstall [--name NAME] [--json]", "uninstall --project [--json]"],
    maxWords: 0,
    options: [
      { name: "project", help: "take it out of this repository's files" },
      { name: "name", value: "NAME", help: "the plugin's name; sc by default" },
      JSON_OPTION,
    ],
    examples: [["uninstall", "what sessions stored stays; so do files that you added"]],
    permissions: ["read", "write", "env"],
    run: async (line) => (await import("./setup/uninstall.ts")).uninstall(line),
  },
  {
    name: "doctor",
    summary: "prove that the installation works, or say how to mend it",
    usage: ["doctor [--json]"],
    maxWords: 0,
    options: [JSON_OPTION, CONFIG_OPTION],
    examples: [["doctor", "exit code 1 where something fails; a warning is none"]],
    permissions: PERMISSIONS,
    run: async (line) => (await import("./setup/doctor.ts")).doctor(line),
  },
  ...COORDINATION_COMMANDS,
  ...TEAM_COMMANDS,
  {
    name: "data",
    summary: "read and change what the sessions of this project share",
    usage: [
      "data list [SCOPE]",
      "data get SCOPE KEY",
      "data set SCOPE KEY VALUE",
      "data delete SCOPE [KEY]",
    ],
    maxWords: 4,
    options: [
      JSON_OPTION,
      { name: "text", help: "VALUE is text, not JSON" },
      MACHINE_OPTION,
      CONFIG_OPTION,
    ],
    examples: [
      ["data list", "all scopes"],
      ["data list session:claude_1", "the keys of one"],
      ["data get session:claude_1 todos", "a value as JSON"],
      ["data set issue:15 owner --text ada", "store a text"],
      ["data set issue:15 points 3", "store a number"],
      ["data set issue:15 plan - < plan.json", "store what standard input holds"],
      ["data delete issue:15", "delete a scope with all its keys"],
    ],
    permissions: PERMISSIONS,
    run: async (line) => (await import("./stores/data.ts")).data(line),
  },
  {
    name: "token",
    summary: "who may use your server: make, list and revoke tokens",
    usage: [
      "token create --user NAME [--scope SCOPES] [--expires TIME]",
      "token create --user NAME --project GLOB [--machine GLOB] [--tenant TENANT]",
      "token list [--json]",
      "token revoke ID [--json]",
    ],
    maxWords: 2,
    options: [
      { name: "user", value: "NAME", help: "whom it is for" },
      { name: "tenant", value: "TENANT", help: "whose data it sees; default" },
      {
        name: "scope",
        value: "SCOPES",
        help: "of read, write, force and admin, with commas; read,write",
      },
      { name: "project", value: "GLOB", help: "it may name this project only; may be repeated" },
      { name: "machine", value: "GLOB", help: "the same for machines" },
      { name: "expires", value: "TIME", help: "how long it holds, such as 12h or 30d" },
      JSON_OPTION,
      CONFIG_OPTION,
    ],
    examples: [
      ["token create --user ada", "prints the token, this once"],
      ["token create --user ci --project 'acme/*' --expires 30d", "for some projects, for a month"],
      ["token create --user ops --scope read,write,force", "may also take what others hold"],
      ["token revoke 5f0c2a91d3", "refused from then on, also by a server that runs"],
    ],
    permissions: ["read", "write", "env"],
    run: async (line) => (await import("./server/token.ts")).token(line),
  },
  {
    name: "config",
    summary: "show, check or find the configuration",
    usage: ["config show [--json]", "config validate [FILE]", "config path [--json]"],
    maxWords: 2,
    options: [JSON_OPTION, CONFIG_OPTION],
    examples: [
      ["config show", "each value, and which file or default it comes from"],
      ["config validate", "check the file in use: exit code 0, or 2 with all that is wrong"],
      ["config path", "where files are looked for, and where the log is"],
    ],
    permissions: ["read", "env", "sys"],
    run: async (line) => (await import("./setup/config.ts")).config(line),
  },
  {
    name: "migrate",
    summary: "move what is shared from one store to another",
    usage: [
      "migrate --from STORE --to STORE --dry-run [--scope GLOB]",
      "migrate --from STORE --to STORE [--scope GLOB] [--overwrite] [--force]",
    ],
    maxWords: 0,
    options: [
      {
        name: "from",
        value: "STORE",
        help: "where it is: an adapter's name, a URL, a folder, a configuration file",
      },
      { name: "to", value: "STORE", help: "where it is to be, named likewise" },
      { name: "dry-run", help: "only show what would be done" },
      { name: "overwrite", help: "replace what differs in the target" },
      { name: "force", help: "also while sessions use the source" },
      { name: "scope", value: "GLOB", help: "only scopes whose full name matches" },
      JSON_OPTION,
      CONFIG_OPTION,
    ],
    examples: [
      ["migrate --from local --to redis://localhost:6379", "again, if it was interrupted"],
      ["migrate --from local --to team.json --dry-run", "to the store of a configuration file"],
    ],
    permissions: PERMISSIONS,
    run: async (line) => (await import("./stores/migrate.ts")).migrateCommand(line),
  },
  {
    name: "trust",
    summary: "allow a project's own configuration to use a store on the network",
    usage: ["trust [--yes] [--json]", "trust --list [--json]", "trust --remove [FOLDER] [--json]"],
    maxWords: 1,
    options: [
      { name: "yes", help: "do not ask: for programs" },
      { name: "list", help: "show what you have allowed, in all projects" },
      {
        name: "remove",
        help: "take back what you have allowed this project, or the one in FOLDER",
      },
      JSON_OPTION,
    ],
    examples: [
      ["trust", "shows what this project's file asks for, and asks you"],
      ["trust --remove", "from then on the address is not talked to"],
    ],
    permissions: ["read", "write", "env"],
    run: async (line) => (await import("./setup/trust.ts")).trust(line),
  },
  {
    name: "demo",
    summary: "show on real processes that nothing is lost or claimed twice",
    usage: ["demo"],
    maxWords: 0,
    options: [],
    examples: [["demo", "takes a few seconds, in a temporary project"]],
    permissions: ["read", "write", "env", "run"],
    run: async (_line) => (await import("./demo/demo.ts")).demo(),
  },
  {
    name: "version",
    summary: "print the version",
    usage: ["version [--json]"],
    maxWords: 0,
    options: [JSON_OPTION],
    examples: [["version --json", "the same for programs"]],
    permissions: ["read"], // of a bundle its own part is read when it runs
    run: async (line) => (await import("./version.ts")).version(line),
  },
];

/**
 * The commands that coordinate sessions. Each loads its module when it runs.
 *
 * @module
 */

import { type Command, CONFIG_OPTION, JSON_OPTION, type Option, PERMISSIONS } from "./command.ts";

const SESSION: Option = {
  name: "session",
  value: "ALIAS|ID",
  help: "act for this session, not for the one that runs the command",
};
/** Names who holds what a command takes. */
export const HOLDER: Option = {
  name: "holder",
  value: "NAME",
  help: "act for this holder: a session's id, or any name such as ci-42",
};
/** What all commands that open the store have. */
export const COMMON = [JSON_OPTION, CONFIG_OPTION];

/** The commands in the order of the help. */
export const COORDINATION_COMMANDS: readonly Command[] = [
  {
    name: "refresh",
    summary: "look at all sessions anew, and heal what dead ones left",
    usage: ["refresh [--json]"],
    maxWords: 0,
    options: COMMON,
    examples: [["refresh", "says what it did"]],
    permissions: PERMISSIONS,
    run: async (line) => (await import("./sessions/refresh.ts")).refresh(line),
  },
  {
    name: "locks",
    summary: "show which files and names are held, by whom, and who waits",
    usage: ["locks [PATTERN] [--json]"],
    maxWords: 1,
    options: COMMON,
    examples: [
      ["locks", "all locks, and all reserved files of all working trees"],
      ["locks 'src/*'", "files in a folder; * matches / too"],
      ["locks 'issue:*'", "named locks"],
    ],
    permissions: PERMISSIONS,
    run: async (line) => (await import("./locks/locks.ts")).locks(line),
  },
  {
    name: "check",
    summary: "say whether a file may be edited now, else who holds it",
    usage: ["check FILE [--json]"],
    maxWords: 1,
    options: [SESSION, ...COMMON],
    examples: [["check src/auth.ts", "exit code 0: free or yours; 1: held"]],
    permissions: PERMISSIONS,
    run: async (line) => (await import("./locks/check.ts")).check(line),
  },
  {
    name: "unlock",
    summary: "give back what you hold; with --force what another holds",
    usage: [
      "unlock [FILE | LOCK] [--force] [--reason TEXT] [--holder NAME]",
      "unlock --session ALIAS|ID --force [--reason TEXT]",
    ],
    maxWords: 1,
    options: [
      { name: "force", help: "take it from whoever holds it; journaled, and its holder is told" },
      { name: "session", value: "ALIAS|ID", help: "what this session holds" },
      { name: "reason", value: "TEXT", help: "why it is taken; its holder reads it" },
      HOLDER,
      ...COMMON,
    ],
    examples: [
      ["unlock", "everything that your session holds"],
      ["unlock src/auth.ts", "one file"],
      ["unlock src/auth.ts --force", "also where another session holds it"],
      ["unlock --session Session_2 --force", "all that it holds and guards, for git too"],
    ],
    permissions: PERMISSIONS,
    run: async (line) => (await import("./locks/unlock.ts")).unlock(line),
  },
  {
    name: "wait",
    summary: "get in line for a file, and wait for one's turn",
    usage: ["wait FILE [--timeout SECONDS] [--notify]"],
    maxWords: 1,
    options: [
      { name: "timeout", value: "SECONDS", help: "600 by default, with --notify 1800" },
      { name: "notify", help: "return at once; the session is woken when its turn comes" },
      SESSION,
      ...COMMON,
    ],
    examples: [
      ["wait src/auth.ts", "exit code 0: it is yours; 3: in vain"],
      ["wait src/auth.ts --notify", "do something else meanwhile"],
    ],
    permissions: PERMISSIONS,
    run: async (line) => (await import("./locks/wait.ts")).wait(line),
  },
  {
    name: "intent",
    summary: "tell the other sessions what you are about to do",
    usage: ["intent [TEXT…] [--area AREA] [--depends-on SESSION|AREA] [--capacity N]"],
    maxWords: Infinity,
    options: [
      { name: "area", value: "AREA", help: "the part of the project; several with commas" },
      { name: "depends-on", value: "NAME", help: "the session or area whose work you need" },
      { name: "capacity", value: "N", help: "how much more you could take on" },
      SESSION,
      ...COMMON,
    ],
    examples: [
      ["intent refactoring the login --area auth", "others are offered other work"],
      ["intent tests of the login --depends-on Session_1", "wait for its work, or do other work"],
      ["intent", "what was said; - takes an option back, '' the text"],
    ],
    permissions: PERMISSIONS,
    run: async (line) => (await import("./sessions/declare.ts")).intent(line),
  },
  {
    name: "progress",
    summary: "tell the other sessions how far you are",
    usage: ["progress PERCENT [TEXT…]"],
    maxWords: Infinity,
    options: [SESSION, ...COMMON],
    examples: [["progress 60 the forms are done", "others see how long to wait for you"]],
    permissions: PERMISSIONS,
    run: async (line) => (await import("./sessions/declare.ts")).progress(line),
  },
  {
    name: "suggest",
    summary: "suggest work that is in nobody's way",
    usage: ["suggest [FILE] [--json]"],
    maxWords: 1,
    options: [SESSION, ...COMMON],
    examples: [
      ["suggest", "what the others do, and what is free"],
      ["suggest src/auth.ts", "what to do instead of a file that is held"],
    ],
    permissions: PERMISSIONS,
    run: async (line) => (await import("./sessions/suggest.ts")).suggest(line),
  },
  {
    name: "commit-mine",
    summary: "commit exactly the hunks that your session wrote",
    usage: ["commit-mine -m MESSAGE [FILE…]", "commit-mine --dry-run [FILE…]"],
    maxWords: Infinity,
    options: [
      { name: "message", short: "m", value: "MESSAGE", help: "again for one more paragraph" },
      { name: "dry-run", help: "only show what would be committed" },
      SESSION,
      ...COMMON,
    ],
    examples: [
      ["commit-mine -m 'Check the token'", "others' edits in the same files stay as they are"],
      ["commit-mine -m 'Check the token' src/auth", "only these files and folders"],
    ],
    permissions: PERMISSIONS,
    run: async (line) => (await import("./commits/commit_mine.ts")).commitMineCommand(line),
  },
  {
    name: "history",
    summary: "show what the sessions of this machine did",
    usage: ["history [--last SPAN] [--session ALIAS|ID] [FILE]"],
    maxWords: 1,
    options: [
      { name: "last", value: "SPAN", help: "such as 30m, 24h (the default) or 7d" },
      { name: "session", value: "ALIAS|ID", help: "only what this session did" },
      ...COMMON,
    ],
    examples: [
      ["history --last 2h", "denials, overlaps and what was forced stand out"],
      ["history src/auth.ts", "who edited a file"],
    ],
    permissions: PERMISSIONS,
    run: async (line) => (await import("./commits/history.ts")).history(line),
  },
  {
    name: "graph",
    summary: "show the whole state as a knowledge graph",
    usage: ["graph [--json | --mermaid]"],
    maxWords: 0,
    options: [...COMMON, { name: "mermaid", help: "print a diagram in Mermaid's language" }],
    examples: [["graph --mermaid", "who works on what, holds what, and waits for whom"]],
    permissions: PERMISSIONS,
    run: async (line) => (await import("./sessions/graph.ts")).graph(line),
  },
  {
    name: "cleanup",
    summary: "remove what sessions that are gone left behind",
    usage: ["cleanup [--stale] [--force] [--json]"],
    maxWords: 0,
    options: [
      {
        name: "stale",
        help: "also list sessions that have been silent for longer than `session_timeout`",
      },
      { name: "force", help: "end those listed; remove damaged records and ended sessions" },
      ...COMMON,
    ],
    examples: [
      ["cleanup", "sessions whose processes are gone; nothing else is touched"],
      ["cleanup --stale", "shows what --stale --force would end"],
    ],
    permissions: PERMISSIONS,
    run: async (line) => (await import("./sessions/cleanup.ts")).cleanup(line),
  },
  {
    name: "hook",
    summary: "for Claude Code's hooks: decide on one event",
    usage: ["hook < EVENT"],
    maxWords: 0,
    options: [],
    examples: [["hook < event.json", "an event as JSON; what `csc install` sets up"]],
    permissions: PERMISSIONS,
    run: async (_line) => (await import("../hook/main.ts")).hook(),
  },
];

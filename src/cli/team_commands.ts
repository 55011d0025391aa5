/**
 * The commands for teams and for CI: locks by name, issues, and sessions without hooks. Each loads its
 * module when it runs.
 *
 * @module
 */

import { type Command, type Option, PERMISSIONS } from "./command.ts";
import { COMMON, HOLDER } from "./coordination_commands.ts";

const PURPOSE: Option = {
  name: "purpose",
  value: "TEXT",
  help: "what it is for; others see it",
};

/** The commands in the order of the help. */
export const TEAM_COMMANDS: readonly Command[] = [
  {
    name: "lock",
    summary: "take a lock that all sessions of the project see; look at locks",
    usage: [
      "lock NAME [SECONDS] [--wait SECONDS] [--purpose TEXT] [--holder NAME]",
      "lock acquire NAME [SECONDS]   (the same, whatever its name)",
      "lock release NAME",
      "lock check NAME",
      "lock wait NAME [SECONDS]",
      "lock list [PATTERN]",
      "lock info NAME",
      "lock force-release NAME [--reason TEXT]",
      "lock status [NAME]",
    ],
    maxWords: 3,
    options: [
      { name: "wait", value: "SECONDS", help: "get in line for so long, at most 3600" },
      PURPOSE,
      HOLDER,
      { name: "reason", value: "TEXT", help: "why it is taken by force; its holder reads it" },
      ...COMMON,
    ],
    examples: [
      ["lock deploy", "for 300 s; it ends with your session at the latest"],
      ["lock issue:42 3600 --wait 120", "for an hour, once it is free; exit code 3: in vain"],
      ["lock work", "what the current branch is about: issue:42, wave:5c.1"],
      ["lock acquire deploy --holder ci-42", "outside a session: until its time is over"],
      ["lock check deploy", "exit code 0: nobody holds it; 1: somebody does"],
      ["lock wait deploy 60", "until it is free, without taking it; exit code 3: in vain"],
      ["lock release deploy", "exit code 0 also where nobody holds it any more"],
    ],
    permissions: PERMISSIONS,
    run: async (line) => (await import("./locks/lock.ts")).lock(line),
  },
  {
    name: "run",
    summary: "run a command while it holds locks",
    usage: ["run --lock NAME… [--ttl SECONDS] [--wait SECONDS] -- COMMAND [ARG…]"],
    maxWords: Infinity,
    options: [
      { name: "lock", value: "NAME", help: "the lock; again for one more" },
      {
        name: "ttl",
        value: "SECONDS",
        help: "how long it lasts unless extended, which csc does while the command runs",
      },
      { name: "wait", value: "SECONDS", help: "get in line for so long, at most 3600" },
      {
        name: "on-lost",
        value: "stop|warn",
        help: "what happens to the command if a lock is lost; stop by default",
      },
      { name: "holder", value: "NAME", help: "how others see who holds it, such as ci-42" },
      PURPOSE,
      ...COMMON,
    ],
    examples: [
      ["run --lock pytest -- pytest -q", "its exit code is that of pytest"],
      ["run --lock deploy --wait 600 -- make deploy", "exit code 3 where it was not free in time"],
      ["run --lock db --lock deploy -- sh -c 'make && make deploy'", "one after the other"],
    ],
    permissions: PERMISSIONS,
    run: async (line) => (await import("./locks/run_locked.ts")).runLocked(line),
  },
  {
    name: "claim",
    summary: "claim an issue, or the next one of a list that nobody has",
    usage: [
      "claim NUM [TITLE…] [--prefix TEXT] [--ttl SECONDS] [--holder NAME]",
      "claim --next NUM…",
      "claim --next --from LIST|FILE|-",
      "claim --done [NUM…]",
      "claim --release [NUM…]",
      "claim --check NUM",
      "claim --find TEXT",
      "claim --list",
      "claim --status",
    ],
    maxWords: Infinity,
    options: [
      { name: "next", help: "the first of a list that is neither claimed nor done" },
      {
        name: "from",
        value: "LIST|FILE|-",
        help: "a list of `csc data`, a file (named with a dot or a slash), or the input",
      },
      { name: "machine", value: "NAME", help: "the list of this machine" },
      { name: "done", help: "it is done: --next does not give it again" },
      { name: "release", help: "give it back; without a number all that you have claimed" },
      { name: "check", help: "exit code 0: nobody has claimed it; 1: somebody has" },
      { name: "find", help: "claims with this text in their label; exit code 1: none" },
      { name: "list", help: "all claims" },
      { name: "status", help: "what you have claimed" },
      { name: "prefix", value: "TEXT", help: "in front of its number, such as NHL" },
      { name: "ttl", value: "SECONDS", help: "a day by default" },
      HOLDER,
      ...COMMON,
    ],
    examples: [
      ["claim 167 Player landing page", "others see `NHL #167: Player landing page`"],
      ["claim --next 12 13 14", "one that nobody else gets; exit code 1: none is left"],
      ["claim --next --from sprint", "of the list that `csc data set lists sprint …` stored"],
      ["claim --next --from - < issues.json", "as `gh issue list --json number,title` prints them"],
      ["claim --done", "what you have claimed is done"],
    ],
    permissions: PERMISSIONS,
    run: async (line) => (await import("./claims/claim.ts")).claim(line),
  },
  {
    name: "session",
    summary: "register and end a session where no hook does it",
    usage: ["session start|pause|end|status [ID]", "session cleanup"],
    maxWords: 2,
    options: COMMON,
    examples: [
      ["session start ci-42", "what it locks and claims ends with it"],
      ["session status", "all sessions that go on"],
      ["session end ci-42", "gives back all that it holds"],
      ["session cleanup", "ends those whose process is gone, or silent for a day"],
    ],
    permissions: PERMISSIONS,
    run: async (line) => (await import("./sessions/session.ts")).session(line),
  },
  {
    name: "heartbeat",
    summary: "show that a session lives where no MCP server does it",
    usage: [
      "heartbeat touch|check|age|stop [ID]",
      "heartbeat daemon [ID] [--interval SECONDS] [--pid PID]",
      "heartbeat list|cleanup",
    ],
    maxWords: 2,
    options: [
      { name: "interval", value: "SECONDS", help: "how often the daemon gives a sign; 30" },
      { name: "pid", value: "PID", help: "end the session when this process has ended" },
      { name: "foreground", help: "be the daemon, until stopped" },
      ...COMMON,
    ],
    examples: [
      ["heartbeat touch", "one sign of life"],
      ["heartbeat daemon --pid $$", "in the background, as long as this shell lives"],
      ["heartbeat check ci-42", "exit code 0: active or idle; 1: not"],
      ["heartbeat stop", "ends the daemon, and never another process"],
    ],
    permissions: PERMISSIONS,
    run: async (line) => (await import("./sessions/heartbeat.ts")).heartbeat(line),
  },
];

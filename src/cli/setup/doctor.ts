/**
 * `csc doctor`: proves that the installation works, by using it as Claude Code does; every finding that
 * is not well comes with its fix.
 *
 * @module
 */

import { git, GIT_TIMEOUT_MS } from "../../detect/git.ts";
import { findRepository } from "../../detect/repository.ts";
import { printable } from "../../domain/text.ts";
import { failuresPath, failuresSince } from "../../hook/failures.ts";
import { check, Deadline, fail, type Finding, firstLine, ok, warn } from "../../install/finding.ts";
import { probeHooks } from "../../install/hook_probe.ts";
import type { Program } from "../../install/hooks.ts";
import {
  findInstallations,
  findServers,
  findSwitches,
  type Installation,
} from "../../install/installations.ts";
import { Sandbox } from "../../install/sandbox.ts";
import { claudeVersion, isOlder, VERSION_TIMEOUT_MS, versionOf } from "../../install/version_of.ts";
import { selfCommand } from "../../os/self.ts";
import { bold, green, red } from "../../std/colors.ts";
import { VERSION } from "../../version.ts";
import type { CommandLine } from "../command.ts";
import { examineServer } from "./doctor_handshake.ts";
import { examineProject } from "./doctor_project.ts";
import { print, printJson } from "../output.ts";
import { table } from "../table.ts";

/** All checks together end within 30 s, whatever hangs. */
const LIMIT_MS = 25_000;

const DAY_MS = 24 * 3600 * 1000;

/** The first Claude Code that starts hooks without a shell. */
const OLDEST_CLAUDE = "2.1.139";
/** The first one that can block an edit where a hook fails. */
const OLDEST_STRICT_CLAUDE = "2.1.295";

/** Runs `csc doctor`. */
export async function doctor(line: CommandLine): Promise<number> {
  const startedAt = performance.now();
  const deadline = new Deadline(LIMIT_MS);
  const worktree = findRepository(Deno.env.get("CLAUDE_PROJECT_DIR") || Deno.cwd())?.worktree ??
    null;
  const installations = findInstallations(worktree);
  const [claude, gitFinding, programs, project] = await Promise.all([
    examineClaude(installations, deadline),
    examineGit(deadline),
    Promise.all(installations.map((one) => examineProgram(one, deadline))),
    check("project", "csc status", () => examineProject(line.text("config"), deadline)),
  ]);
  const working = installations.find((_, i) => programs[i].isWorking)?.program;
  const findings = [
    ownVersion(),
    claude,
    gitFinding,
    ...examineInstallations(installations, worktree),
    ...programs.map(({ finding }) => finding),
    ...await useProgram(working ?? selfCommand(), deadline),
    ...project,
    ...await check("hook failures", "csc config path", () => Promise.resolve(hookFailures())),
  ];
  const isWell = findings.every(({ status }) => status !== "fail");
  const seconds = (performance.now() - startedAt) / 1000;
  if (line.has("json")) printJson({ ok: isWell, findings, seconds: Number(seconds.toFixed(1)) });
  else forPeople(findings, seconds);
  return isWell ? 0 : 1;
}

function ownVersion(): Finding {
  const { deno } = Deno.version;
  const kind = Deno.build.standalone ? "executable" : "from source";
  return ok("csc", `${VERSION}, ${kind}, Deno ${deno}, ${Deno.build.target}`);
}

async function examineClaude(
  installations: readonly Installation[],
  deadline: Deadline,
): Promise<Finding> {
  const version = await claudeVersion(deadline.left(VERSION_TIMEOUT_MS));
  if (version === null) return ok("claude", "not on the PATH, so its version is unknown");
  if (isOlder(version, OLDEST_CLAUDE)) {
    const detail = `${version} cannot start the hooks: they need ${OLDEST_CLAUDE}`;
    return fail("claude", detail, "claude update");
  }
  if (installations.some(({ hooks }) => hooks.isStrict) && isOlder(version, OLDEST_STRICT_CLAUDE)) {
    const detail = `${version} ignores strict mode, which needs ${OLDEST_STRICT_CLAUDE}`;
    return fail("claude", detail, "claude update");
  }
  return ok("claude", version);
}

async function examineGit(deadline: Deadline): Promise<Finding> {
  const answer = await git(["--version"], Deno.cwd(), deadline.left(GIT_TIMEOUT_MS));
  return answer.ok
    ? ok("git", answer.text.replace(/^git version /, ""))
    : warn("git", `${answer.why}: branches and uncommitted work stay unseen`, "Install git.");
}

/** What files tell: where we are installed, and whether all of it is there. */
function examineInstallations(
  installations: readonly Installation[],
  worktree: string | null,
): Finding[] {
  const servers = findServers(worktree);
  const findings: Finding[] = [];
  for (const { kind, name, place, hooks, hasServer, repair } of installations) {
    const check = name ? `${kind} '${name}'` : kind;
    if (hooks.missing.length > 0) {
      findings.push(fail(check, `hooks are missing: ${hooks.missing.join(", ")}`, repair));
    }
    if (hooks.inShellForm.length > 0) {
      const detail = `in ${place} hooks go through a shell: ${hooks.inShellForm.join(", ")}`;
      findings.push(warn(check, detail, `Remove them from the file, then run: ${repair}`));
    }
    if (!hasServer) findings.push(fail(check, "its MCP server is missing", repair));
    if (hooks.missing.length === 0 && hasServer) {
      findings.push(ok(check, `${place}${hooks.isStrict ? ", strict" : ""}, ${hooks.found} hooks`));
    }
  }
  if (installations.length === 0) {
    const detail = servers.length > 0
      ? "only the MCP server is connected: nothing guards the files"
      : "nothing is installed";
    findings.push(fail("installation", detail, "csc install"));
  }
  for (const { detail, fix } of findSwitches(worktree, installations)) {
    findings.push(fail("installation", detail, fix));
  }
  return [...findings, ...duplicates(installations, servers)];
}

/** Two installations work, but each edit is checked twice. */
function duplicates(
  installations: readonly Installation[],
  servers: ReturnType<typeof findServers>,
): Finding[] {
  const [first, ...others] = installations;
  const plugin = installations.find(({ kind }) => kind === "plugin");
  const removal = ({ kind, name, place }: Installation) =>
    kind === "plugin"
      ? `csc uninstall --name ${name}`
      : kind === "project"
      ? "csc uninstall --project"
      : `Remove our hooks from ${place}`;
  return [
    ...others.map((other) =>
      warn("installation", `${first.place} and ${other.place}: hooks run twice`, removal(other))
    ),
    ...servers.filter(({ scope }) => plugin && scope !== "project").map(({ scope, name }) =>
      warn(
        "installation",
        `the MCP server '${name}' is connected a second time (scope ${scope})`,
        `claude mcp remove ${name} -s ${scope}`,
      )
    ),
  ];
}

/** Whether the program that an installation names is there, and this version. */
async function examineProgram(
  { kind, name, program, repair }: Installation,
  deadline: Deadline,
): Promise<{ finding: Finding; isWorking: boolean }> {
  const check = name ? `program of '${name}'` : `program of ${kind}`;
  const answer = await versionOf(program, deadline.left(VERSION_TIMEOUT_MS));
  const words = program.join(" ");
  if (answer.version === null) {
    return { finding: fail(check, `${words}: ${answer.why}`, repair), isWorking: false };
  }
  const finding = answer.version === VERSION
    ? ok(check, `${words}, ${Math.round(answer.ms)} ms`)
    : warn(check, `${words} is csc ${answer.version}, and this is ${VERSION}`, repair);
  return { finding, isWorking: true };
}

/** Uses the program as Claude Code does, in a temporary project. */
async function useProgram(program: Program, deadline: Deadline): Promise<readonly Finding[]> {
  return await check("sandbox", "Free some space in the folder for temporary files.", async () => {
    const sandbox = await Sandbox.make();
    try {
      const handshake = await examineServer(program, sandbox, deadline);
      return [handshake, ...await probeHooks(program, sandbox, deadline)];
    } finally {
      await sandbox.remove();
    }
  });
}

/** Hooks that failed let the edit pass, and note it in a log of their own. */
function hookFailures(): Finding {
  const failures = failuresSince(Date.now() - DAY_MS);
  const last = failures.at(-1);
  if (!last) return ok("hook failures", "none in the last 24 hours");
  const [at, event, message] = [last.at, last.event, last.message].map((one) =>
    firstLine(`${one}`)
  );
  const detail =
    `${failures.length} in the last 24 hours, the last at ${at} in ${event}: ${message}`;
  return warn("hook failures", detail, `rm '${failuresPath()}' (once the cause is gone)`);
}

const COLORS = { ok: green, warn: bold, fail: red };

function forPeople(findings: readonly Finding[], seconds: number): void {
  print(
    table(["", "CHECK", "FINDING"], findings.map((one) => [one.status, one.check, one.detail])),
  );
  const ill = findings.filter(({ fix }) => fix !== null);
  if (ill.length === 0) return print(`\n${green("All is well")} (${seconds.toFixed(1)} s).`);
  print(`\n${bold("To fix")}`);
  for (const { status, check, fix } of ill) {
    print(`  ${COLORS[status](status)} ${printable(check)}: ${printable(fix!)}`);
  }
}

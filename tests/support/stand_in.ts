import { MARKER_NAME, markerText } from "../../src/install/marker.ts";
import { pluginFiles } from "../../src/install/plugin.ts";
import { VERSION } from "../../src/version.ts";
import { CSC } from "./command.ts";
import type { TestProject } from "./project.ts";

/** A hook that answers as the real one does; each line can be replaced to plant a fault. */
export const SOUND_HOOK = {
  SessionStart:
    `printf '{"hookSpecificOutput":{"hookEventName":"SessionStart","additionalContext":"hello"}}'`,
  PreToolUse: [
    // The first session takes the file; another one is denied it.
    `held="$XDG_STATE_HOME/held"`,
    `[ -e "$held" ] || printf '%s' "$CLAUDE_CODE_SESSION_ID" > "$held"`,
    `[ "$(cat "$held")" = "$CLAUDE_CODE_SESSION_ID" ] || printf '%s' ` +
    `'{"hookSpecificOutput":{"hookEventName":"PreToolUse","permissionDecision":"deny"}}'`,
  ].join("\n"),
  other: ":",
};

/** What a stand-in for the program does. */
export interface StandIn {
  /** What its hook does at an event, as shell lines; `other` at all others. */
  readonly hook?: Readonly<Record<string, string>>;
  /** Its server, as shell lines; without it the real one. */
  readonly serve?: string;
  /** The version that it tells; without it the real one's. */
  readonly version?: string;
}

const quoted = (words: readonly string[]) =>
  words.map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(" ");

/** Installs a plugin that starts a shell script in the program's place; answers the script's path. */
export async function installStandIn(project: TestProject, standIn: StandIn = {}): Promise<string> {
  const { other, ...events } = { ...SOUND_HOOK, ...standIn.hook };
  const cases = Object.entries(events)
    .map(([event, lines]) => `*'"hook_event_name":"${event}"'*)\n${lines}\n;;`)
    .join("\n");
  const version = `printf '%s' '{"csc":"${standIn.version ?? VERSION}"}'`;
  const path = project.beside("stand-in");
  const script = [
    "#!/bin/sh",
    'case "$1" in',
    `version)\n${version}\n;;`,
    `serve)\n${standIn.serve ?? `exec ${quoted(CSC)} "$@"`}\n;;`,
    `hook)\ninput=$(cat)\ncase "$input" in\n${cases}\n*)\n${other}\n;;\nesac\n;;`,
    "esac",
    "",
  ].join("\n");
  Deno.writeTextFileSync(path, script, { mode: 0o755 });
  await writePlugin(project, path);
  return path;
}

/** Writes the plugin as `csc install` does, for another program. */
async function writePlugin(project: TestProject, path: string): Promise<void> {
  const files = pluginFiles([path], { name: "sc", strict: false });
  const hashes: Record<string, string> = {};
  for (const [name, text] of files) {
    const bytes = new TextEncoder().encode(text);
    hashes[name] = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
    project.write(`home/.claude/skills/sc/${name}`, bytes);
  }
  const marker = markerText({
    csc: "0",
    strict: false,
    program: [path],
    files: hashes,
    foldersMade: [],
  });
  project.write(`home/.claude/skills/sc/${MARKER_NAME}`, marker);
}

/**
 * The prompts of seed 002. What other sessions stored appears in them only as quoted data, cut short,
 * with who stored it and when.
 *
 * @module
 */

import type { ActiveSession, ContextView, Overview } from "../coordinator/overview.ts";
import type { Session } from "../coordinator/session.ts";
import type { Workspace } from "../coordinator/workspace.ts";
import { isObject, type Json } from "../domain/json.ts";
import { printable, shorten } from "../domain/text.ts";
import type { Prompt } from "./sdk.ts";

/** The prompts as `prompts/list` shows them. */
export const PROMPTS: readonly Prompt[] = [
  {
    name: "startup",
    title: "Start a session",
    description: "Shows who works on this project and guides through signing on",
  },
  {
    name: "sign-off",
    title: "Sign off",
    description: "Shows what is still open and guides through signing off",
  },
];

/** How much of a stored text is quoted. */
const QUOTED_CHARS = 100;
/** How many todos are quoted. */
const QUOTED_TODOS = 20;

/** The text of a prompt, or null where there is none of that name. */
export async function promptText(name: string, workspace: Workspace): Promise<string | null> {
  if (name === "startup") return startup(await workspace.overview.context());
  if (name === "sign-off") return await signOff(workspace.session, workspace.overview);
  return null;
}

function startup(context: ContextView): string {
  const taken = context.active_sessions.filter(({ status }) => status === "taken");
  const sessions = taken.length > 0 ? taken.map(sessionLine).join("\n") : "  (none)";
  if (context.first_available === null) {
    return `⚠️ All instances are currently taken in ${context.project}.

Active sessions:
${sessions}

Wait until one of them signs off, or ask the user which one should end.
`;
  }
  const available = Object.entries(context.instances)
    .filter(([, status]) => status === "available")
    .map(([instance]) => instance);
  return `# Session Coordinator Startup

This session starts in the project **${context.project}** on the machine ${context.machine}.

## Current Status

Available instances: ${available.join(", ")}
Active sessions: ${taken.length}
${sessions}

## Next Steps

1. **Sign on**: call \`sign_on()\`; it claims \`${context.first_available}\` for you
2. **Look around**: read the state of the other sessions before you choose your work
3. **Keep track**: \`store_data()\` tells the others your issue and your todos
4. **Sign off**: \`sign_off()\` gives the instance back when the work is done

Shall I sign on now?
`;
}

function sessionLine(session: ActiveSession): string {
  const { instance, current_issue, todo_count, stored_by, stored_at } = session;
  const issue = current_issue === null ? "no issue" : `Issue #${quote(current_issue)}`;
  const source = stored_at === null ? "" : `; as stored by ${quote(stored_by)} at ${stored_at}`;
  return `  - ${instance}: ${issue} (${todo_count} todos)${source}`;
}

async function signOff(session: Session, overview: Overview): Promise<string> {
  const context = session.context;
  if (!context) return "No active session to sign off from.";
  const { session_id } = context;
  const { todos, stored } = await overview.incompleteTodos(session_id);
  if (todos.length > 0) {
    const lines = todos.slice(0, QUOTED_TODOS).map((todo) => `  - ${todoLine(todo)}`);
    if (todos.length > QUOTED_TODOS) lines.push(`  - and ${todos.length - QUOTED_TODOS} more`);
    const source = `(as stored by ${quote(stored?.author ?? null)} at ${stored?.storedAt})`;
    return `# Sign-off Checklist

You have ${todos.length} incomplete tasks:
${lines.join("\n")}
${source}

Before signing off:
1. Store where the work stands under \`session:${session_id}\`
2. Commit what must not be lost
3. Call \`sign_off()\` to give ${session_id} back

Shall I sign off?
`;
  }
  const state = await overview.state(session_id);
  const issue = "error" in state ? null : state.current_issue;
  return `# Ready to Sign Off

All tasks complete${issue === null ? "" : ` for issue #${quote(issue)}`}!

Call \`sign_off()\` to give ${session_id} back.
`;
}

function todoLine(todo: Json): string {
  if (!isObject(todo)) return quote(todo);
  const status = todo.status === undefined ? "" : ` [${quote(todo.status)}]`;
  return quote(todo.task ?? todo) + status;
}

/** A number or a word as it is; anything else in quotation marks, on one line and cut short. */
function quote(value: Json): string {
  const text = typeof value === "string" ? value : JSON.stringify(value);
  if (/^[\w.-]{1,40}$/.test(text)) return text;
  return JSON.stringify(shorten(printable(text), QUOTED_CHARS));
}

/**
 * What a scripted model does: one step a turn, carried in the prompt that starts it.
 *
 * @module
 */

/** A call of a tool. */
export interface Call {
  readonly tool: string;
  readonly input: Readonly<Record<string, unknown>>;
}

/** A turn of the model: one call, several at once, or words, which end it. */
export type Step = Call | readonly Call[] | { readonly text: string };

/** The name under which the client knows the server's tools. */
export const SERVER = "mcp__plugin_sc_csc";

/** Writes a whole file. */
export function write(file_path: string, content: string): Call {
  return { tool: "Write", input: { file_path, content } };
}

/** Reads a file, which the client wants before it changes one that is there. */
export function read(file_path: string): Call {
  return { tool: "Read", input: { file_path } };
}

/** Replaces a text in a file. */
export function edit(file_path: string, old_string: string, new_string: string): Call {
  return { tool: "Edit", input: { file_path, old_string, new_string } };
}

/** Runs a command. */
export function bash(command: string): Call {
  return { tool: "Bash", input: { command, description: "A step of the test" } };
}

/** Calls a tool of the server. */
export function call(tool: string, input: Readonly<Record<string, unknown>> = {}): Call {
  return { tool: `${SERVER}__${tool}`, input };
}

/** Has a sub-agent do its own script, and waits for it. */
export function agent(name: string, ...steps: readonly Step[]): Call {
  return {
    tool: "Agent",
    input: {
      description: name,
      prompt: `${nameTag(name)} SCRIPT64:${base64(script(steps))}`,
      subagent_type: "general-purpose",
      run_in_background: false,
    },
  };
}

/** The prompt that makes the model do steps. */
export function prompt(name: string, steps: readonly Step[]): string {
  return `${nameTag(name)} SCRIPT:${script(steps)}:END`;
}

/** What a conversation's prompt is found by among all that the model is shown. */
export function nameTag(name: string): string {
  return `<<${name}>>`;
}

function script(steps: readonly Step[]): string {
  return JSON.stringify([...steps, { text: "done" }]);
}

function base64(text: string): string {
  return btoa(String.fromCharCode(...new TextEncoder().encode(text)));
}

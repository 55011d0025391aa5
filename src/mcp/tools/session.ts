import { z } from "zod";
import { defineTool } from "../tool.ts";

const context = z.object({
  machine: z.string(),
  project: z.string(),
  session_id: z.string(),
  full_scope_prefix: z.string(),
});

/** Seed 002's `sign_on`. */
export const signOn = defineTool({
  name: "sign_on",
  title: "Sign on",
  description: [
    "REQUIRED FIRST STEP: claim an instance (claude_1, claude_2, ...) as your identity among the",
    "Claude sessions of this project. No two sessions ever hold the same one.",
    "Without arguments you get the first free instance; calling again returns the same one.",
    'Returns {"machine": "laptop", "project": "owner/repo", "session_id": "claude_1",',
    '"full_scope_prefix": "laptop:owner/repo"}. All other tools then work in this project.',
  ].join(" "),
  input: z.strictObject({
    session_id: z.string().optional().describe(
      "A certain instance, e.g. claude_2; refused, with its holder named, if taken",
    ),
  }),
  output: context,
  annotations: {
    readOnlyHint: false,
    destructiveHint: false,
    idempotentHint: true,
    openWorldHint: false,
  },
  async run({ session_id }, { session }) {
    return { result: { ...await session.signOn(session_id) } };
  },
});

/** Seed 002's `sign_off`. */
export const signOff = defineTool({
  name: "sign_off",
  title: "Sign off",
  description:
    "Give your instance back when your work is done. What you stored stays for others to read. Also happens by itself when the session ends.",
  input: z.strictObject({}),
  output: z.object({
    status: z.enum(["signed off", "no active session"]),
    session: context.optional(),
  }),
  annotations: {
    readOnlyHint: false,
    destructiveHint: false,
    idempotentHint: true,
    openWorldHint: false,
  },
  async run(_args, { session }) {
    const result = await session.signOff();
    return {
      result: result.status === "signed off"
        ? { ...result, session: { ...result.session } }
        : result,
    };
  },
});

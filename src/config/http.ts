/**
 * The schema of the section `http`: how `csc serve --http` serves.
 *
 * @module
 */

import { z } from "zod";
import { DEFAULT_CONFIG } from "./defaults.ts";

const { http: defaults } = DEFAULT_CONFIG;

/** What comes before a request's own data in its body. */
const LEAST_BODY_BYTES = 10_000;
const MOST_BODY_BYTES = 64 * 1024 * 1024;
const DAY_S = 24 * 3600;

function seconds(most: number) {
  const error = `must be whole seconds from 1 to ${most}`;
  return z.int({ error }).min(1, { error }).max(most, { error });
}

/** A host as browsers and clients send it: a name or an address, without scheme and path. */
export const host = z.string().regex(/^(\[[0-9a-f:.]+\]|[a-z0-9.-]+)(:\d{1,5})?$/i, {
  error: "must be a host's name or address, with its port where it is not the usual one",
}).toLowerCase();

const origin = z.string().refine(isOrigin, {
  error: "must be an origin such as https://dash.example.org or http://localhost:3000",
});

function isOrigin(text: string): boolean {
  try {
    return /^https?:/.test(text) && new URL(text).origin === text;
  } catch {
    return false;
  }
}

/** The section `http`. */
export const http = z.strictObject({
  tokens_path: z.string().min(1).default(defaults.tokens_path).describe(
    'The file that `csc token` keeps the hashes of tokens in; "auto" is `tokens.json` in the user\'s state folder. Nothing of this section may be set by a file that comes with a repository.',
  ),
  allowed_hosts: z.array(host).max(100).default([...defaults.allowed_hosts]).describe(
    "What clients may call the server (`Host`), beside the address it listens on and the names of loopback; with a port only that one is meant.",
  ),
  allowed_origins: z.array(origin).max(100).default([...defaults.allowed_origins]).describe(
    "Which web pages may use it (`Origin`, exact, with the port); by default none but its own address.",
  ),
  max_body_bytes: z.int().min(LEAST_BODY_BYTES).max(MOST_BODY_BYTES)
    .default(defaults.max_body_bytes)
    .describe(
      "Largest body of a request, in bytes; where a request stores a value as large as `storage.max_value_bytes`, that and what is around it fit as well.",
    ),
  max_connections: z.int().min(10).max(100_000).default(defaults.max_connections).describe(
    "How many connections there may be at once; beyond it those that have sent no request yet are closed.",
  ),
  max_sessions: z.int().min(1).max(100_000).default(defaults.max_sessions).describe(
    "How many MCP sessions there may be at once.",
  ),
  max_sessions_per_user: z.int().min(1).max(100_000).default(defaults.max_sessions_per_user)
    .describe("How many of them one user may have."),
  idle_timeout_s: seconds(30 * DAY_S).default(defaults.idle_timeout_s).describe(
    "After how many seconds without a request or an open stream a session ends and gives back what it holds.",
  ),
  header_timeout_s: seconds(3600).default(defaults.header_timeout_s).describe(
    "How long a client may take to send the head of a request, in seconds.",
  ),
  body_timeout_s: seconds(3600).default(defaults.body_timeout_s).describe(
    "How long it may take to send the body, and how long it may read nothing of what it is sent, in seconds.",
  ),
  shutdown_timeout_s: seconds(3600).default(defaults.shutdown_timeout_s).describe(
    "How long requests may take that are under way when the server is told to end, in seconds.",
  ),
  rate_per_minute: z.int().min(1).max(100_000_000).default(defaults.rate_per_minute).describe(
    "How many requests a user may send within a minute; a hundredth of it, but at least 60, for who has no valid token.",
  ),
  audit_path: z.string().min(1).default(defaults.audit_path).describe(
    'The audit log\'s file; "auto" is `audit.jsonl` in the user\'s state folder, "off" keeps none.',
  ),
  audit_max_bytes: z.int().min(10_000).default(defaults.audit_max_bytes).describe(
    "At this size it is renamed to `audit.jsonl.1` and begun anew.",
  ),
  audit_keep_files: z.int().min(0).max(1000).default(defaults.audit_keep_files).describe(
    "How many old ones are kept.",
  ),
});

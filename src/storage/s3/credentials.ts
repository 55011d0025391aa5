/**
 * Who asks S3. The keys come from the environment or from the user's own AWS folder and never from a
 * configuration, which may come with a repository: `storage.config` knows no such key.
 *
 * @module
 */

import { CoordinatorError } from "../../domain/error.ts";
import { join } from "../../os/path.ts";

/** Keys of an account. */
export interface Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** Of temporary keys. */
  readonly sessionToken?: string | undefined;
}

/** Says the keys as they are now. */
export type CredentialSource = () => Credentials;

/**
 * The keys in `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` and `AWS_SESSION_TOKEN`; without these, of
 * the profile `AWS_PROFILE` (or `default`) in `~/.aws/credentials` (or
 * `AWS_SHARED_CREDENTIALS_FILE`).
 *
 * @throws {CoordinatorError} `store_unreachable` where there are none.
 */
export function userCredentials(): Credentials {
  return credentialsOf((name) => Deno.env.get(name) || undefined, readText);
}

/** {@linkcode userCredentials} of an environment and its files. */
export function credentialsOf(
  env: (name: string) => string | undefined,
  read: (path: string) => string | null,
): Credentials {
  const accessKeyId = env("AWS_ACCESS_KEY_ID");
  const secretAccessKey = env("AWS_SECRET_ACCESS_KEY");
  if (accessKeyId && secretAccessKey) {
    return { accessKeyId, secretAccessKey, sessionToken: env("AWS_SESSION_TOKEN") };
  }
  const profile = env("AWS_PROFILE") ?? "default";
  const home = env("HOME") ?? env("USERPROFILE");
  const path = env("AWS_SHARED_CREDENTIALS_FILE") ??
    (home && join(home, ".aws", "credentials"));
  const text = path ? read(path) : null;
  const found = text === null ? null : profileOf(text, profile);
  if (found) return found;
  const missing = accessKeyId || secretAccessKey
    ? `${accessKeyId ? "AWS_SECRET_ACCESS_KEY" : "AWS_ACCESS_KEY_ID"} is missing in the environment`
    : "there are no AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the environment";
  const inFile = path ? `, and no keys of the profile '${profile}' in ${path}` : "";
  throw new CoordinatorError(
    "store_unreachable",
    `Cannot use S3: ${missing}${inFile}; nothing was written`,
    "Set both variables for Claude Code, or run `aws configure`; keys of a single sign-on: `aws configure export-credentials --format env`.",
  );
}

/** The keys of one section of a credentials file. */
function profileOf(text: string, profile: string): Credentials | null {
  const values = new Map<string, string>();
  let isInside = false;
  for (const line of text.split(/\r?\n/)) {
    const section = /^\s*\[\s*(.*?)\s*\]/.exec(line);
    if (section) isInside = section[1] === profile;
    const [, name, value] = /^\s*([\w-]+)\s*=\s*(.*?)\s*$/.exec(line) ?? [];
    if (isInside && name) values.set(name.toLowerCase(), value);
  }
  const accessKeyId = values.get("aws_access_key_id");
  const secretAccessKey = values.get("aws_secret_access_key");
  if (!accessKeyId || !secretAccessKey) return null;
  return { accessKeyId, secretAccessKey, sessionToken: values.get("aws_session_token") };
}

function readText(path: string): string | null {
  try {
    return Deno.readTextFileSync(path);
  } catch {
    return null; // what is missing is said by who needs it
  }
}

/**
 * What Redis refuses, in words that say what to change.
 *
 * @module
 */

import { CoordinatorError, messageOf } from "../../domain/error.ts";
import { printable, redactUrls, shorten } from "../../domain/text.ts";
import { type Endpoint, unreachable } from "../network_error.ts";

/** The variable with the password, where the URL holds none. */
export const PASSWORD_VARIABLE = "CSC_REDIS_PASSWORD";
/** The variable with the URL, where the configuration holds none. */
export const URL_VARIABLE = "REDIS_URL";

const PASSWORD_HINT =
  `Set user and password in the URL of 'storage.config.url', or the password in the variable ${PASSWORD_VARIABLE}.`;

interface Rule {
  /** Recognises Redis' answer. */
  readonly says: RegExp;
  readonly code: "store_io" | "store_corrupt" | "store_unreachable";
  readonly fact: string;
  readonly hint: string;
}

const RULES: readonly Rule[] = [
  {
    says: /\b(NOAUTH|WRONGPASS)\b|invalid (username-)?password|unauthenticated/,
    code: "store_io",
    fact: "it refuses the user or the password",
    hint: PASSWORD_HINT,
  },
  {
    says: /\bNOPERM\b/,
    code: "store_io",
    fact: "its user may not do that",
    hint:
      "Allow it the keys and channels under 'storage.config.prefix' and the commands of docs/stores.md, or use another user.",
  },
  {
    says: /\bOOM\b/,
    code: "store_io",
    fact: "it is out of memory",
    hint: "Raise its `maxmemory`, or delete what is not needed any more.",
  },
  {
    says: /\bMISCONF\b/,
    code: "store_io",
    fact: "it cannot write to its disk",
    hint: "Free its disk, or mend what its log names; it takes writes again once it can save.",
  },
  {
    says: /\bNOREPLICAS\b/,
    code: "store_io",
    fact: "it has fewer replicas than `min-replicas-to-write` asks for",
    hint: "Bring its replicas back, or lower that setting.",
  },
  {
    says: /\bREADONLY\b/,
    code: "store_io",
    fact: "it is a replica, which takes no writes",
    hint:
      "Name the primary in 'storage.config.url', or the sentinels that know it in 'storage.config.sentinels'.",
  },
  {
    says: /\b(MOVED|ASK|CROSSSLOT)\b/,
    code: "store_io",
    fact: "it is a node of a cluster",
    hint: "Name the cluster's nodes in 'storage.config.cluster' instead of one in 'url'.",
  },
  {
    says: /\b(LOADING|MASTERDOWN|CLUSTERDOWN|TRYAGAIN|BUSY|UNBLOCKED)\b/,
    code: "store_unreachable",
    fact: "it is not ready",
    hint: "Try again in a moment.",
  },
  {
    says: /\bWRONGTYPE\b/,
    code: "store_corrupt",
    fact: "something else than a value of csc is kept there",
    hint: "Choose another 'storage.config.prefix', which no other program uses.",
  },
  {
    says: /DB index is out of range|invalid DB index/,
    code: "store_io",
    fact: "it has no database of that number",
    hint: "Correct the number behind the slash in 'storage.config.url'.",
  },
];

/** Whether Redis has answered a request with an error. */
export function isRefusal(error: unknown): error is Error {
  return error instanceof Error && error.name === "ReplyError";
}

/** The error for a request that Redis has refused: it did nothing. */
export function refusal(endpoint: Endpoint, error: Error): CoordinatorError {
  const rule = RULES.find(({ says }) => says.test(error.message));
  // What follows would be the request's arguments, values too.
  const said = shorten(printable(redactUrls(error.message.split(", with args")[0])), 200);
  if (rule?.code === "store_unreachable") {
    return unreachable(endpoint, `${rule.fact} (${said})`, rule.hint, error);
  }
  return new CoordinatorError(
    rule?.code ?? "store_io",
    `${endpoint.what} at ${endpoint.location} has refused the request: ${
      rule ? `${rule.fact} (${said})` : said
    }; nothing was written`,
    rule?.hint ?? "See what its log says; csc needs Redis 6.2 or newer, with scripts.",
    { cause: withoutArguments(error) },
  );
}

/** An error as a cause: the client puts the request's arguments, values and passwords too, on its own. */
export function withoutArguments(error: unknown): Error {
  const { name, message } = error instanceof Error ? error : new Error(String(error));
  return Object.assign(new Error(message.split(", with args")[0]), { name });
}

/** Why a connection could not be made or was lost, in a few words. */
export function reasonOf(error: unknown): string {
  const text = shorten(printable(messageOf(error).split("\n")[0]), 200);
  return text.replace(/\.$/, "") || "the connection was lost";
}

/** What helps against a connection that could not be made, where it is known. */
export function connectHint(reason: string): string | undefined {
  // Deno 2.7 has no more words for a certificate that it cannot verify.
  return /certificate|write UNKNOWN/i.test(reason)
    ? "Name the authority that signed its certificate in the variable DENO_CERT, as a PEM file; the certificate must be for the host that 'storage.config' names."
    : undefined;
}

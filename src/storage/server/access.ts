/**
 * How a client reaches its server, and as whom.
 *
 * @module
 */

import { CoordinatorError, messageOf } from "../../domain/error.ts";
import { printable, redactUrls, shorten } from "../../domain/text.ts";
import type { Endpoint } from "../network_error.ts";
import { HOOK_HEADER } from "./protocol.ts";

/** The variable that holds the token. */
export const TOKEN_VARIABLE = "CSC_TOKEN";

/** Sends requests of one user to one server. */
export interface Access {
  readonly endpoint: Endpoint;
  /** Where the token comes from, for errors. */
  readonly tokenFrom: string;
  /**
   * Sends a request.
   *
   * @param signal Ends it while no answer has begun.
   * @param isOnce Whether it must not reach the server twice: Deno by itself sends a request again
   * that a connection took which was used before and then broke, unless its body is a stream.
   */
  post(path: string, body: string, signal: AbortSignal, isOnce: boolean): Promise<Response>;
  /** Frees its connections. */
  close(): void;
}

/** See {@linkcode openAccess}. */
export interface AccessOptions {
  readonly url: string;
  readonly tokenFile?: string;
  readonly caFile?: string;
  /** Whether a hook asks: it tells the server how long it has run, for the server's metrics. */
  readonly isHook?: boolean;
}

/**
 * Prepares for requests; none is sent yet.
 *
 * @throws {CoordinatorError} `invalid_config` where the URL or the file of the authority is none.
 */
export function openAccess({ url, tokenFile, caFile, isHook }: AccessOptions): Access {
  const base = parseUrl(url);
  const client = base.protocol === "https:" ? openClient(caFile) : undefined;
  const location = redactUrls(base.href).replace(/\/$/, "");
  const tokenFrom = tokenFile && !Deno.env.get(TOKEN_VARIABLE) ? tokenFile : TOKEN_VARIABLE;
  return {
    endpoint: { what: "the csc server", location },
    tokenFrom,
    post: async (path, body, signal, isOnce) => {
      const token = readToken(tokenFile);
      const init = {
        method: "POST",
        headers: {
          "content-type": "application/json",
          ...(isHook && { [HOOK_HEADER]: `${Math.round(performance.now())}` }),
          ...(token !== null && { authorization: `Bearer ${token}` }),
        },
        body: isOnce ? streamOf(body) : body,
        signal,
        redirect: "manual", // elsewhere the token would be in strange hands
        client,
      } as RequestInit;
      return await fetch(location + path, init);
    },
    close: () => client?.close(),
  };
}

function streamOf(text: string): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start(controller) {
      controller.enqueue(new TextEncoder().encode(text));
      controller.close();
    },
  });
}

function parseUrl(text: string): URL {
  const url = URL.parse(text);
  if (url && /^https?:$/.test(url.protocol) && url.username + url.password === "") return url;
  throw new CoordinatorError(
    "invalid_config",
    `'storage.config.url' is no address of a csc server: ${redactUrls(text).slice(0, 200)}`,
    "Write it as http://host:8082 or https://host; the token comes from CSC_TOKEN.",
  );
}

/** HTTP/1 only: one connection that died unnoticed would hold up all requests of HTTP/2. */
function openClient(caFile: string | undefined): Deno.HttpClient {
  try {
    const caCerts = caFile === undefined ? [] : [Deno.readTextFileSync(caFile)];
    return Deno.createHttpClient({ caCerts, http2: false });
  } catch (error) {
    throw new CoordinatorError(
      "invalid_config",
      `Cannot use the certificates in '${caFile}': ${messageOf(error)}`,
      "Name a PEM file that can be read in 'storage.config.ca_file'.",
      { cause: error },
    );
  }
}

/** Read each time: a token that was replaced counts at once. */
function readToken(file: string | undefined): string | null {
  const named = Deno.env.get(TOKEN_VARIABLE);
  const token = (named || (file === undefined ? "" : readFile(file))).trim();
  if (token === "") return null;
  if (/^[\x21-\x7e]{1,4096}$/.test(token)) return token;
  throw new CoordinatorError(
    "unauthorized",
    `What ${named ? TOKEN_VARIABLE : `'${file}'`} holds is no token`,
    "A token is one line that begins with csc_, as `csc token create` printed it.",
  );
}

function readFile(path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch (error) {
    throw new CoordinatorError(
      "unauthorized",
      `Cannot read the token in '${path}': ${messageOf(error)}`,
      "Correct 'storage.config.token_file', or set CSC_TOKEN.",
      { cause: error },
    );
  }
}

/** The error for a server that does not let one in. */
export function refusedAccess(
  { endpoint, tokenFrom }: Pick<Access, "endpoint" | "tokenFrom">,
  status: 401 | 403,
  text: string,
): CoordinatorError {
  const { what, location } = endpoint;
  if (status === 401) {
    return new CoordinatorError(
      "unauthorized",
      `${what} at ${location} does not accept the token in ${tokenFrom}, if there is one`,
      `Set ${TOKEN_VARIABLE} to a token that holds: who runs the server makes one with \`csc token create\`.`,
    );
  }
  const why = shorten(printable(text.split("\n")[0] ?? ""), 200);
  return new CoordinatorError(
    "forbidden",
    `${what} at ${location} refuses the request${why && `: ${why}`}`,
    "Ask who runs the server: it may not know this address, or the token is not for this.",
  );
}

/** The error for something else that answers there. */
export function notOurs({ endpoint }: Access, { status, headers }: Response): CoordinatorError {
  const to = headers.get("location");
  return new CoordinatorError(
    "store_unreachable",
    `What answers at ${endpoint.location} (${status}${
      to === null ? "" : `, to ${redactUrls(printable(to)).slice(0, 200)}`
    }) is no csc server; nothing was written`,
    "Correct 'storage.config.url': it is the address that `csc serve --http` prints, without /mcp.",
  );
}

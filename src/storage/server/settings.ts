/**
 * The schema of `storage.config` of the adapter `server`.
 *
 * @module
 */

import { z } from "zod";
import { SERVER_DEFAULTS, type ServerSettings } from "../adapter_defaults.ts";
import { isServerUrl } from "../http_url.ts";

/** `storage.config` of the adapter `server`. */
export const serverSettings = z.strictObject({
  url: z.string().refine(isServerUrl, {
    error:
      "must be an http or https URL such as http://host:8082, without user, password and query: the token comes from CSC_TOKEN",
  }).default(SERVER_DEFAULTS.url).describe(
    "Where `csc serve --http` listens. The token comes from the variable `CSC_TOKEN`.",
  ),
  token_file: z.string().min(1).optional().describe(
    "File that holds the token, where `CSC_TOKEN` is not set. A file that comes with a repository may not set it.",
  ),
  ca_file: z.string().min(1).optional().describe(
    "PEM file of the certificate authority that signed the server's certificate, where the system does not know it. A file that comes with a repository may not set it.",
  ),
  base_path: z.string().optional().describe("Without effect."),
  durable: z.boolean().optional().describe("Without effect: the server's own setting counts."),
}) satisfies z.ZodType<ServerSettings>;

/**
 * The schema of `storage.config` of the adapter `s3`.
 *
 * @module
 */

import { z } from "zod";
import { S3_DEFAULTS, type S3Settings } from "../adapter_defaults.ts";
import { isServerUrl } from "../http_url.ts";

/** `storage.config` of the adapter `s3`. */
export const s3Settings = z.strictObject({
  bucket: z.string({ error: "must name the bucket" }).regex(
    /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/,
    {
      error: "must be a bucket's name: 3 to 63 lower-case letters, digits, dots and dashes",
    },
  ).describe(
    "The bucket, which exists. Its keys come from the environment or from `~/.aws/credentials`, never from a configuration.",
  ),
  region: z.string().regex(/^[a-z0-9-]+$/, { error: 'must be a region, such as "eu-central-1"' })
    .default(S3_DEFAULTS.region).describe("The bucket's region."),
  prefix: z.string().max(200).regex(/^(?:(?!\.{0,2}\/)[\w.-]+\/)*$/, {
    error: 'must be empty, or folders of letters, digits, "_", "." and "-" that end with "/"',
  }).default(S3_DEFAULTS.prefix).describe("What the names of all objects start with."),
  endpoint: z.string().refine(isServerUrl, {
    error: "must be the http or https URL of a server, without user, password or query",
  }).optional().describe(
    "URL of an S3-compatible server that keeps conditional writes. Without it: AWS.",
  ),
}) satisfies z.ZodType<S3Settings>;

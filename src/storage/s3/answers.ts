/**
 * What a refusal of S3 means, and what helps.
 *
 * @module
 */

import { CoordinatorError } from "../../domain/error.ts";
import { printable, shorten } from "../../domain/text.ts";
import { type Endpoint, unreachable } from "../network_error.ts";

/** A request that was refused for good. */
export interface Refused {
  readonly status: number;
  /** S3's own code, such as `NoSuchBucket`; empty where there is none. */
  readonly code: string;
  /** Where the bucket is, as far as the answer says so. */
  readonly region: string | null;
}

const KEYS =
  "Check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the environment of Claude Code, or the profile in ~/.aws/credentials.";

/** The error for a refused request. */
export function refusedError(
  refused: Refused,
  { bucket, region }: { bucket: string; region: string },
  endpoint: Endpoint,
): CoordinatorError {
  const { what, location } = endpoint;
  const failed = (fact: string, hint: string) =>
    new CoordinatorError("store_io", `Cannot use ${what} at ${location}: ${fact}`, hint);
  switch (refused.code) {
    case "NoSuchBucket":
      return failed(
        `there is no bucket '${bucket}'`,
        `Create it (\`aws s3 mb s3://${bucket} --region ${region}\`), or correct 'storage.config.bucket'.`,
      );
    case "InvalidAccessKeyId":
      return failed("it does not know the access key", KEYS);
    case "SignatureDoesNotMatch":
      return failed("the secret key is not that of the access key", KEYS);
    case "ExpiredToken":
    case "InvalidToken":
      return failed(
        "the session token has expired or is not valid",
        "Sign on again, and set the new keys in the environment of Claude Code.",
      );
    case "RequestTimeTooSkewed":
      return failed(
        "its clock and this machine's differ by more than it accepts",
        "Set the clock of this machine, or that of the server (`timedatectl` shows it).",
      );
    case "PermanentRedirect":
    case "AuthorizationHeaderMalformed":
    case "IllegalLocationConstraintException":
      return failed(
        `the bucket '${bucket}' is not in the region '${region}'`,
        `Set 'storage.config.region' to ${
          refused.region ? `"${printable(refused.region)}"` : "the bucket's region"
        }.`,
      );
    case "QuotaExceeded":
    case "InsufficientStorage":
      return full(failed);
    case "EntityTooLarge":
      return failed("the value is too large for it", "Store less under one key.");
  }
  if (refused.status === 507) return full(failed);
  const said = `HTTP status ${refused.status}${
    refused.code ? ` (${shorten(printable(refused.code), 60)})` : ""
  }`;
  if (refused.status === 401 || refused.status === 403) {
    return failed(
      `it refuses the access, with ${said}`,
      `The keys need s3:GetObject, s3:PutObject, s3:DeleteObject and s3:ListBucket on the bucket '${bucket}'.`,
    );
  }
  if (refused.status >= 500) return unreachable(endpoint, said);
  return failed(
    `it answers ${said}`,
    "See whether 'storage.config' names an S3 endpoint, with its bucket and region.",
  );
}

function full(failed: (fact: string, hint: string) => CoordinatorError): CoordinatorError {
  return failed(
    "it has no room left, or the quota is used up; nothing was written",
    "Free some, or raise the quota.",
  );
}

/**
 * What named locks are called (seed 004): `issue:42`, `wave:5c.1`, `branch:main`, `resource:deploy`.
 *
 * @module
 */

import { CoordinatorError } from "../domain/error.ts";

/** The word for the lock of what one works on, as the branch tells. */
const WORK = "work";

/**
 * The full name of a lock: `work` follows from the branch (`issue-42-auth` is `issue:42`,
 * `wave-5c.1-x` and `wave-5c-1-x` are `wave:5c.1`, `wave-3-x` is `wave:3`, else `branch:NAME`); a name
 * without a colon is a `resource:`.
 *
 * @throws {CoordinatorError} `invalid_argument` for a malformed name, or `work` without a branch.
 */
export function lockName(name: string, branch: string | null): string {
  const fault = name.trim() === ""
    ? "is empty"
    : name.length > MAX_LENGTH
    ? `has ${name.length} characters; ${MAX_LENGTH} are the limit`
    : !name.isWellFormed() || /\p{Cc}/u.test(name)
    ? "holds characters that cannot be shown"
    : null;
  if (fault) {
    throw new CoordinatorError(
      "invalid_argument",
      `The lock's name ${fault}`,
      "Use a name such as issue:42, wave:5c.1 or deploy, or 'work' for the current branch's.",
    );
  }
  if (name !== WORK) return name.includes(":") ? name : `resource:${name}`;
  if (branch === null) {
    throw new CoordinatorError(
      "invalid_argument",
      "There is no branch here that the lock 'work' could be named after",
      "Check out a branch, or name the lock, such as issue:42.",
    );
  }
  return workOf(branch);
}

const MAX_LENGTH = 500;

function workOf(branch: string): string {
  const issue = /(?:^|\/)issue-(\d+)(?![\w])/.exec(branch);
  if (issue) return `issue:${issue[1]}`;
  const wave = /(?:^|\/)wave-(\d+[a-z]?)(?:[.-](\d+))?(?=-|$)/.exec(branch);
  if (wave) return `wave:${wave[1]}${wave[2] === undefined ? "" : `.${wave[2]}`}`;
  return `branch:${branch}`;
}

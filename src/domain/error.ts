/**
 * Every failure a person or a model can do something about, as one type: what happened, what to do
 * next, and a code that programs can rely on.
 *
 * @module
 */

/** What went wrong, for programs, with the exit code that the command line gives it. */
export const ERROR_EXIT_CODES = {
  not_signed_on: 1,
  instance_taken: 1,
  all_taken: 1,
  identity_lost: 1,
  not_found: 1,
  session_taken: 1,
  lock_held: 1,
  lock_lost: 1,
  not_owner: 1,
  deadlock: 1,
  store_corrupt: 1,
  store_newer: 1,
  store_io: 1,
  store_in_use: 1,
  store_unreachable: 1,
  outcome_unknown: 1,
  unauthorized: 1,
  forbidden: 1,
  demo_failed: 1,
  nothing_to_commit: 1,
  git_busy: 1,
  git_failed: 1,
  invalid_argument: 2,
  invalid_config: 2,
  unknown_adapter: 2,
  not_trusted: 2,
  value_refused: 2,
  reserved_scope: 2,
  store_busy: 3,
  lock_timeout: 3,
} as const;

/** Code of a {@linkcode CoordinatorError}. */
export type ErrorCode = keyof typeof ERROR_EXIT_CODES;

/**
 * A failure with a line that says what happened and a line that says what to do next.
 *
 * Neither line may hold a stored value or a secret: both reach models, terminals and logs.
 */
export class CoordinatorError extends Error {
  override readonly name = "CoordinatorError";
  /** What went wrong, for programs. */
  readonly code: ErrorCode;
  /** What to do next, as a sentence. */
  readonly hint: string;

  /**
   * @param code What went wrong, for programs.
   * @param message What happened, to what; no trailing period.
   * @param hint What to do next.
   * @param options `cause`: the error behind this one.
   */
  constructor(code: ErrorCode, message: string, hint: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.hint = hint;
  }
}

/** The short text of any thrown thing, without its stack. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

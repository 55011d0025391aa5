import { CoordinatorError, messageOf } from "../domain/error.ts";

/** Runs a step on a file; what the system refuses becomes a `store_io` error that names the file. */
export function withFile<T>(action: string, path: string, step: () => T): T {
  try {
    return step();
  } catch (error) {
    throw ioError(action, path, error);
  }
}

/** The error for a refused step on a file; errors that already speak for themselves stay as they are. */
export function ioError(action: string, path: string, error: unknown): unknown {
  if (error instanceof CoordinatorError) return error;
  return new CoordinatorError(
    "store_io",
    `Cannot ${action} '${path}': ${messageOf(error)}`,
    hintFor(error),
    { cause: error },
  );
}

function hintFor(error: unknown): string {
  const message = messageOf(error);
  if (error instanceof Deno.errors.NotCapable) {
    return "Start csc with the permissions that its README lists.";
  }
  if (error instanceof Deno.errors.PermissionDenied) {
    return "Check who owns the file and its folder, and their modes.";
  }
  if (/os error (28|112|122)\b|no space|quota/i.test(message)) {
    return "Free some disk space; what was stored before is unharmed.";
  }
  if (/os error 30\b|read-only/i.test(message)) {
    return "The file system is read-only: set 'storage.config.base_path' to a writable folder.";
  }
  return "Check the folder; 'storage.config.base_path' chooses another one.";
}

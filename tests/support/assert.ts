/** Typed access to `@std/assert`, whose republished form has no types. */
import * as untyped from "@std/assert";

// deno-lint-ignore no-explicit-any
type ErrorClass<E extends Error> = abstract new (...args: any[]) => E;

export const assert: (condition: unknown, message?: string) => asserts condition = untyped.assert;
export const assertEquals: <T>(actual: T, expected: T, message?: string) => void =
  untyped.assertEquals;
export const assertNotEquals: <T>(actual: T, expected: T, message?: string) => void =
  untyped.assertNotEquals;
export const assertMatch: (actual: string, expected: RegExp, message?: string) => void =
  untyped.assertMatch;
export const assertStringIncludes: (actual: string, expected: string, message?: string) => void =
  untyped.assertStringIncludes;
export const assertThrows: <E extends Error = Error>(
  task: () => unknown,
  errorClass?: ErrorClass<E>,
  message?: string,
) => E = untyped.assertThrows;
export const assertRejects: <E extends Error = Error>(
  task: () => PromiseLike<unknown>,
  errorClass?: ErrorClass<E>,
  message?: string,
) => Promise<E> = untyped.assertRejects;

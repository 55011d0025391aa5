/**
 * Which machine this is (seed 002): the configured id, or the host's name.
 *
 * @module
 */

import { printable } from "../domain/text.ts";
import { hostname } from "../os/host.ts";

/** The machine's id: without `:`, which separates the parts of a scope. */
export function detectMachine(machineId: string): string {
  const id = machineId === "auto" ? hostname() : machineId;
  return printable(id).replaceAll(":", "-").trim() || "localhost";
}

/**
 * Builds the executables: `deno task compile [--target TARGET,…] [--bundle-only]`.
 *
 * Bundles first, with code splitting, so that a command evaluates only what it needs; then compiles
 * the bundle into `dist/csc-<target>` for each target, with a list of checksums. `DENO_COMPILE` names
 * the Deno to compile with where it is not the one that runs this; `DENO_COMPILE_DIR` its cache (two
 * versions on one `DENO_DIR` wipe each other's).
 *
 * @module
 */

import { join } from "@std/path";
import { PERMISSION_FLAGS, UNSTABLE_FLAGS } from "../src/os/self.ts";
import { parseArgs } from "../src/std/parse_args.ts";

/** Everything Deno compiles for. */
export const TARGETS = [
  "x86_64-unknown-linux-gnu",
  "aarch64-unknown-linux-gnu",
  "x86_64-apple-darwin",
  "aarch64-apple-darwin",
  "x86_64-pc-windows-msvc",
] as const;

const ROOT = new URL("..", import.meta.url).pathname;
const DIST = join(ROOT, "dist");
const BUNDLE = join(DIST, "bundle");

/** Bundles the program; answers the bundle's entry. */
export async function bundle(): Promise<string> {
  await Deno.remove(BUNDLE, { recursive: true }).catch(() => {});
  await deno(Deno.execPath(), [
    "bundle",
    "--quiet",
    "--minify",
    "--code-splitting",
    "--outdir",
    BUNDLE,
    join(ROOT, "main.ts"),
  ]);
  return join(BUNDLE, "main.js");
}

/** Compiles the bundle for a target; answers the executable's name. */
export async function compile(entry: string, target: string): Promise<string> {
  const name = `csc-${target}${target.includes("windows") ? ".exe" : ""}`;
  const cache = Deno.env.get("DENO_COMPILE_DIR");
  await deno(Deno.env.get("DENO_COMPILE") ?? Deno.execPath(), [
    "compile",
    "--quiet",
    "--no-check",
    "--no-config",
    "--no-lock",
    "--no-prompt",
    ...UNSTABLE_FLAGS,
    ...PERMISSION_FLAGS,
    "--target",
    target,
    "--output",
    join(DIST, name),
    entry,
  ], cache ? { DENO_DIR: cache } : {});
  return name;
}

async function deno(command: string, args: string[], env: Record<string, string> = {}) {
  const { success, code } = await new Deno.Command(command, { args, env, cwd: ROOT }).spawn()
    .status;
  if (success) return;
  console.error(`deno ${args[0]} ended with code ${code}`);
  Deno.exit(1);
}

async function checksum(name: string): Promise<string> {
  const bytes = await Deno.readFile(join(DIST, name));
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return `${digest.toHex()}  ${name}`;
}

async function main(args: string[]): Promise<void> {
  const options = parseArgs(args, {
    string: ["target"],
    boolean: ["bundle-only"],
    unknown: (arg) => {
      console.error(`Unknown argument ${arg}. Targets: ${TARGETS.join(", ")}`);
      Deno.exit(2);
    },
  });
  const wanted = typeof options.target === "string" ? options.target.split(",") : TARGETS;
  for (const target of wanted) {
    if (TARGETS.some((known) => known === target)) continue;
    console.error(`Unknown target '${target}'. Known: ${TARGETS.join(", ")}`);
    Deno.exit(2);
  }
  const entry = await bundle();
  console.log(`dist/bundle/main.js`);
  if (options["bundle-only"]) return;
  const names: string[] = [];
  for (const target of wanted) {
    names.push(await compile(entry, target));
    const { size } = await Deno.stat(join(DIST, names.at(-1)!));
    console.log(`dist/${names.at(-1)}  ${(size / 1e6).toFixed(1)} MB`);
  }
  const sums = await Promise.all(names.map(checksum));
  await Deno.writeTextFile(join(DIST, "SHA256SUMS"), sums.join("\n") + "\n");
}

if (import.meta.main) await main(Deno.args);

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

import { dirname, join } from "@std/path";
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

/**
 * What a hook loads only where it must, by the specifier that it is imported with and its entry in the
 * split bundle.
 */
const LAZY_IN_HOOK: Readonly<Record<string, string>> = {
  "../coordinator/setting.ts": "src/coordinator/setting.ts",
  "../guard/command.ts": "src/guard/command.ts",
  "./words.ts": "src/guard/words.ts",
  "./git_state.ts": "src/guard/git_state.ts",
  "./session.ts": "src/hook/session.ts",
  "./kv/kv.ts": "src/storage/kv/kv.ts",
  "./kv/database.ts": "src/storage/kv/database.ts",
  "./server/server.ts": "src/storage/server/server.ts",
  "./unknown_adapter.ts": "src/storage/unknown_adapter.ts",
};

/**
 * Bundles the program; answers the bundle's entry. The hook, which starts before every edit, becomes
 * one file of its own: of all that it needs each time, without a wrapper around each module. That
 * saves it a quarter of its time.
 */
export async function bundle(): Promise<string> {
  await Deno.remove(BUNDLE, { recursive: true }).catch(() => {});
  const options = ["--quiet", "--minify", "--outdir"];
  const entries = ["main.ts", ...Object.values(LAZY_IN_HOOK)].map((path) => join(ROOT, path));
  await deno(Deno.execPath(), ["bundle", "--code-splitting", ...options, BUNDLE, ...entries]);
  const hook = await Deno.makeTempDir();
  const lazy = Object.keys(LAZY_IN_HOOK).map((specifier) => `--external=${specifier}`);
  await deno(Deno.execPath(), ["bundle", ...options, hook, ...lazy, join(ROOT, HOOK)]);
  await placeHook(await Deno.readTextFile(join(hook, "main.js")));
  await Deno.remove(hook, { recursive: true });
  await deferWhatIsLazy(BUNDLE);
  return join(BUNDLE, "main.js");
}

const HOOK = "src/hook/main.ts";

/** Puts the hook beside the split bundle, and lets the entry and the hook's imports lead there. */
async function placeHook(text: string): Promise<void> {
  let placed = text;
  for (const [specifier, path] of Object.entries(LAZY_IN_HOOK)) {
    if (!placed.includes(`"${specifier}"`)) throw new Error(`the hook does not load ${specifier}`);
    placed = placed.replaceAll(`"${specifier}"`, `"./${path.replace(/ts$/, "js")}"`);
  }
  await Deno.writeTextFile(join(BUNDLE, "hook.js"), placed);
  const entry = join(BUNDLE, "main.js");
  const before = await Deno.readTextFile(entry);
  const after = before.replace(
    /(==="hook"\)\{let\{hook:\w+\}=await import\()"[^"]+"/,
    '$1"./hook.js"',
  );
  if (after === before) throw new Error("the entry does not load the hook as expected");
  await Deno.writeTextFile(entry, after);
}

const NODE_MODULE =
  /import\s*\{createRequire as (\w+)\} from "node:module";var (\w+)=\1\(import\.meta\.url\);/;

/**
 * Two things that the bundler lets happen at the start of every program, and a hook cannot afford:
 * every chunk evaluates `node:module` where any module is CommonJS (9 ms, for something that only the
 * YAML parser uses); and Deno reads and parses what `import("…")` names before it is needed, if it can
 * see the name (4 ms).
 */
async function deferWhatIsLazy(folder: string): Promise<void> {
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    const path = join(folder, name);
    if (isDirectory) {
      await deferWhatIsLazy(path);
      continue;
    }
    const text = await Deno.readTextFile(path);
    const deferred = text
      .replace(
        NODE_MODULE,
        (_match, _create, require) =>
          `var ${require}=(name)=>process.getBuiltinModule("node:module").createRequire(import.meta.url)(name);`,
      )
      .replace(/\bimport\("(\.[^"]+)"\)/g, 'import(["$1"][0])');
    if (deferred !== text) await Deno.writeTextFile(path, deferred);
  }
}

/** Compiles a bundle for a target; answers the executable's name. */
export async function compile(entry: string, target: string, program = "csc"): Promise<string> {
  const name = `${program}-${target}${target.includes("windows") ? ".exe" : ""}`;
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
    "--include",
    dirname(entry), // its lazy chunks, which Deno does not see by itself
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

/**
 * The package can be published: with `deno.json`, which maps the standard library to what npm offers,
 * and with `jsr.json`, which maps the same names to JSR. JSR itself is stood in for on loopback.
 */

import { assert, assertEquals } from "./support/assert.ts";
import { ROOT, run } from "./support/command.ts";
import { TempFolder } from "./support/temp.ts";

interface PackageConfig {
  readonly name: string;
  readonly version: string;
  readonly exports: Record<string, string>;
  readonly imports: Record<string, string>;
}

const [denoJson, jsrJson] = ["deno.json", "jsr.json"].map((name): PackageConfig =>
  JSON.parse(Deno.readTextFileSync(ROOT + name))
);

/** What of `@std` the package imports, by package: module → its text, typed as JSR's is. */
const STAND_INS: Record<string, Record<string, string>> = {
  "@std/cli": {
    "parse-args":
      "export function parseArgs(args: string[], options?: { boolean?: string[]; string?: string[]; alias?: Record<string, string>; unknown?: (arg: string, key?: string, value?: unknown) => unknown }): { _: (string | number)[]; [name: string]: unknown } { return { _: args }; }",
  },
  "@std/fmt": {
    colors: ["bold", "dim", "green", "red"]
      .map((name) => `export function ${name}(str: string): string { return str; }\n`)
      .join("") + "export function setColorEnabled(_value: boolean): void {}\n",
  },
  "@std/text": {
    "levenshtein-distance":
      "export function levenshteinDistance(a: string, b: string): number { return a.length - b.length; }",
  },
  "@std/path": {
    ".": [
      "export function basename(path: string, suffix = ''): string { return path + suffix; }",
      "export function dirname(path: string): string { return path; }",
      "export function isAbsolute(path: string): boolean { return path !== ''; }",
      "export function join(path: string, ...paths: string[]): string { return path + paths; }",
      "export function relative(from: string, to: string): string { return from + to; }",
      "export function resolve(...paths: string[]): string { return paths.join('/'); }",
    ].join("\n"),
  },
};

Deno.test("deno.json and jsr.json describe the same package and map the same names", () => {
  assertEquals(jsrJson.name, denoJson.name);
  assertEquals(jsrJson.version, denoJson.version);
  assertEquals(jsrJson.exports, denoJson.exports);
  assertEquals(Object.keys(jsrJson.imports).sort(), Object.keys(denoJson.imports).sort());
  for (const [name, target] of Object.entries(jsrJson.imports)) {
    if (name.startsWith("@std/")) assert(target.startsWith(`jsr:${packageOf(name)}@`), target);
    else assertEquals(target, denoJson.imports[name]);
  }
});

Deno.test("`deno publish --dry-run` passes with deno.json", async () => {
  const args = ["publish", "--dry-run", "--allow-dirty", "--quiet"];
  const { code, stderr } = await run([Deno.execPath(), ...args], { cwd: ROOT });
  assertEquals(code, 0, stderr);
});

Deno.test("`deno publish --dry-run` passes with jsr.json", async () => {
  using folder = copyOfPackage();
  await using jsr = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, answer);
  const { code, stderr } = await run(
    [Deno.execPath(), "publish", "--dry-run", "--no-lock", "--quiet", "--config", "jsr.json"],
    { cwd: folder.path, env: { JSR_URL: `http://127.0.0.1:${jsr.addr.port}/` } },
  );
  assertEquals(code, 0, stderr);
});

/** The files to publish alone: a `deno.json` beside `jsr.json` would win over it. */
function copyOfPackage(): TempFolder {
  const folder = new TempFolder();
  const copy = (path: string) => {
    if (Deno.statSync(ROOT + path).isFile) return Deno.copyFileSync(ROOT + path, folder.join(path));
    Deno.mkdirSync(folder.join(path));
    for (const { name } of Deno.readDirSync(ROOT + path)) copy(`${path}/${name}`);
  };
  for (const path of ["main.ts", "src", "README.md", "LICENSE", "jsr.json"]) copy(path);
  return folder;
}

/** Answers as JSR's registry does: versions, manifest, modules; nothing of ours is published yet. */
async function answer(request: Request): Promise<Response> {
  const path = decodeURIComponent(new URL(request.url).pathname);
  const [, name, file] = /^\/(@[^/]+\/[^/]+)\/(.+)$/.exec(path) ?? [];
  const modules = STAND_INS[name];
  if (!modules) return new Response("not found", { status: 404 });
  if (file === "meta.json") {
    return Response.json({
      scope: "std",
      name: name.slice(5),
      latest: "1.0.0",
      versions: { "1.0.0": {} },
    });
  }
  const files = Object.fromEntries(
    Object.entries(modules).map(([module, text]) => [fileOf(module), text]),
  );
  if (file === "1.0.0_meta.json") {
    const entries = Object.entries(files).map(async ([path, text]) => {
      const bytes = new TextEncoder().encode(text);
      const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
      return [path, { size: bytes.length, checksum: `sha256-${digest}` }];
    });
    return Response.json({
      manifest: Object.fromEntries(await Promise.all(entries)),
      exports: Object.fromEntries(
        Object.keys(modules).map((module) => [
          module === "." ? "." : `./${module}`,
          `.${fileOf(module)}`,
        ]),
      ),
    });
  }
  const text = files[file.replace("1.0.0", "")];
  return text === undefined
    ? new Response("not found", { status: 404 })
    : new Response(text, { headers: { "content-type": "text/typescript" } });
}

function fileOf(module: string): string {
  return module === "." ? "/mod.ts" : `/${module.replaceAll("-", "_")}.ts`;
}

function packageOf(name: string): string {
  return name.split("/").slice(0, 2).join("/");
}

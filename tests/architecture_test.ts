import { dirname, join, relative } from "@std/path";
import { VERSION } from "../src/version.ts";
import { assert, assertEquals } from "./support/assert.ts";
import { ROOT } from "./support/command.ts";

const SRC = join(ROOT, "src");
const LONGEST_FILE = 400;

/** What only knows data, files and time. */
const GROUND = ["domain", "os", "std", "."];
/** Sessions and what they hold. */
const SESSIONS = ["lease", "roster", "journal", "coordination"];

/** Which folders of `src` the files of a folder may import from, beside their own. */
const ARROWS: Readonly<Record<string, readonly string[]>> = {
  ".": [],
  std: [],
  domain: ["std"],
  os: ["domain", "std"],
  storage: GROUND,
  detect: ["domain", "os", "std"],
  config: [...GROUND, "storage"],
  lease: ["domain", "os", "storage"],
  roster: ["domain", "os", "storage", "lease"],
  journal: ["domain", "os"],
  coordination: ["domain", "os", "storage", "config", "lease", "roster", "journal"],
  migrate: ["domain", "os", "storage", "lease", "roster"],
  work: ["domain", "os", "lease", "roster", "config"],
  graph: ["domain", "lease", "roster", "work"],
  shell: ["domain"],
  commit: ["domain", "os", "detect", "journal"],
  guard: ["domain", "os", "detect", "config", "shell", "work", ...SESSIONS],
  install: [...GROUND, "detect"],
  coordinator: [...GROUND, "detect", "storage", "config", "guard", "work", "graph", ...SESSIONS],
  hook: [...GROUND, "detect", "storage", "config", "guard", "work", "coordinator", ...SESSIONS],
  mcp: [...GROUND, "detect", "storage", "config", "coordinator", "graph", ...SESSIONS],
  http: [...GROUND, "detect", "storage", "config", "coordinator", "mcp", ...SESSIONS],
  cli: [
    ...GROUND,
    "detect",
    "storage",
    "config",
    "coordinator",
    "guard",
    "work",
    "graph",
    "commit",
    "install",
    "migrate",
    "hook",
    "mcp",
    "http",
    ...SESSIONS,
  ],
};

/** Bare names, and which files alone may import them. */
const FACADES: readonly (readonly [name: RegExp, file: RegExp])[] = [
  [/^@modelcontextprotocol\//, /^src\/mcp\/sdk(_http)?\.ts$/],
  [/^@std\/(cli|fmt|text|assert)/, /^src\/std\//],
];

interface SourceFile {
  /** Path from the repository, such as `src/cli/run.ts`. */
  readonly path: string;
  readonly text: string;
  /** What it imports: paths of files from the repository, and bare names as they are. */
  readonly imports: readonly string[];
}

function readSources(folder: string): SourceFile[] {
  return [...Deno.readDirSync(folder)].flatMap(({ name, isDirectory }) => {
    const path = join(folder, name);
    if (isDirectory) return readSources(path);
    return name.endsWith(".ts") ? [readSource(path)] : [];
  });
}

function readSource(path: string): SourceFile {
  const text = Deno.readTextFileSync(path);
  const code = text.replace(/\/\*[\s\S]*?\*\//g, "");
  const found = code.matchAll(
    /^\s*(?:import|export)\s[^;"]*?from\s*"([^"]+)"|^\s*import\s*"([^"]+)"|\bimport\(\s*"([^"]+)"\s*\)/gm,
  );
  const imports = [...found].map(([, from, bare, dynamic]) => from ?? bare ?? dynamic);
  return {
    path: relative(ROOT, path),
    text,
    imports: imports.map((name) =>
      name.startsWith(".") ? relative(ROOT, join(dirname(path), name)) : name
    ),
  };
}

const folderOf = (path: string) => path.split("/").length > 2 ? path.split("/")[1] : ".";
const isOwn = (name: string) => name.startsWith("src/");
const SOURCES = readSources(SRC);

Deno.test("the reader of imports sees every form there is", () => {
  const path = Deno.makeTempFileSync({ suffix: ".ts" });
  Deno.writeTextFileSync(
    path,
    [
      'import { a } from "a";',
      'import type { b } from "b";',
      'import * as c from "c";',
      'import {\n  d,\n  type e,\n} from "d";',
      'import "e";',
      'export { f } from "f";',
      'export type { g } from "g";',
      'export * from "h";',
      'const i = (await import("i")).x;',
      'const { j } = await import(\n  "j"\n);',
      '/**\n * import { k } from "k";\n */',
      'const text = "from";',
    ].join("\n"),
  );
  const { imports } = readSource(path);
  Deno.removeSync(path);
  assertEquals(imports, ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"]);
});

Deno.test("the folders of src import along the arrows only", () => {
  for (const { path, imports } of SOURCES) {
    const folder = folderOf(path);
    assert(ARROWS[folder], `src/${folder} has no arrows: say in this test what it may import`);
    for (const name of imports.filter(isOwn)) {
      const target = folderOf(name);
      const allowed = target === folder || ARROWS[folder].includes(target);
      assert(allowed, `${path} imports ${name}`);
    }
  }
});

Deno.test("every file that is imported is there, and within src", () => {
  const known = new Set(SOURCES.map(({ path }) => path));
  for (const { path, imports } of SOURCES) {
    for (const name of imports.filter((one) => /^(src|\.\.)\//.test(one) || one.endsWith(".ts"))) {
      assert(known.has(name), `${path} imports ${name}`);
    }
  }
});

Deno.test("the SDK and the untyped parts of std are imported by their facades only", () => {
  for (const { path, imports } of SOURCES) {
    for (const name of imports) {
      for (const [bare, file] of FACADES) {
        assert(!bare.test(name) || file.test(path), `${path} imports ${name}`);
      }
    }
  }
  const facades = SOURCES.flatMap(({ imports }) => imports).filter((name) =>
    FACADES.some(([bare]) => bare.test(name))
  );
  assert(facades.length > 3, "the facades are there");
});

Deno.test("nothing is imported by an address: deno.json says where names come from", () => {
  for (const { path, imports } of SOURCES) {
    for (const name of imports) {
      assert(!/^(npm|jsr|https?|node|file):/.test(name), `${path}: ${name}`);
    }
  }
});

Deno.test("no file of src imports itself in a circle", () => {
  const importsOf = new Map(SOURCES.map(({ path, imports }) => [path, imports.filter(isOwn)]));
  const done = new Set<string>();
  const visit = (path: string, way: readonly string[]) => {
    const start = way.indexOf(path);
    assert(start < 0, [...way.slice(start), path].join(" -> "));
    if (done.has(path)) return;
    for (const next of importsOf.get(path) ?? []) visit(next, [...way, path]);
    done.add(path);
  };
  for (const { path } of SOURCES) visit(path, []);
});

Deno.test("no file of src is too long to be read at a stretch", () => {
  for (const { path, text } of SOURCES) {
    const lines = text.split("\n").length - 1;
    assert(lines <= LONGEST_FILE, `${path} has ${lines} lines`);
  }
});

Deno.test("nothing but the command line writes to standard output or ends the process", () => {
  for (const { path, text } of SOURCES) {
    if (path.startsWith("src/cli/") || path === "src/hook/main.ts") continue;
    const code = text.replace(/\/\*[\s\S]*?\*\//g, "");
    assert(!/console\.\w+\(|Deno\.exit\(/.test(code), path);
    assert(path === "src/mcp/stdio_transport.ts" || !/Deno\.stdout/.test(code), path);
  }
});

Deno.test("src frees what it opens without `using`, which `deno bundle --minify` drops", () => {
  for (const { path, text } of SOURCES) {
    assert(!/^\s*(await )?using \w+ =/m.test(text), `${path}: use try and finally`);
  }
});

Deno.test("what a hook evaluates before an edit comes from src alone, and is little", () => {
  const texts = new Map(SOURCES.map(({ path, text }) => [path, text]));
  const seen = new Set<string>();
  const visit = (path: string) => {
    if (seen.has(path)) return;
    seen.add(path);
    const code = texts.get(path)!.replace(/\/\*[\s\S]*?\*\//g, "");
    const found = code.matchAll(
      /^\s*(?:import|export)\s(?!type\b)[^;"]*?from\s*"([^"]+)"|^\s*import\s*"([^"]+)"/gm,
    );
    for (const [, from, bare] of found) {
      const name = from ?? bare;
      assert(name.startsWith("."), `${path} imports ${name}`);
      visit(relative(ROOT, join(ROOT, dirname(path), name)));
    }
  };
  visit("src/hook/main.ts");
  for (const lazy of ["guard/command", "guard/words", "hook/session", "coordinator/setting"]) {
    assert(!seen.has(`src/${lazy}.ts`), `src/${lazy}.ts is evaluated by every hook`);
  }
  assert(seen.size > 20 && seen.size < 80, `${seen.size} modules`);
});

interface PackageFile {
  readonly name: string;
  readonly version: string;
  readonly exports: Readonly<Record<string, string>>;
  readonly imports: Readonly<Record<string, string>>;
}

function readPackage(name: string): PackageFile | null {
  try {
    return JSON.parse(Deno.readTextFileSync(join(ROOT, name)));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}

/** Whether an import map says where a bare name comes from. */
function resolves({ imports }: PackageFile, name: string): boolean {
  return Object.keys(imports).some((key) =>
    key === name || (key.endsWith("/") && name.startsWith(key)) || name.startsWith(`${key}/`)
  );
}

Deno.test("the version is the same everywhere", () => {
  const versions = ["deno.json", "jsr.json"].map((name) => readPackage(name)?.version);
  for (const version of versions) assert(version === undefined || version === VERSION);
  assertEquals(versions[0], VERSION);
});

Deno.test("every name that src imports is known to deno.json and to jsr.json", () => {
  const names = new Set(SOURCES.flatMap(({ imports }) => imports).filter((name) => !isOwn(name)));
  for (const file of ["deno.json", "jsr.json"]) {
    const found = readPackage(file);
    if (!found) continue;
    for (const name of names) assert(resolves(found, name), `${file} does not know ${name}`);
  }
});

Deno.test("deno.json and jsr.json describe one package", () => {
  const [deno, jsr] = ["deno.json", "jsr.json"].map(readPackage);
  assert(deno);
  if (jsr) assertEquals([jsr.name, jsr.exports], [deno.name, deno.exports]);
});

Deno.test("every name of deno.json is used", () => {
  const texts = ["src", "tests", "scripts"].flatMap((folder) =>
    readSources(join(ROOT, folder)).map(({ text }) => text)
  );
  for (const name of Object.keys(readPackage("deno.json")!.imports)) {
    const used = texts.some((text) => text.includes(`"${name}`));
    assert(used, `nothing imports ${name}`);
  }
});

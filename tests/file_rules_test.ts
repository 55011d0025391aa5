/** Which files are guarded, and for how long: the globs of the section `coordination`. */

import { checkConfig } from "../src/config/check.ts";
import { DEFAULT_CONFIG } from "../src/config/defaults.ts";
import { type FileRule, fileRule, isInWorkArea } from "../src/config/file_rules.ts";
import type { CoordinationConfig } from "../src/config/types.ts";
import "../src/storage/builtin.ts";
import { assert, assertEquals } from "./support/assert.ts";

function withFiles(said: Partial<CoordinationConfig>): CoordinationConfig {
  return { ...DEFAULT_CONFIG.coordination, ...said };
}

const DEFAULT_RULES: [path: string, guarded: boolean, timeoutS: number, kind: FileRule["kind"]][] =
  [
    ["main.py", true, 3600, "critical"],
    ["src/deep/down/app.js", true, 3600, "critical"],
    ["src/app.tsx", true, 3600, "other"],
    ["db/001.sql", true, 7200, "other"],
    ["package.json", true, 1800, "critical"],
    ["package-lock.json", true, 1800, "critical"],
    ["Cargo.lock", true, 3600, "other"],
    ["deno.lock", true, 3600, "other"],
    [".github/workflows/ci.yml", true, 1800, "other"],
    ["run.sh", true, 1800, "other"],
    ["README.md", true, 900, "docs"],
    ["Makefile", true, 3600, "other"],
    ["noext", true, 3600, "other"],
    [".env", true, 3600, "other"],
    ["node_modules/a/index.js", false, 3600, "other"],
    ["web/node_modules/a/README.md", false, 900, "docs"],
    ["dist/app.js", false, 3600, "other"],
    ["target/debug/x.json", false, 1800, "other"],
    [".venv/lib/a.py", false, 3600, "other"],
    ["src/__pycache__/a.pyc", false, 3600, "other"],
    ["a.pyc", false, 3600, "other"],
    ["my.egg-info/PKG-INFO", false, 3600, "other"],
    ["server.log", false, 3600, "other"],
    [".git/config", false, 3600, "other"],
    [".claude/session-state/x.json", false, 1800, "other"],
    [".claude/settings.json", true, 1800, "critical"],
    ["sub/.claude/session-state/x.json", true, 1800, "critical"],
    ["dist", true, 3600, "other"],
    ["distribution/a.py", true, 3600, "critical"],
    ["", true, 3600, "other"],
  ];
for (const [path, guarded, timeoutS, kind] of DEFAULT_RULES) {
  Deno.test(`by default '${path}' is ${guarded ? "guarded" : "free"}, ${kind}, for ${timeoutS} s`, () => {
    assertEquals(fileRule(DEFAULT_CONFIG.coordination, path), { guarded, timeoutS, kind });
  });
}

const GLOBS: [glob: string, matching: string[], others: string[]][] = [
  ["*.py", ["a.py", "x/y/a.py"], ["a.pyc", "a.py/b", "A.PY"]],
  ["a.py", ["a.py", "x/a.py"], ["ba.py"]],
  ["test_*.py", ["test_a.py", "x/test_.py"], ["test.py", "test_/a.py"]],
  ["[ab]?.txt", ["a1.txt", "x/bé.txt"], ["c1.txt", "a.txt"]],
  ["dist/", ["dist/a", "x/dist/y/z"], ["dist", "mydist/a", "dist.js"]],
  ["*.egg-info/", ["a.egg-info/b"], ["a.egg-info"]],
  ["cmake-build-*/", ["x/cmake-build-debug/b"], ["cmake/b"]],
  ["/dist/", ["dist/a"], ["x/dist/a"]],
  ["./src/a.py", ["src/a.py"], ["x/src/a.py"]],
  ["src/*.py", ["src/a.py", "src/x/a.py"], ["a.py", "x/src/a.py", "src/a.js"]],
  ["src/api/", ["src/api/a", "src/api/b/c"], ["x/src/api/a", "src/api", "src/apis/a"]],
  ["src/*/gen/", ["src/a/gen/x"], ["src/gen/x"]],
  ["/a.py", ["a.py"], ["x/a.py"]],
  ["**/a.py", ["a.py", "x/y/a.py"], ["ba.py"]],
  ["**/gen/", ["gen/a", "x/gen/a"], ["gen"]],
  ["**/gen/*.py", ["gen/a.py", "x/y/gen/a.py"], ["xgen/a.py"]],
  ["a/**/b.py", ["a/b.py", "a/x/b.py", "a/x/y/b.py"], ["ab.py", "x/a/b.py", "a/xb.py"]],
  ["a/**/b/**/c", ["a/b/c", "a/x/b/c", "a/b/x/c", "a/x/b/y/c"], ["a/c", "b/c"]],
  ["a/**", ["a/b", "a/b/c"], ["b/a/c"]],
  ["**", ["a", "a/b"], []],
  ["caf\u00e9.py", ["cafe\u0301.py", "x/caf\u00e9.py"], ["cafe.py"]],
];
for (const [glob, matching, others] of GLOBS) {
  Deno.test(`the glob ${glob} names what it should`, () => {
    const rules = withFiles({ docs_files: [glob], critical_files: [], ignore_files: [] });
    for (const path of matching) assertEquals(fileRule(rules, path).kind, "docs", path);
    for (const path of others) assertEquals(fileRule(rules, path).kind, "other", path);
  });
}

Deno.test("an ignored name without a slash also takes in folders, as the seeds write them", () => {
  const rules = withFiles({ ignore_files: ["node_modules", "*.cache"] });
  for (const path of ["node_modules", "node_modules/a.js", "x/node_modules/y/z", "a.cache/b.py"]) {
    assertEquals(fileRule(rules, path).guarded, false, path);
  }
  assertEquals(fileRule(rules, "node_modules.js").guarded, true);
});

Deno.test("critical files are guarded although an ignore pattern names them too", () => {
  const rule = (critical: string, ignored: string, path: string) =>
    fileRule(withFiles({ critical_files: [critical], ignore_files: [ignored] }), path);
  assertEquals(rule("*.json", "package*.json", "package-lock.json").guarded, true);
  assertEquals(rule("build/release.py", "build/", "build/release.py").kind, "critical");
  assertEquals(rule("src/build/", "build/", "src/build/x.ts").guarded, true);
  assertEquals(rule("/dist/", "dist/", "dist/x.js").guarded, true);
  assertEquals(rule("*.js", "dist/", "dist/x.js"), {
    guarded: false,
    timeoutS: 3600,
    kind: "other",
  });
  assertEquals(rule("*.js", "gen/*.js", "gen/x.js").guarded, false);
});

Deno.test("of several timeouts the most specific glob's counts, whatever their order", () => {
  const said = { "*": 1, "*.py": 2, "db/*.py": 3, "db/": 4, "manage.py": 5 };
  const entries = Object.entries(said);
  for (const timeouts of [said, Object.fromEntries(entries.toReversed())]) {
    const timeout = (path: string) => fileRule(withFiles({ timeouts }), path).timeoutS;
    assertEquals(["x", "a.py", "db/a.py", "db/x", "manage.py"].map(timeout), [1, 2, 3, 4, 5]);
  }
  assertEquals(fileRule(withFiles({ timeouts: {}, lock_timeout: 9 }), "x").timeoutS, 9);
});

Deno.test("without file locks nothing is guarded", () => {
  const rule = fileRule(withFiles({ enable_file_locks: false }), "a.py");
  assertEquals(rule, { guarded: false, timeoutS: 3600, kind: "critical" });
});

Deno.test("a work area has the files that its globs name and do not take out again", () => {
  const backend = { files: ["*.py", "!tests/", "tests/conftest.py"], dependencies: [] };
  const isIn = (path: string) => isInWorkArea(backend, path);
  assertEquals(
    ["a.py", "x/a.py", "a.js", "tests/test_a.py", "x/tests/a.py", "tests/conftest.py"].map(isIn),
    [true, true, false, false, false, true],
  );
  assertEquals(isInWorkArea({ files: ["static"], dependencies: [] }, "static/a/b.css"), true);
  assertEquals(isInWorkArea({ files: [], dependencies: [] }, "a"), false);
});

Deno.test("the largest rules there may be are applied in no time", () => {
  const glob = `${"a*".repeat(8)}b`;
  const globs = Array.from({ length: 500 }, (_, i) => `x/${glob}${i}`);
  const checked = checkConfig({ coordination: { ignore_files: globs, docs_files: globs } });
  assert("config" in checked);
  const startedAt = performance.now();
  fileRule(checked.config.coordination, `x/${"a".repeat(4000)}`);
  const tookMs = performance.now() - startedAt;
  assert(tookMs < 2000, `${tookMs} ms`);
});

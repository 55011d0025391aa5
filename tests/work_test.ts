import { join } from "@std/path";
import { DEFAULT_CONFIG } from "../src/config/defaults.ts";
import { areaOf, areasOf, busyAreas, freeAreas } from "../src/work/areas.ts";
import { declaredBy } from "../src/work/declared.ts";
import { estimateWait, inWords } from "../src/work/estimate.ts";
import { suggestInstead, suggestWork } from "../src/work/suggest.ts";
import { isAbout } from "../src/work/words.ts";
import { assert, assertEquals, assertMatch, assertStringIncludes } from "./support/assert.ts";
import { TempFolder } from "./support/temp.ts";
import { ago, lease, NOW_MS, Scene } from "./support/work_scene.ts";

const MOMENT = { clock: "uptime", s: 1000, wallMs: NOW_MS } as const;

/** Work areas as the seed has them. */
const AREAS = {
  frontend: { files: ["templates/", "static/"], dependencies: [] },
  backend: { files: ["*.py", "!tests/"], dependencies: [] },
  testing: { files: ["tests/"], dependencies: ["backend", "frontend"] },
  documentation: { files: ["docs/", "*.md"], dependencies: [] },
};

const names = (areas: readonly { readonly area: string }[]) => areas.map(({ area }) => area);

Deno.test("`areaOf()` takes the configured area, else the folder that means something", () => {
  using temp = new TempFolder();
  const scene = new Scene(temp.path).write("index.html", "docs/intro.md");
  const cases: [string, string | null][] = [
    ["src/auth/login.ts", "src/auth"],
    ["src/auth/forms/password.ts", "src/auth"],
    ["src/main.ts", "src"],
    ["packages/editor/src/a.ts", "packages/editor"],
    ["web/pages/a.html", "web"],
    ["node_modules/a/index.js", null],
    ["src/.cache/a.ts", null],
    [".github/workflows/ci.yml", null],
    ["../elsewhere.ts", null],
    ["index.html", "frontend"],
    ["app.js", "frontend"],
    ["server.py", "backend"],
    ["test_server.py", "tests"],
    ["README.md", "docs"],
    ["package.json", null],
  ];
  for (const [path, area] of cases) assertEquals(areaOf(scene.view(null), path), area, path);
  const view = scene.view(null, { areas: AREAS });
  assertEquals(areaOf(view, "server.py"), "backend");
  assertEquals(areaOf(view, "tests/test_server.py"), "testing");
  assertEquals(areaOf(view, "static/a.css"), "frontend");
  assertEquals(areaOf(view, "src/auth/login.ts"), "src/auth");
});

Deno.test("`areaOf()` of a script at the top depends on whether there are pages", () => {
  using temp = new TempFolder();
  assertEquals(areaOf(new Scene(temp.path).view(null), "app.js"), "backend");
});

Deno.test("`areaOf()` finds the configured area of a path that the file system folded", () => {
  const view = new Scene("/tree").view(null, {
    areas: { ui: { files: ["Sources/UI/"], dependencies: [] } },
  });
  assertEquals(areaOf(view, "sources/ui/button.swift"), "ui");
  assertEquals(areaOf(view, "sources/net/http.swift"), "sources/net");
});

Deno.test("`areasOf()` reads the repository's folders where none are configured", () => {
  using temp = new TempFolder();
  new Scene(temp.path).write(
    "src/auth/login.ts",
    "src/api/routes.ts",
    "src/main.ts",
    "tests/a_test.ts",
    "docs/intro.md",
    "web/index.html",
    "node_modules/a/index.js",
    ".git/HEAD",
    "dist/out.js",
    "setup.cfg",
  );
  Deno.symlinkSync("/etc", temp.join("linked"));
  const config = DEFAULT_CONFIG.coordination;
  assertEquals(areasOf(temp.path, config), ["src/api", "src/auth", "src", "web", "tests", "docs"]);
  assertEquals(areasOf(temp.path, { ...config, work_areas: AREAS }), Object.keys(AREAS));
  assertEquals(
    areasOf(temp.path, { ...config, ignore_files: ["web/", "docs/"] }).includes("web"),
    false,
  );
  const back = { ...config, ignore_files: ["web/", "docs/", "!web/"] };
  assertEquals(areasOf(temp.path, back).slice(-2), ["web", "tests"]);
  assertEquals(areasOf(temp.join("missing"), config), []);
});

/** The least of some measurements, in milliseconds. */
function fastest(task: () => unknown): number {
  const times = Array.from({ length: 7 }, () => {
    const start = performance.now();
    task();
    return performance.now() - start;
  });
  return Math.min(...times);
}

Deno.test("`areasOf()` takes 5 ms at the most, beside the reading of a large folder itself", () => {
  using temp = new TempFolder();
  for (let i = 0; i < 5000; i++) Deno.writeTextFileSync(temp.join(`page${i}.html`), "");
  for (let i = 0; i < 300; i++) Deno.mkdirSync(temp.join(`folder${i}`));
  const config = DEFAULT_CONFIG.coordination;
  const areas = areasOf(temp.path, config);
  assert(areas.length > 1 && areas.length <= 201, `${areas.length} areas`);
  const readingMs = fastest(() => Array.from(Deno.readDirSync(temp.path)));
  const ms = fastest(() => areasOf(temp.path, config));
  assert(ms < 5 + 3 * readingMs, `${ms} ms, and reading ${readingMs} ms`);
});

Deno.test("`busyAreas()` follows what is declared, what is intended and what is held", () => {
  using temp = new TempFolder();
  const scene = new Scene(temp.path).write("src/auth/a.ts", "src/api/b.ts", "docs/c.md", "web/d.ts")
    .session("Session_1", { metadata: { work_area: "docs" } })
    .session("Session_2", { metadata: { intent: "Refactoring API endpoints" } })
    .session("Session_3")
    .session("Session_4", { metadata: { work_area: "audio export" } })
    .session("Session_5", { metadata: { work_area: "web" } });
  scene.hold("Session_3", "src/auth/a.ts").hold("Session_3", "docs/c.md");
  assertEquals(busyAreas(scene.view("Session_5")), [
    { area: "audio export", sessions: ["Session_4"] },
    { area: "docs", sessions: ["Session_1", "Session_3"] },
    { area: "src/api", sessions: ["Session_2"] },
    { area: "src/auth", sessions: ["Session_3"] },
  ]);
  assertEquals(names(freeAreas(scene.view("Session_5"))), ["web"]);
});

Deno.test("`busyAreas()` leaves out who has ended or been silent, and what has run out", () => {
  using temp = new TempFolder();
  const scene = new Scene(temp.path).write("a/x.ts", "b/x.ts", "c/x.ts", "d/x.ts")
    .session("Session_1", { metadata: { work_area: "a" }, status: "completed", standing: "dead" })
    .session("Session_2", { metadata: { work_area: "b" }, standing: "unproven", tier: "stale" })
    .session("Session_3", { metadata: { work_area: "c" }, standing: "live", tier: "stale" });
  scene.hold("Session_2", "d/x.ts", { leftS: 0 });
  assertEquals(names(busyAreas(scene.view(null))), ["c"]);
  scene.hold("Session_2", "d/x.ts", { leftS: 1 });
  assertEquals(names(busyAreas(scene.view(null))), ["c", "d"]);
});

Deno.test("`freeAreas()` keeps clear of areas that build on what is being changed", () => {
  using temp = new TempFolder();
  const scene = new Scene(temp.path).session("Session_1").session("Session_2");
  const view = () => scene.view("Session_2", { areas: AREAS });
  assertEquals(names(freeAreas(view())), ["frontend", "backend", "testing", "documentation"]);
  scene.hold("Session_1", "server.py");
  assertEquals(names(freeAreas(view())), ["frontend", "documentation"]);
  scene.reservations.pop();
  scene.hold("Session_1", "docs/a.md");
  assertEquals(names(freeAreas(view())), ["frontend", "backend", "testing"]);
});

Deno.test("`freeAreas()` says why, and names five at the most", () => {
  using temp = new TempFolder();
  const scene = new Scene(temp.path).session("Session_1").session("Session_2");
  const areas = freeAreas(scene.view("Session_2", { areas: AREAS }));
  assertEquals(areas[0].why, "nobody works there; needed by testing");
  assertEquals(
    areas[2].why,
    "nobody works there; backend and frontend, which it builds on, are not being changed",
  );
  scene.write(..."abcdefgh".split("").map((name) => `${name}/x.ts`));
  assertEquals(names(freeAreas(scene.view("Session_2"))), ["a", "b", "c", "d", "e"]);
});

Deno.test("`priority_rules` rank what is free, and changing one reorders it", () => {
  using temp = new TempFolder();
  const scene = new Scene(temp.path)
    .write("experiments/a.py", "hotfixes/b.py", "models/c.py", "refactor/d.py")
    .session("Session_1").session("Session_2");
  const { priority_rules } = DEFAULT_CONFIG.coordination;
  const order = (priorities: { readonly [word: string]: number }) =>
    names(freeAreas(scene.view("Session_2", { priorities })));
  assertEquals(order(priority_rules), ["hotfixes", "models", "refactor", "experiments"]);
  assertEquals(
    order({ ...priority_rules, experiment: 95 }),
    ["experiments", "hotfixes", "models", "refactor"],
  );
  assertEquals(
    order({ ...priority_rules, models: 5 }),
    ["hotfixes", "refactor", "experiments", "models"],
  );
  const [first] = freeAreas(scene.view("Session_2", { priorities: priority_rules }));
  assertStringIncludes(first.why, "priority 90 (hotfix)");
});

Deno.test("`freeAreas()` ranks higher what an urgent work of somebody waits for", () => {
  using temp = new TempFolder();
  const scene = new Scene(temp.path).write("a/x.py", "b/x.py", "c/x.py")
    .session("Session_1", { metadata: { depends_on: "b", work_area: "elsewhere" } })
    .session("Session_2", { metadata: { depends_on: ["c"], work_area: "elsewhere" } })
    .session("Session_3");
  const order = () => names(freeAreas(scene.view("Session_3")));
  assertEquals(order(), ["b", "c", "a"]);
  scene.sessions.splice(1, 1);
  scene.session("Session_2", {
    branch: "hotfix/login",
    metadata: { depends_on: ["c"], work_area: "elsewhere" },
  });
  assertEquals(order(), ["c", "b", "a"]);
});

/** Files of a project, the denied one, and what is the first suggestion. */
const COUNTERPARTS: readonly (readonly [files: string, path: string, test: string])[] = [
  ["auth.py", "auth.py", "tests/test_auth.py"],
  ["auth.py tests/test_auth.py", "auth.py", "tests/test_auth.py"],
  ["auth.py tests/unit/test_auth.py", "auth.py", "tests/unit/test_auth.py"],
  ["auth.py test/other_test.py", "auth.py", "test/auth_test.py"],
  [
    "pkg/auth.py pkg/tests/test_auth.py tests/test_auth.py",
    "pkg/auth.py",
    "pkg/tests/test_auth.py",
  ],
  ["src/a/b.ts", "src/a/b.ts", "src/a/b.test.ts"],
  ["deno.json src/a/b.ts", "src/a/b.ts", "src/a/b_test.ts"],
  ["src/a/b.ts src/a/c.spec.ts", "src/a/b.ts", "src/a/b.spec.ts"],
  ["src/a/b.ts tests/c_test.ts", "src/a/b.ts", "tests/b_test.ts"],
  ["src/a/b.ts tests/a/c.test.ts", "src/a/b.ts", "tests/a/b.test.ts"],
  ["src/a/b.ts src/a/__tests__/b.ts", "src/a/b.ts", "src/a/b.test.ts"],
  ["src/a/b.ts src/a/__tests__/b.test.ts", "src/a/b.ts", "src/a/__tests__/b.test.ts"],
  ["src/Button.tsx src/Button.test.ts", "src/Button.tsx", "src/Button.test.ts"],
  ["src/forms/index.ts", "src/forms/index.ts", "src/forms/forms.test.ts"],
  ["pkg/http/server.go", "pkg/http/server.go", "pkg/http/server_test.go"],
  ["src/parser.rs", "src/parser.rs", "tests/parser.rs"],
  ["crates/x/src/parser.rs", "crates/x/src/parser.rs", "crates/x/tests/parser.rs"],
  [
    "src/main/java/org/a/Cart.java",
    "src/main/java/org/a/Cart.java",
    "src/test/java/org/a/CartTest.java",
  ],
  [
    "src/main/java/org/a/Cart.java src/test/java/org/a/CartTests.java",
    "src/main/java/org/a/Cart.java",
    "src/test/java/org/a/CartTests.java",
  ],
  ["app/models/user.rb spec/models/team_spec.rb", "app/models/user.rb", "spec/models/user_spec.rb"],
  ["app/models/user.rb test/models/team_test.rb", "app/models/user.rb", "test/models/user_test.rb"],
  ["src/Cart/Item.php", "src/Cart/Item.php", "tests/Cart/ItemTest.php"],
  ["lib/shop/cart.ex", "lib/shop/cart.ex", "test/shop/cart_test.exs"],
  // sources of tests
  ["auth.py tests/test_auth.py", "tests/test_auth.py", "auth.py"],
  ["src/a/b.ts src/c/b.ts tests/c/b_test.ts", "tests/c/b_test.ts", "src/c/b.ts"],
  ["src/a/b.tsx src/a/__tests__/b.test.ts", "src/a/__tests__/b.test.ts", "src/a/b.tsx"],
  ["pkg/server.go pkg/server_test.go", "pkg/server_test.go", "pkg/server.go"],
  ["app/models/user.rb spec/models/user_spec.rb", "spec/models/user_spec.rb", "app/models/user.rb"],
  ["src/parser.rs tests/parser.rs", "tests/parser.rs", "src/parser.rs"],
];

Deno.test("`suggestInstead()` knows the test of a source and the source of a test", () => {
  for (const [files, path, test] of COUNTERPARTS) {
    using temp = new TempFolder();
    const scene = new Scene(temp.path).write(...files.split(" "))
      .session("Session_1").session("Session_2").hold("Session_1", path);
    assertEquals(suggestInstead(scene.view("Session_2"), path)[0], test, `${path} in ${files}`);
  }
});

Deno.test("`suggestInstead()` names no test of what has none, and none that cannot be made", () => {
  using temp = new TempFolder();
  const scene = new Scene(temp.path).write("README.md", "config.yaml", "auth.py", "tests")
    .session("Session_1").session("Session_2");
  for (const path of ["README.md", "config.yaml", "auth.py"]) {
    scene.hold("Session_1", path);
    assertEquals(
      suggestInstead(scene.view("Session_2"), path).join().includes("test"),
      false,
      path,
    );
  }
});

Deno.test("`suggestInstead()` follows what is held while it changes", () => {
  using temp = new TempFolder();
  const scene = new Scene(temp.path)
    .write("src/auth/login.py", "src/auth/token.py", "src/auth/user.py", "tests/test_login.py")
    .write("docs/intro.md")
    .session("Session_1").session("Session_2").session("Session_3")
    .hold("Session_1", "src/auth/login.py");
  const instead = () => suggestInstead(scene.view("Session_2"), "src/auth/login.py");
  assertEquals(instead(), ["tests/test_login.py", "src/auth/token.py", "the free area tests"]);
  scene.hold("Session_3", "tests/test_login.py");
  assertEquals(instead(), ["src/auth/token.py", "the free area docs", "src/auth/user.py"]);
  scene.hold("Session_3", "src/auth/token.py", { tree: "/another/tree" });
  assertEquals(instead(), ["src/auth/user.py", "the free area docs"]);
  scene.hold("Session_3", "docs/intro.md");
  assertEquals(instead(), ["src/auth/user.py"]);
  scene.hold("Session_1", "src/auth/user.py");
  assertEquals(instead(), []);
});

Deno.test("`suggestInstead()` leaves areas to those who said that they work there", () => {
  using temp = new TempFolder();
  const scene = new Scene(temp.path)
    .write("src/auth/login.py", "src/auth/token.py", "tests/test_login.py")
    .session("Session_1", { metadata: { work_area: "src/auth" } })
    .session("Session_2").session("Session_3").hold("Session_1", "src/auth/login.py");
  const instead = () => suggestInstead(scene.view("Session_2"), "src/auth/login.py");
  assertEquals(instead(), ["tests/test_login.py", "the free area tests"]);
  scene.session("Session_4", { metadata: { work_area: "testing" } });
  assertEquals(instead(), []);
});

Deno.test("`suggestInstead()` offers what one holds oneself, not what one's sub-agents hold", () => {
  using temp = new TempFolder();
  const scene = new Scene(temp.path).write("auth.py", "tests/test_auth.py")
    .session("Session_1").session("Session_2").hold("Session_1", "auth.py");
  const instead = () => suggestInstead(scene.view("Session_2"), "auth.py")[0];
  scene.hold("Session_2", "tests/test_auth.py");
  assertEquals(instead(), "tests/test_auth.py");
  scene.hold("Session_2", "tests/test_auth.py", { agent: "a1" });
  assertEquals(instead(), "the free area tests");
});

Deno.test("`suggestInstead()` shows no names that cannot be shown, and nothing ignored or linked", () => {
  using temp = new TempFolder();
  using elsewhere = new TempFolder();
  Deno.writeTextFileSync(elsewhere.join("test_auth.py"), "");
  const scene = new Scene(temp.path)
    .write("lib/auth.py", "lib/a\nb.py", "lib/\u001b[31mc.py", "lib/dist/d.py", "lib/.hidden.py")
    .session("Session_1").session("Session_2").hold("Session_1", "lib/auth.py");
  Deno.symlinkSync(elsewhere.path, temp.join("lib", "tests"));
  Deno.symlinkSync(elsewhere.join("test_auth.py"), temp.join("lib", "zz.py"));
  assertEquals(suggestInstead(scene.view("Session_2"), "lib/auth.py"), ["tests/test_auth.py"]);
});

Deno.test("`suggestInstead()` looks at what is around a file that is in no repository", () => {
  using temp = new TempFolder();
  new Scene(temp.path).write("notes/auth.py", "notes/other.py", "tests/test_auth.py");
  const path = join(temp.path, "notes", "auth.py").slice(1);
  const scene = new Scene("/").session("Session_1").session("Session_2").hold("Session_1", path);
  assertEquals(
    suggestInstead(scene.view("Session_2"), path),
    ["tests/test_auth.py", "notes/other.py"].map((one) => join(temp.path, one).slice(1)),
  );
  assertEquals(areasOf("/", DEFAULT_CONFIG.coordination), []);
});

Deno.test("`suggestInstead()` is quick in a large tree with 10,000 reservations", () => {
  using temp = new TempFolder();
  const scene = new Scene(temp.path).session("Session_1").session("Session_2");
  for (let folder = 0; folder < 40; folder++) {
    const paths = Array.from({ length: 25 }, (_, i) => `src/part${folder}/file${i}.ts`);
    scene.write(...paths);
  }
  for (let i = 0; i < 10_000; i++) {
    scene.hold("Session_1", `src/part${i % 39}/file${Math.floor(i / 39)}.ts`);
  }
  assertEquals(
    suggestInstead(scene.view("Session_2"), "src/part3/file3.ts"),
    ["src/part3/file3.test.ts", "the free area src/part39"],
  );
  const ms = fastest(() => suggestInstead(scene.view("Session_2"), "src/part3/file3.ts"));
  assert(ms < 2000, `${ms} ms`); // some 50 ms; not in the square of the reservations
});

Deno.test("scenario 1: who starts sees the others' work and what is free, with a file", () => {
  using temp = new TempFolder();
  const scene = new Scene(temp.path)
    .write("index.html", "app.js", "style.css", "tts_engine.py", "README.md")
    .session("Session_1");
  assertEquals(suggestWork(scene.view("Session_1")), []);
  scene.hold("Session_1", "index.html").hold("Session_1", "app.js").session("Session_2");
  assertEquals(suggestWork(scene.view("Session_2")), [
    "Session_1 works on frontend (index.html, app.js).",
    "Free to work on: backend (tts_engine.py available), docs (README.md available) or tests of what is being changed (app.test.js).",
  ]);
  scene.hold("Session_2", "tts_engine.py").session("Session_3");
  assertEquals(suggestWork(scene.view("Session_3")), [
    "Session_1 works on frontend (index.html, app.js).",
    "Session_2 works on backend (tts_engine.py).",
    "Free to work on: docs (README.md available) or tests of what is being changed (app.test.js, tests/test_tts_engine.py).",
  ]);
  scene.reservations.length = 0;
  assertEquals(suggestWork(scene.view("Session_3")), [
    "Session_1 is at work.",
    "Session_2 is at work.",
    "Free to work on: frontend (app.js available), backend (tts_engine.py available) or docs (README.md available).",
  ]);
});

Deno.test("scenario 2: the menu has the configured areas that nobody's intent names", () => {
  using temp = new TempFolder();
  const area = (files: string) => ({ files: [files], dependencies: [] });
  const areas = {
    "voice selection": area("voices/"),
    "audio processing": area("audio/"),
    "export formats": area("export/"),
    "batch queue": area("queue/"),
  };
  const scene = new Scene(temp.path).write("audio/gain.py", "voices/list.py")
    .session("Session_1", { metadata: { intent: "voice selection feature" } })
    .session("Session_2");
  assertEquals(suggestWork(scene.view("Session_2", { areas })), [
    "Session_1 works on voice selection feature.",
    "Free to work on: audio processing (audio/gain.py available), export formats or batch queue.",
  ]);
  scene.session("Session_3", { metadata: { work_area: "Batch Queue" } });
  assertEquals(
    suggestWork(scene.view("Session_2", { areas })).at(-1),
    "Free to work on: audio processing (audio/gain.py available) or export formats.",
  );
});

/** Scenario 3: one refactors the API, the other is about to write tests for it. */
function apiScene(folder: string, theirs = {}, mine = {}): Scene {
  return new Scene(folder)
    .write("src/api/routes.py", "src/audio/gain.py", "tests/test_api.py", "tests/test_gain.py")
    .session("Session_1", {
      started_at: ago(15 * 60),
      metadata: { intent: "Refactoring API endpoints", percent_done: 60, ...theirs },
    })
    .session("Session_2", { metadata: { intent: "Write API tests", ...mine } });
}

Deno.test("scenario 3: who builds on work in progress is told to wait, or what to begin with", () => {
  using temp = new TempFolder();
  assertEquals(suggestWork(apiScene(temp.path).view("Session_2")), [
    "Session_1 is refactoring API endpoints (60 % done): wait about 10 minutes, or begin with tests/test_gain.py.",
  ]);
  const [later] = suggestWork(apiScene(temp.path, { percent_done: 80 }).view("Session_2"));
  assertStringIncludes(later, "(80 % done): wait about 4 minutes, or");
  const scene = apiScene(temp.path).session("Session_3").hold("Session_3", "tests/test_gain.py");
  assertStringIncludes(
    suggestWork(scene.view("Session_2"))[1],
    "wait about 10 minutes, or begin with src/audio (src/audio/gain.py available).",
  );
});

Deno.test("scenario 3: a dependency is a session, an area, a file or a place in a queue", () => {
  using temp = new TempFolder();
  const ways = ["session_1", "Session_host_100_20251107", "id-of-Session_1", "src/api", "src/api/"];
  for (const depends_on of ways) {
    const scene = apiScene(temp.path, {}, { intent: "", work_area: "src/audio", depends_on });
    assertEquals(
      suggestWork(scene.view("Session_2")),
      [
        "Session_1 is refactoring API endpoints (60 % done): wait about 10 minutes, or begin with src/audio/gain.py.",
      ],
      depends_on,
    );
  }
  const told = (mine: object, waiting: string[] = []) => {
    const scene = apiScene(temp.path, { intent: "", percent_done: null }, { intent: "", ...mine });
    scene.hold("Session_1", "src/api/routes.py", { leftS: 700, waiting });
    return suggestWork(scene.view("Session_2"))[0];
  };
  const wait = /^Session_1 works on src\/api: wait at most 12 minutes, or begin with /;
  assertMatch(told({ depends_on: ["src/api/routes.py"] }), wait);
  assertMatch(told({}, ["Session_2"]), wait);
  assertEquals(told({}), "Session_1 works on src/api (routes.py).");
});

Deno.test("scenario 3: the configuration says which area builds on which", () => {
  using temp = new TempFolder();
  const scene = new Scene(temp.path).write("server.py", "docs/intro.md", "tests/test_a.py")
    .session("Session_1").session("Session_2", { metadata: { work_area: "testing" } });
  const told = () => suggestWork(scene.view("Session_2", { areas: AREAS }));
  assertEquals(told(), ["Session_1 is at work.", "Nobody else works on testing."]);
  scene.hold("Session_1", "server.py", { leftS: 300 });
  assertEquals(told(), [
    "Session_1 works on backend: wait at most 5 minutes, or begin with tests/test_a.py.",
  ]);
  scene.hold("Session_1", "tests/test_a.py", { leftS: 30 });
  assertEquals(told(), [
    "Session_1 works on backend and testing: wait at most 5 minutes, or begin with frontend.",
  ]);
});

Deno.test("`suggestWork()` tells who shares one's area", () => {
  using temp = new TempFolder();
  const scene = new Scene(temp.path).write("docs/a.md", "web/a.ts")
    .session("Session_1", { metadata: { work_area: "docs" } })
    .session("Session_2").hold("Session_2", "docs/a.md");
  assertEquals(suggestWork(scene.view("Session_1")), [
    "Session_2 works on docs (a.md).",
    "Session_2 works on docs too.",
    "Free to work on: web (web/a.ts available).",
  ]);
});

Deno.test("declared work is any JSON, and takes nobody in", () => {
  const hostile = [
    null,
    7,
    true,
    [],
    {},
    [[["a"]]],
    "x".repeat(100_000),
    "a\n\u001b[31m\u202eb",
    "__proto__",
    "constructor",
    "../../etc",
    ["__proto__", 1, "toString"],
    { length: 5 },
    JSON.parse('{"__proto__":{"a":1}}'),
    "NaN",
    -1,
    1e308,
  ];
  using temp = new TempFolder();
  for (const value of hostile) {
    const metadata = Object.fromEntries(
      ["intent", "work_area", "depends_on", "percent_done", "intent_at", "progress_at"].map((
        key,
      ) => [key, value]),
    );
    const scene = new Scene(temp.path).write("src/a/x.py", "src/b/y.py")
      .session("Session_1", { metadata }).session("Session_2", { metadata })
      .hold("Session_1", "src/a/x.py", { waiting: ["Session_2"] });
    for (const areas of [{}, AREAS]) {
      const view = scene.view("Session_2", { areas });
      const texts = [
        ...suggestWork(view),
        ...suggestInstead(view, "src/a/x.py"),
        ...freeAreas(view).map(({ why }) => why),
        estimateWait(lease("Session_1"), scene.sessions[0], [], MOMENT).text,
      ];
      assert(texts.length > 0);
      const [steering, empty] = [/[\p{Cc}\p{Cf}]/u, /undefined|null|NaN|\[object/];
      for (const text of texts) {
        assert(text.length < 1000, text.slice(0, 200));
        assert(!steering.test(text), text);
        assert(value === "NaN" || !empty.test(text), text);
      }
    }
  }
});

Deno.test("`declaredBy()` takes what is of use", () => {
  const [{ record }] = new Scene("/tree").session("Session_1", {
    started_at: ago(100),
    metadata: {
      intent: "  Fix\nthe   login ",
      work_area: ["a", "a", 7, "", "b"],
      depends_on: "Session_2",
      percent_done: "60 %",
      intent_at: ago(50),
      progress_at: ago(20),
    },
  }).sessions;
  assertEquals(declaredBy(record), {
    intent: "Fix the login",
    workAreas: ["a", "b"],
    dependsOn: ["Session_2"],
    percentDone: 60,
    sinceMs: NOW_MS - 50_000,
    progressMs: NOW_MS - 20_000,
  });
});

Deno.test("`isAbout()` looks past endings and spellings", () => {
  const cases: [string, string, boolean][] = [
    ["editing authentication logic", "src/auth", true],
    ["Write tests", "testing", true],
    ["update documentation", "docs", true],
    ["userProfile page", "user-profile", true],
    ["user login", "user-profile", false],
    ["the API", "src/api", true],
    ["capital", "src/api", false],
    ["anything", "src", false],
    ["", "docs", false],
  ];
  for (const [text, name, expected] of cases) {
    assertEquals(isAbout(text, name), expected, `${text} / ${name}`);
  }
});

/** A session that has been at it for some minutes. */
function worker(minutes: number, metadata = {}, details = {}) {
  return new Scene("/tree").session("Session_1", {
    started_at: ago(minutes * 60),
    metadata,
    ...details,
  }).sessions[0];
}

Deno.test("`estimateWait()` goes by progress and the time that it took", () => {
  const estimate = (seen: ReturnType<typeof worker>) =>
    estimateWait(lease("Session_1"), seen, [], MOMENT);
  assertEquals(estimate(worker(22.5, { percent_done: 60 })), {
    minS: 900,
    text: "about 15 minutes (60 % done)",
  });
  assertEquals(estimate(worker(60, { percent_done: 50 })).text, "about 60 minutes (50 % done)");
  assertEquals(estimate(worker(300, { percent_done: 75 })).text, "about 1.5 hours (75 % done)");
  assertEquals(estimate(worker(10, { percent_done: 100 })).text, "any moment (100 % done)");
  // Begun later than the session, and told some time ago.
  assertEquals(estimate(worker(300, { percent_done: 50, intent_at: ago(600) })).minS, 600);
  const told = { percent_done: 50, intent_at: ago(600), progress_at: ago(300) };
  assertEquals(estimate(worker(300, told)).text, "any moment (50 % done)");
  assertEquals(estimate(worker(300, { ...told, progress_at: ago(200) })).minS, 200);
});

Deno.test("`estimateWait()` without progress goes by how long such files are held", () => {
  const history = [300, 600, 900, 1200, 1500].map((heldS) => ({ heldS }));
  const estimate = (heldS: number, seen = worker(30)) =>
    estimateWait(lease("Session_1", { heldS, leftS: 700 }), seen, history, MOMENT);
  assertEquals(estimate(100), {
    minS: 800,
    text: "about 13 minutes (such files are held for 15 minutes)",
  });
  // Of those that were held longer than this one by now.
  assertEquals(estimate(1000).minS, 500);
  assertEquals(estimate(2000), { minS: 700, text: "at most 12 minutes" });
  assertEquals(estimate(100, worker(30, { percent_done: 0 })).minS, 800);
  const few = estimateWait(lease("Session_1", { leftS: 700 }), null, history.slice(3), MOMENT);
  assertEquals(few, { minS: 700, text: "at most 12 minutes" });
});

Deno.test("`estimateWait()` says that a session is quiet, and knows a lease that is over", () => {
  const quiet = worker(30, { percent_done: 50 }, { tier: "idle", quietS: 2400 });
  assertEquals(
    estimateWait(lease("Session_1"), quiet, [], MOMENT).text,
    "about 30 minutes (50 % done); it has been quiet for 40 minutes",
  );
  const record = lease("Session_1", { leftS: 60 });
  assertEquals(estimateWait(record, null, [], MOMENT).text, "at most 1 minute");
  assertEquals(estimateWait(record, null, [], { ...MOMENT, s: 1060 }).text, "at most 0 seconds");
  const over = { minS: 0, text: "free now" };
  assertEquals(estimateWait(record, quiet, [], { ...MOMENT, s: 1061 }), over);
  assertEquals(estimateWait(record, quiet, [], { ...MOMENT, s: 5 }), over); // the host was started anew
  assertEquals(estimateWait({ ...record, holder: null }, null, [], MOMENT), over);
  const elsewhere = { ...MOMENT, clock: "store" as const };
  assertEquals(
    estimateWait(lease("Session_1", { heldS: 5, leftS: 60 }), null, [], elsewhere),
    { minS: null, text: "not known" },
  );
});

Deno.test("`inWords()` has units that people use", () => {
  const cases: [number, string][] = [
    [0, "0 seconds"],
    [1, "1 second"],
    [59, "59 seconds"],
    [60, "1 minute"],
    [100, "2 minutes"],
    [5399, "90 minutes"],
    [5400, "1.5 hours"],
    [7200, "2 hours"],
    [86_400, "24 hours"],
    [259_200, "3 days"],
  ];
  for (const [seconds, words] of cases) assertEquals(inWords(seconds), words);
});

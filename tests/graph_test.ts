import { type Graph, graphOf, type GraphView } from "../src/graph/graph.ts";
import { mermaidOf } from "../src/graph/mermaid.ts";
import { assert, assertEquals, assertMatch } from "./support/assert.ts";
import { ago, lease, Scene } from "./support/work_scene.ts";

function graph(scene: Scene, changes: Partial<GraphView> = {}): Graph {
  const location = { context: "tts_app_coordination", location: "project" };
  return graphOf({ ...scene.view(null), locks: [], ...location, ...changes });
}

const facts = ({ entities }: Graph, name: string) =>
  entities.find((entity) => entity.name === name)?.observations;
const related = ({ relations }: Graph) =>
  relations.map(({ from, to, relationType }) => `${from} ${relationType} ${to}`);

Deno.test("`graphOf()` has the seed's entities, observations and relations", () => {
  const scene = new Scene("/home/me/tts")
    .session("Session_1", {
      name: "Session_MacBook_12345_20251107",
      client_pid: 12345,
      started_at: ago(1350.5),
      quietS: 60,
      metadata: { intent: "Refactoring authentication logic", percent_done: 60 },
    })
    .session("Session_2", { name: "Session_MacBook_777_20251107", metadata: { work_area: "docs" } })
    .hold("Session_1", "auth.py", { purpose: "Splitting login", heldS: 600 })
    .hold("Session_1", "app/forms.py", { waiting: ["Session_2"] });
  const found = graph(scene);
  assertEquals([found.context, found.location], ["tts_app_coordination", "project"]);
  assertEquals(found.entities, [
    {
      name: "Session_MacBook_12345_20251107",
      entityType: "active_session",
      observations: [
        "Started: 2025-11-07T10:07:29Z",
        "PID: 12345",
        "Work: Refactoring authentication logic",
        "Files: app/forms.py, auth.py",
        "Status: in_progress",
        "Last heartbeat: 2025-11-07T10:29:00Z",
      ],
      alias: "Session_1",
    },
    {
      name: "Session_MacBook_777_20251107",
      entityType: "active_session",
      observations: [
        "Started: 2025-11-07T10:20:00Z",
        "PID: 101",
        "Work: docs",
        "Files: none",
        "Status: in_progress",
        "Last heartbeat: 2025-11-07T10:30:00Z",
      ],
      alias: "Session_2",
    },
    {
      name: "lock_forms_py",
      entityType: "file_lock",
      observations: [
        "File: /home/me/tts/app/forms.py",
        "Locked by: Session_MacBook_12345_20251107",
        "Reason: Refactoring authentication logic",
        "Acquired: 2025-11-07T10:29:00Z",
        "Estimated completion: 2025-11-07T10:45:00Z",
      ],
    },
    {
      name: "lock_auth_py",
      entityType: "file_lock",
      observations: [
        "File: /home/me/tts/auth.py",
        "Locked by: Session_MacBook_12345_20251107",
        "Reason: Splitting login",
        "Acquired: 2025-11-07T10:20:00Z",
        "Estimated completion: 2025-11-07T10:45:00Z",
      ],
    },
  ]);
  assertEquals(related(found), [
    "Session_MacBook_12345_20251107 working_on backend",
    "Session_MacBook_12345_20251107 working_on app",
    "Session_MacBook_12345_20251107 holds_lock lock_forms_py",
    "Session_MacBook_12345_20251107 holds_lock lock_auth_py",
    "Session_MacBook_777_20251107 depends_on Session_MacBook_12345_20251107",
    "Session_MacBook_777_20251107 working_on docs",
  ]);
});

Deno.test("`graphOf()` follows the state", () => {
  const scene = new Scene("/tree").session("Session_1").hold("Session_1", "a.py", { leftS: 0 });
  assertEquals(graph(scene).entities.length, 1);
  scene.hold("Session_1", "b.py", { leftS: 300, agent: "agent-7" });
  assertEquals(facts(graph(scene), "lock_b_py"), [
    "File: /tree/b.py",
    "Locked by: Session_host_100_20251107 (sub-agent agent-7)",
    "Reason: backend",
    "Acquired: 2025-11-07T10:29:00Z",
    "Estimated completion: 2025-11-07T10:35:00Z",
  ]);
  scene.hold("Gone", "c.py");
  assertEquals(facts(graph(scene), "lock_c_py")?.slice(1, 3), [
    "Locked by: session id-of-Go",
    "Reason: not declared",
  ]);
  const ended = new Scene("/tree")
    .session("Session_1", { status: "completed", standing: "dead", metadata: { work_area: "a" } })
    .session("Session_2", { standing: "dead", metadata: { depends_on: "Session_1" } });
  const found = graph(ended);
  assertEquals(facts(found, "Session_host_100_20251107")?.[4], "Status: completed");
  assertEquals(facts(found, "Session_host_101_20251107")?.[4], "Status: dead");
  assertEquals(found.relations, []);
});

Deno.test("`graphOf()` is the same whoever looks", () => {
  const scene = new Scene("/tree").session("Session_1", { metadata: { work_area: "a" } })
    .session("Session_2", { metadata: { depends_on: "a" } });
  assertEquals(graph(scene, { me: "id-of-Session_1" }), graph(scene));
});

Deno.test("`graphOf()` names each lock once, after its path where its name is not enough", () => {
  const scene = new Scene("/tree").session("Session_1");
  const paths = [
    "src/auth.py",
    "lib/auth.py",
    "x/a-b.py",
    "x/a_b.py",
    "b.py",
    "lock/ü/é.md",
    "日本.py",
  ];
  for (const path of paths) scene.hold("Session_1", path);
  scene.hold("Session_1", "b.py", { tree: "/other" });
  const names = graph(scene).entities.slice(1).map(({ name }) => name);
  assertEquals(names.sort(), [
    "lock_b_py",
    "lock_b_py_2",
    "lock_lib_auth_py",
    "lock_src_auth_py",
    "lock_x_a_b_py",
    "lock_x_a_b_py_2",
    "lock_é_md",
    "lock_日本_py",
  ]);
  const two = new Scene("/tree").session("Session_1", { name: "Same" })
    .session("Session_2", { name: "Same" }).hold("Session_2", "a.py");
  assertEquals(related(graph(two)), ["Same_2 working_on backend", "Same_2 holds_lock lock_a_py"]);
});

Deno.test("`graphOf()` has named locks, and who waits for them", () => {
  const scene = new Scene("/tree").session("Session_1").session("Session_2");
  const record = lease("Session_1", { waiting: ["Session_2"], leftS: 60 });
  const free = { ...record, holder: null };
  const found = graph(scene, {
    locks: [
      { name: "issue:42", record, secondsLeft: 60 },
      { name: "wave:5c.1", record: free, secondsLeft: 0 },
    ],
  });
  assertEquals(found.entities.slice(2), [{
    name: "lock_issue_42",
    entityType: "named_lock",
    observations: [
      "Name: issue:42",
      "Locked by: Session_host_100_20251107",
      "Reason: not declared",
      "Acquired: 2025-11-07T10:29:00Z",
      "Estimated completion: 2025-11-07T10:31:00Z",
    ],
  }]);
  assertEquals(related(found), [
    "Session_host_100_20251107 holds_lock lock_issue_42",
    "Session_host_101_20251107 depends_on Session_host_100_20251107",
  ]);
});

Deno.test("`graphOf()` resolves what a session depends on, or keeps its word", () => {
  const on = (depends_on: string | string[]) => {
    const scene = new Scene("/tree").session("Session_1", { metadata: { work_area: "api" } })
      .session("Session_2", { metadata: { depends_on } }).hold("Session_1", "lib/a.py");
    return graph(scene).relations.filter(({ relationType }) => relationType === "depends_on")
      .map(({ to }) => to);
  };
  for (const way of ["session_1", "id-of-Session_1", "API", "lib/a.py", "lib"]) {
    assertEquals(on(way), ["Session_host_100_20251107"], way);
  }
  assertEquals(on(["release 2", "Session_2", "api"]), ["release 2", "Session_host_100_20251107"]);
});

Deno.test("`graphOf()` bounds and cleans what others wrote", () => {
  const evil = `a\n- "b" \u001b[31m\u202e${"x".repeat(5000)}`;
  const scene = new Scene("/tree").session("Session_1", {
    name: evil,
    alias: evil,
    started_at: "never",
    metadata: { intent: evil, work_area: [evil], depends_on: evil },
  });
  for (let i = 0; i < 30; i++) {
    scene.hold("Session_1", `${evil}/f${i}`, { purpose: evil, agent: evil });
  }
  scene.session("Session_2", { heartbeat: { at: "+999999-01-01T00:00:00Z", uptime_s: 1 } });
  const found = graph(scene, { context: evil, location: evil });
  const texts = [
    found.context,
    found.location,
    ...found.entities.flatMap((
      { name, observations, alias },
    ) => [name, ...observations, alias ?? ""]),
    ...found.relations.flatMap(({ from, to }) => [from, to]),
  ];
  for (const text of texts) {
    assert(!/[\p{Cc}\p{Cf}]/u.test(text), text);
    assert(text.length <= 4500, `${text.length} characters`);
  }
  assertEquals(found.entities[0].observations[0], "Started: unknown");
  assertMatch(found.entities[0].observations[3], /, 10 more$/);
  assertMatch(
    found.entities[1].observations[5],
    /^Last heartbeat: (unknown|\+?\d+-\d\d-\d\dT\S+Z)$/,
  );
});

/** What a diagram says, read by the rules of Mermaid's flowcharts; fails on anything else. */
function readMermaid(text: string): { nodes: Map<string, string>; arrows: string[] } {
  const lines = text.split("\n");
  assertEquals([lines[0], lines.at(-1)], ["graph LR", ""]);
  const nodes = new Map<string, string>();
  const arrows: string[] = [];
  const decode = (label: string) =>
    label.replaceAll(/#(\d+);/g, (_, code) => String.fromCodePoint(Number(code)));
  for (const line of lines.slice(1, -1)) {
    if (/^ {2}%% \d+ more relations are not drawn$/.test(line)) continue;
    const node = /^ {2}(n\d+)(\(\[|\[|\()"([\p{L}\p{N} _.,:/#;-]+)"(\]\)|\]|\))$/u.exec(line);
    const arrow = /^ {2}(n\d+) -->\|"([a-z_]+)"\| (n\d+)$/.exec(line);
    assert(node || arrow, line);
    if (node) {
      assertEquals(({ "([": "])", "[": "]", "(": ")" } as const)[node[2] as "["], node[4], line);
      assert(!nodes.has(node[1]), `${node[1]} is there twice`);
      assert(!/#(?!\d+;)|^[\d\s]*[.-]/.test(node[3]), line);
      nodes.set(node[1], decode(node[3]));
    }
    if (!arrow) continue;
    assert(nodes.has(arrow[1]) && nodes.has(arrow[3]), line);
    arrows.push(`${nodes.get(arrow[1])} ${arrow[2]} ${nodes.get(arrow[3])}`);
  }
  return { nodes, arrows };
}

Deno.test("`mermaidOf()` draws sessions, locks, areas and their relations", () => {
  const scene = new Scene("/tree").session("Session_1", { metadata: { intent: "UI work" } })
    .session("Session_2", { metadata: { depends_on: "Session_1" } })
    .hold("Session_1", "web/app.js").session("Session_3");
  const { nodes, arrows } = readMermaid(mermaidOf(graph(scene)));
  assertEquals(arrows, [
    "Session_1: UI work working_on web",
    "Session_1: UI work holds_lock lock_app_js",
    "Session_2: not declared depends_on Session_1: UI work",
  ]);
  assertEquals(nodes.size, 5);
});

Deno.test("`mermaidOf()` lets no text of others out of its label", () => {
  const texts = [
    '"] --> n9["x',
    "a\nn9 --> n8",
    "`code` <script>alert(1)</script>",
    "end",
    "graph TD; A-->B",
    "%%{init: {}}%%",
    "#quot; #35; &amp;",
    "1. list",
    "- list",
    "| pipe {a} (b) [c]",
    "click n0 href",
    "\u202egpj.exe 😀",
    "x".repeat(1000),
  ];
  for (const text of texts) {
    const scene = new Scene("/tree")
      .session("Session_1", { alias: text, metadata: { intent: text, work_area: text } })
      .session("Session_2", { metadata: { depends_on: text } })
      .hold("Session_1", text);
    const { nodes } = readMermaid(mermaidOf(graph(scene)));
    assert(nodes.size >= 4, text);
    for (const label of nodes.values()) assert([...label].length <= 60, label);
  }
  const scene = new Scene("/tree").session("Session_1", {
    metadata: { work_area: 'a "b" <c> #1;' },
  });
  assert([...readMermaid(mermaidOf(graph(scene))).nodes.values()].includes('a "b" <c> #1;'));
});

Deno.test("`mermaidOf()` stays within what Mermaid draws, and says what is left out", () => {
  const scene = new Scene("/tree").session("Session_1");
  for (let i = 0; i < 2000; i++) scene.hold("Session_1", `a/${"[".repeat(40)}${i}.py`);
  const whole = graph(scene);
  assertEquals(whole.entities.length, 2001);
  const text = mermaidOf(whole);
  const { arrows } = readMermaid(text);
  assert(text.length < 50_000 && arrows.length <= 500);
  assertEquals(
    /%% (\d+) more relations/.exec(text)?.[1],
    String(whole.relations.length - arrows.length),
  );
});

Deno.test("`graphOf()` takes time in proportion to what is held", () => {
  const scene = new Scene("/tree").session("Session_1");
  for (let i = 0; i < 10_000; i++) scene.hold("Session_1", `a/index${i % 5}/index.py`);
  const start = performance.now();
  const { entities } = graph(scene);
  const ms = performance.now() - start;
  assertEquals(new Set(entities.map(({ name }) => name)).size, 10_001);
  assert(ms < 5000, `${ms} ms`);
});

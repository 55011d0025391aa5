import fc from "fast-check";
import type { CommitResult } from "../src/commit/commit_mine.ts";
import { reportOf } from "../src/commit/report.ts";
import { CoordinatorError, type ErrorCode } from "../src/domain/error.ts";
import { assert, assertEquals, assertMatch, assertRejects } from "./support/assert.ts";
import { run } from "./support/command.ts";
import { EDIT_WORKER, EditTree, numbered } from "./support/edit_tree.ts";
import { eventually, git } from "./support/project.ts";

const [A, B, C] = ["aaaaaaaa-1", "bbbbbbbb-2", "cccccccc-3"];
const SEED = Number(Deno.env.get("CSC_TEST_SEED") ?? 20260101);

const paths = ({ files }: CommitResult) => files.map(({ path }) => path);
const left = ({ left }: CommitResult) => left.map(({ path, why }) => `${path}: ${why}`).join("\n");

async function refusal(task: Promise<unknown>, code: ErrorCode): Promise<CoordinatorError> {
  const error = await assertRejects(() => task, CoordinatorError);
  assertEquals(error.code, code, error.message);
  return error;
}

Deno.test("two sessions' interleaved hunks of one file are committed apart", async () => {
  using tree = await EditTree.create({ "a.txt": numbered(30) });
  await tree.replace(A, "a.txt", "line 3\n", "A3\n");
  await tree.replace(B, "a.txt", "line 4\n", "B4\n"); // right beside it
  await tree.replace(A, "a.txt", "line 15\n", "line 15\nA15\nA15b\n");
  await tree.replace(B, "a.txt", "line 20\nline 21\n", "");
  await tree.edit(B, "b.txt", "B\n");
  await tree.replace(A, "a.txt", "line 30\n", "A30\n");
  const before = tree.read("a.txt");
  const result = await tree.commit(A, { message: "mine\n\n# kept\n" });
  assertEquals(result.files, [{ path: "a.txt", hunks: 3 }]);
  assertEquals(result.left, []);
  assertEquals(result.commit, await tree.git("rev-parse", "HEAD"));
  assertEquals(await tree.git("log", "-1", "--format=%B"), "mine\n\n# kept");
  assertEquals(
    await tree.committed("a.txt"),
    numbered(30, { 3: "A3", 15: "line 15\nA15\nA15b", 30: "A30" }),
  );
  assertEquals(tree.read("a.txt"), before);
  const diff = await tree.git("diff", "HEAD", "-U0");
  assertEquals(diff.split("\n").filter((line) => /^[-+][^-+]/.test(line)), [
    "-line 4",
    "+B4",
    "-line 20",
    "-line 21",
  ]);
  assertEquals(await tree.status(), "M a.txt\n?? b.txt"); // nothing is staged
  await tree.commit(B);
  assertEquals(await tree.status(), "");
  assertEquals(await tree.committed("a.txt"), before);
});

Deno.test("both add a function at the end of a file", async () => {
  using tree = await EditTree.create({ "a.ts": "f() {\n}\n" });
  await tree.edit(A, "a.ts", "f() {\n}\n\na() {\n}\n");
  await tree.edit(B, "a.ts", "f() {\n}\n\na() {\n}\n\nb() {\n}\n");
  await tree.commit(B);
  assertEquals(await tree.committed("a.ts"), "f() {\n}\n\nb() {\n}\n");
  await tree.commit(A);
  assertEquals(await tree.status(), "");
});

Deno.test("what people and other programs change stays out", async () => {
  using tree = await EditTree.create({ "a.txt": numbered(20) });
  tree.write("a.txt", numbered(20, { 1: "person 1" }));
  await tree.replace(A, "a.txt", "line 5\n", "A5\n");
  tree.write("a.txt", tree.read("a.txt").replace("line 10", "person 10"));
  await tree.replace(A, "a.txt", "line 15\n", "A15\n");
  tree.write("a.txt", tree.read("a.txt").replace("line 20", "person 20"));
  await tree.commit(A);
  assertEquals(await tree.committed("a.txt"), numbered(20, { 5: "A5", 15: "A15" }));
});

Deno.test("the edits of all agents of a session are its own", async () => {
  using tree = await EditTree.create({ "a.txt": numbered(9) });
  await tree.edit(A, "a.txt", numbered(9, { 2: "parent" }), "agent-1");
  await tree.edit(A, "a.txt", numbered(9, { 2: "child" }), "agent-2");
  await tree.commit(A);
  assertEquals(await tree.committed("a.txt"), numbered(9, { 2: "child" }));
});

Deno.test("edits of the same lines are left, with whose they are and how to commit both", async () => {
  using tree = await EditTree.create({ "a b's.txt": numbered(9), "c.txt": "c\n" });
  const path = "a b's.txt";
  await tree.replace(A, path, "line 5\n", "A5\n");
  await tree.replace(B, path, "A5\n", "B5\n");
  await tree.replace(B, path, "line 9\n", "B9\n");
  await tree.edit(B, "c.txt", "B\n");
  const result = await tree.commit(B);
  assertEquals(paths(result), ["c.txt"]);
  assertMatch(left(result), /^a b's\.txt: your edits \(at line 5\) .*session aaaaaaaa-1/);
  assertEquals(await tree.committed(path), numbered(9));
  const overwritten = await tree.commit(A);
  assertEquals(overwritten.commit, null);
  assertMatch(left(overwritten), /a line that you wrote was replaced .* session bbbbbbbb-2/);
  const command = /git commit .*? -- '[^,]*'/.exec(left(result))![0];
  const env = { ...Deno.env.toObject(), MESSAGE: "m" };
  const { code, stderr } = await run(["sh", "-c", command], { cwd: tree.path, env });
  assertEquals(code, 0, stderr);
  assertEquals(await tree.status(), "");
  await refusal(tree.commit(A), "nothing_to_commit");
  await refusal(tree.commit(B), "nothing_to_commit");
});

Deno.test("an edit inside another's new block waits for it, and the way around it does not", async () => {
  using tree = await EditTree.create({ "a.txt": numbered(4) });
  await tree.replace(A, "a.txt", "line 2\n", "line 2\nA1\nA2\nA3\n");
  await tree.replace(B, "a.txt", "A2\n", "A2\nB\n");
  assertMatch(left(await tree.commit(B)), /entangled|same lines.*aaaaaaaa-1/);
  await tree.commit(A);
  assertEquals(await tree.committed("a.txt"), "line 1\nline 2\nA1\nA2\nA3\nline 3\nline 4\n");
  await tree.commit(B);
  assertEquals(await tree.status(), "");
});

Deno.test("lines right above and below another's change are one's own", async () => {
  using tree = await EditTree.create({ "a.txt": numbered(9) });
  await tree.replace(A, "a.txt", "line 2\nline 3\n", "A2\n");
  await tree.replace(B, "a.txt", "A2\n", "B above\nA2\n");
  await tree.replace(B, "a.txt", "A2\n", "A2\nB below\n");
  await tree.replace(A, "a.txt", "line 7\n", "A7\nline 7\nA7b\n");
  await tree.replace(B, "a.txt", "line 7\n", "B7\n");
  assertEquals((await tree.commit(B)).left, []);
  const expected = numbered(9, { 2: "B above\nline 2", 3: "line 3\nB below", 7: "B7" });
  assertEquals(await tree.committed("a.txt"), expected);
  await tree.commit(A);
  assertEquals(await tree.status(), "");
});

const ENTANGLED: [what: string, a: string, b: string, who: string][] = [
  ["the last line of another's block is replaced", "2\nA1\nA2\n", "2\nA1\nB2\n", B],
  ["another's replacement is taken out", "A2\n", "", B],
  ["a line of one's block is replaced by another", "2\nA1\nA2\nA3\n", "2\nA1\nB\nA3\n", A],
  ["where another deleted, something else stands", "", "B2\n", B],
];
for (const [what, a, b, who] of ENTANGLED) {
  Deno.test(`entangled: ${what}`, async () => {
    using tree = await EditTree.create({ "a.txt": "1\n2\n3\n4\n5\n" });
    await tree.edit(A, "a.txt", `1\n${a}3\n4\n5\n`);
    await tree.edit(B, "a.txt", `1\n${b}3\n4\n5\n`);
    await tree.edit(who, "a.txt", `1\n${b}3\n4\nmine\n`); // cannot go alone: it is one file
    const result = await tree.commit(who);
    assertEquals(result.files, []);
    assertMatch(left(result), new RegExp(`same lines as those of session ${who === A ? B : A}`));
  });
}

Deno.test("what was reverted or overwritten since is left out and said, and the rest committed", async () => {
  using tree = await EditTree.create({ "a.txt": numbered(20) });
  const start = numbered(20, { 3: "A3", 8: "A8", 13: "A13\nA13b\nA13c" });
  await tree.edit(A, "a.txt", start);
  tree.write("a.txt", start.replace("A8\n", "line 8\n").replace("A13b\n", ""));
  await tree.replace(B, "a.txt", "A3\n", "B3\n");
  const result = await tree.commit(A);
  assertEquals(await tree.committed("a.txt"), numbered(20, { 13: "A13\nA13c" }));
  assertMatch(left(result), /a line that you wrote .* session bbbbbbbb-2/);
  assertMatch(left(result), /2 lines that you wrote .* somebody whom no session recorded/);
});

Deno.test("a file that somebody made HEAD's again is said to be", async () => {
  using tree = await EditTree.create({ "a.txt": numbered(9), "b.txt": "b\n" });
  await tree.edit(A, "a.txt", numbered(9, { 4: "A4" }));
  await tree.git("checkout", "--quiet", "--", "a.txt");
  const result = await tree.commit(A);
  assertEquals([result.commit, result.files], [null, []]);
  assertMatch(left(result), /^a\.txt: a line that you wrote .* somebody whom no session recorded/);
  assertMatch(reportOf(result), /^Nothing was committed\.\nLeft out:\n {2}a\.txt: /);
});

Deno.test("an old edit without copies does not stand in the way of later ones", async () => {
  using tree = await EditTree.create({ "a.txt": numbered(9) });
  const old = { event: "edit", session: A, tree: tree.path, path: "a.txt" };
  const at = new Date(Date.now() - 3600_000).toISOString();
  tree.journal.append({ ...old, at, before: "!too-large", after: "!too-large" });
  tree.journal.append({ ...old, at, before: "0".repeat(64), after: "1".repeat(64) });
  await tree.edit(A, "a.txt", numbered(9, { 4: "A4" }));
  assertEquals((await tree.commit(A)).left, []);
  assertEquals(await tree.committed("a.txt"), numbered(9, { 4: "A4" }));
});

Deno.test("what a session took back itself needs no word", async () => {
  using tree = await EditTree.create({ "a.txt": numbered(9), "b.txt": "b\n" });
  await tree.edit(A, "a.txt", numbered(9, { 4: "try" }));
  await tree.edit(A, "a.txt", numbered(9));
  await tree.edit(A, "new.txt", "try\n");
  await tree.edit(A, "new.txt", null);
  await refusal(tree.commit(A), "nothing_to_commit");
  await tree.edit(A, "b.txt", "B\n");
  const result = await tree.commit(A);
  assertEquals([paths(result), result.left], [["b.txt"], []]);
});

Deno.test("a stash and its return leave every hunk with its writer", async () => {
  using tree = await EditTree.create({ "a.txt": numbered(20) });
  await tree.edit(A, "a.txt", numbered(20, { 3: "A3" }));
  await tree.git("stash");
  await tree.edit(B, "a.txt", numbered(20, { 16: "B16" }));
  await tree.git("stash", "push", "--quiet");
  await tree.git("stash", "pop", "--quiet", "stash@{1}");
  tree.write("a.txt", numbered(20, { 3: "A3", 16: "B16" })); // merged by hand
  await tree.replace(B, "a.txt", "line 20\n", "B20\n");
  await tree.commit(A);
  assertEquals(await tree.committed("a.txt"), numbered(20, { 3: "A3" }));
  await tree.commit(B);
  assertEquals(await tree.status(), "");
});

Deno.test("new, deleted, renamed and re-created files", async () => {
  using tree = await EditTree.create({
    "gone.txt": "g\n",
    "old name": numbered(5),
    "again": "1\n",
  });
  await tree.edit(A, "new/ä ö/n\nl.txt", "new\n");
  await tree.edit(A, "empty", "");
  await tree.edit(A, "gone.txt", null);
  await tree.edit(A, "new name", tree.read("old name"));
  await tree.edit(A, "old name", null);
  await tree.edit(A, "again", null);
  await tree.edit(A, "again", "2\n");
  await tree.edit(B, "theirs", "b\n");
  const result = await tree.commit(A);
  const all = ["again", "empty", "gone.txt", "new name", "new/ä ö/n\nl.txt", "old name"];
  assertEquals(paths(result), all);
  assertEquals(await tree.status(), "?? theirs");
  assertMatch(
    await tree.git("show", "-M", "--format=", "--name-status"),
    /R100\told name\tnew name/,
  );
  assertEquals(await tree.committed("empty"), "");
  assert(!reportOf(result).includes("n\nl"));
});

Deno.test("a new file belongs to its writer, and what others add to it does not", async () => {
  using tree = await EditTree.create({});
  await tree.edit(A, "a.txt", "A1\nA2\n");
  await tree.edit(B, "a.txt", "A1\nA2\nB3\n");
  assertMatch(left(await tree.commit(B)), /git add -- a\.txt && git commit -m MESSAGE -- a\.txt/);
  await tree.commit(A);
  assertEquals(await tree.committed("a.txt"), "A1\nA2\n");
  await tree.commit(B);
  assertEquals(await tree.status(), "");
});

Deno.test("a deleted file with another's pending edits stays", async () => {
  using tree = await EditTree.create({ "a.txt": numbered(9) });
  await tree.replace(B, "a.txt", "line 2\n", "B2\n");
  await tree.edit(A, "a.txt", null);
  const result = await tree.commit(A);
  assertEquals(result.commit, null);
  assertMatch(left(result), /a\.txt: your edits .*session bbbbbbbb-2/);
});

Deno.test("binary files, odd encodings and line ends are kept to the byte", async () => {
  const latin1 = Uint8Array.from([0x61, 0xe9, 0x80, 0xff, 0x0a, 0x62, 0x0a, 0x63]);
  const binary = Uint8Array.from({ length: 5000 }, (_, index) => index * 7 % 256);
  using tree = await EditTree.create({
    "crlf.txt": "a\r\nb\r\nc\r\nd\r\n",
    "open.txt": "a\nb\nc",
    "latin1": latin1,
    "bin": binary,
    "bom.txt": "\ufeffa\nb\n",
  });
  await tree.edit(A, "crlf.txt", "A\r\nb\r\nc\r\nd\r\n");
  await tree.edit(B, "crlf.txt", "A\r\nb\r\nc\r\nB\r\n");
  await tree.edit(A, "open.txt", "a\nb\nc\nA");
  await tree.edit(B, "open.txt", "B\nb\nc\nA");
  await tree.edit(A, "latin1", Uint8Array.from([...latin1.slice(0, 5), 0x41, 0x0a, 0x63]));
  await tree.edit(A, "bin", binary.toReversed());
  await tree.edit(A, "bom.txt", "\ufeffa\nA\n");
  await tree.edit(A, "new.bin", binary);
  const result = await tree.commit(A);
  assertEquals(result.left, []);
  assertEquals(await tree.committed("crlf.txt"), "A\r\nb\r\nc\r\nd\r\n");
  assertEquals(await tree.committed("open.txt"), "a\nb\nc\nA");
  assertEquals(await tree.committed("bom.txt"), "\ufeffa\nA\n");
  assertEquals(await tree.status(), "M crlf.txt\n M open.txt");
  await tree.edit(B, "bin", binary.slice(9));
  await tree.edit(A, "bin", binary.slice(99));
  assertMatch(left(await tree.commit(A)), /bin: your edits .*bbbbbbbb-2/);
});

Deno.test("line ends that git converts, and files without a last newline", async () => {
  using tree = await EditTree.create({ "a.txt": "1\n2\n3\n" });
  await tree.git("config", "core.autocrlf", "true");
  tree.write("a.txt", "1\r\n2\r\n3\r\n");
  await tree.edit(A, "a.txt", "1\r\nA\r\n3\r\n");
  await tree.edit(B, "a.txt", "1\r\nA\r\n3\r\nB");
  assertEquals(await tree.commit(A).then(paths), ["a.txt"]);
  assertEquals(await tree.committed("a.txt"), "1\nA\n3\n");
  await tree.commit(B);
  assertEquals(await tree.committed("a.txt"), "1\nA\n3\nB");
  assertEquals(await tree.status(), "");
});

Deno.test("line ends that differ from those git would check out", async () => {
  using tree = await EditTree.create({
    "a.txt": "1\n2\n3\n",
    ".gitattributes": "*.txt eol=crlf\n",
  });
  await tree.edit(A, "a.txt", "1\nA\n3\n"); // by a tool that writes plain newlines
  await tree.edit(B, "a.txt", "1\r\nA\r\nB\r\n"); // by one that does as git
  await tree.commit(A);
  assertEquals(await tree.committed("a.txt"), "1\nA\n3\n");
  await tree.commit(B);
  assertEquals(await tree.status(), "");
  await tree.edit(A, ".gitattributes", "*.txt text=auto\n");
  await tree.edit(A, "a.txt", "1\r\nA\r\nB\r\nA\r\n");
  await tree.edit(B, "a.txt", "B\r\nA\r\nB\r\nA\r\n");
  await tree.commit(B);
  assertEquals(await tree.committed("a.txt"), "B\nA\nB\n");
  await tree.commit(A);
  assertEquals(await tree.status(), "");
});

Deno.test("the executable bit is the working tree's", async () => {
  using tree = await EditTree.create({ "tool": "1\n", "other": "1\n" });
  await tree.edit(A, "run.sh", "#!/bin/sh\n");
  await tree.edit(A, "tool", "2\n");
  for (const name of ["run.sh", "tool", "other"]) Deno.chmodSync(`${tree.path}/${name}`, 0o755);
  await tree.commit(A);
  assertMatch(
    await tree.git("ls-tree", "HEAD", "run.sh", "tool"),
    /^100755.*run\.sh\n100755.*tool$/,
  );
  assertEquals(await tree.status(), "M other"); // nobody recorded that
});

Deno.test("what cannot be taken apart is left with its reason", async () => {
  using tree = await EditTree.create({ "a": "1\n", "b": "1\n", ".gitignore": "*.log\nkept.log\n" });
  tree.write("tracked.log", "1\n");
  await tree.git("add", "--force", "tracked.log");
  await tree.git("commit", "--quiet", "--message=log");
  await tree.edit(A, "new.log", "x\n");
  await tree.edit(A, "tracked.log", "2\n");
  await tree.edit(A, "big", "x".repeat(4 * 1024 * 1024 + 1));
  await tree.edit(A, "a", "2\n");
  Deno.removeSync(`${tree.path}/a`);
  Deno.symlinkSync("b", `${tree.path}/a`);
  await tree.edit(A, "b", "lost\n");
  const lost = tree.journal.read(A).findLast(({ path }) => path === "b")!;
  Deno.removeSync(`${tree.snapshots.folder}/${lost.after}`);
  await tree.edit(A, "c", "damaged\n");
  const damaged = tree.journal.read(A).findLast(({ path }) => path === "c")!;
  Deno.writeTextFileSync(`${tree.snapshots.folder}/${damaged.after}`, "Damaged\n");
  const result = await tree.commit(A);
  assertEquals(paths(result), ["tracked.log"]);
  const expected = {
    "new.log": /git ignores it/,
    "big": /too large/,
    "a": /symbolic link/,
    "b": /copies .* are gone/,
    "c": /copies .* are gone/,
  };
  for (const [path, why] of Object.entries(expected)) {
    assertMatch(result.left.find((one) => one.path === path)?.why ?? "none", why);
  }
  assertEquals(result.left.length, 5);
});

Deno.test("a path that the journal spells composed is committed as the disk spells it", async () => {
  const [composed, decomposed] = ["\u00e9".normalize("NFC"), "\u00e9".normalize("NFD")];
  using tree = await EditTree.create({ [`${decomposed}/old`]: "1\n" });
  const record = async (path: string, change: () => void) => {
    const real = `${tree.path}/${path.normalize("NFD")}`;
    const before = await tree.snapshots.keep(real);
    change();
    const after = await tree.snapshots.keep(real);
    tree.journal.append({ event: "edit", session: A, tree: tree.path, path, before, after });
  };
  await record(`${composed}/old`, () => tree.write(`${decomposed}/old`, "2\n"));
  await record(
    `${composed}/n${composed}w`,
    () => tree.write(`${decomposed}/n${decomposed}w`, "n\n"),
  );
  assertEquals(paths(await tree.commit(A)), [`${decomposed}/n${decomposed}w`, `${decomposed}/old`]);
  assertEquals(await tree.status(), "");
  await record(`${composed}/old`, () => tree.write(`${decomposed}/old`, null));
  assertEquals(paths(await tree.commit(A)), [`${decomposed}/old`]);
  assertEquals(await tree.status(), "");
});

Deno.test("only the files that are asked for are committed", async () => {
  using tree = await EditTree.create({ "a": "1\n", "src/b": "1\n", "src2/c": "1\n" });
  for (const path of ["a", "src/b", "src2/c"]) await tree.edit(A, path, "2\n");
  tree.write("d", "1\n");
  const result = await tree.commit(A, { paths: ["./src/", "d", `${tree.path}/a`] });
  assertEquals(paths(result), ["a", "src/b"]);
  assertMatch(left(result), /^d: this session has recorded no edit/);
  assertEquals(paths(await tree.commit(A, { paths: ["."] })), ["src2/c"]);
});

Deno.test("a dry run tells what would be, and changes nothing at all", async () => {
  using tree = await EditTree.create({ "a": "1\n" });
  await tree.edit(A, "a", "2\n");
  const [head, index] = [await tree.git("rev-parse", "HEAD"), await tree.git("ls-files", "-s")];
  const events = tree.journal.read(A);
  const result = await tree.commit(A, { dryRun: true, message: "" });
  assertEquals(result.commit, null);
  assertEquals(result.files, [{ path: "a", hunks: 1 }]);
  assertEquals(await tree.git("rev-parse", "HEAD"), head);
  assertEquals(await tree.git("ls-files", "-s"), index);
  assertEquals(tree.journal.read(A), events);
  assertMatch(reportOf(result), /^Would commit 1 hunk in 1 file on main:\n {2}a \(1 hunk\)\n$/);
  await refusal(tree.commit(A, { message: " \n" }), "invalid_argument");
});

Deno.test("the journal has each commit", async () => {
  using tree = await EditTree.create({ "a": "1\n" });
  await tree.edit(A, "a", "2\n");
  for (let n = 0; n < 120; n++) await tree.edit(A, `${"long ".repeat(20)}/${n}`, "n\n");
  const { commit } = await tree.commit(A);
  const events = tree.journal.read(A).filter(({ event }) => event === "commit");
  assert(events.length > 1, "more paths than a line can hold");
  const recorded = events.flatMap(({ detail, tree: where }) => {
    const { commit: id, paths } = detail as unknown as { commit: string; paths: string[] };
    assertEquals([id, where], [commit!, tree.path]);
    return paths;
  });
  assertEquals(recorded.length, 121);
  assertEquals(new Set(recorded).size, 121);
});

Deno.test("what others have staged stays staged, and is not committed", async () => {
  using tree = await EditTree.create({ "a": numbered(9), "b": "1\n", "c": "1\n" });
  tree.write("b", "staged\n");
  tree.write("new", "staged\n");
  await tree.edit(B, "a", numbered(9, { 1: "B1" }));
  await tree.git("add", "a", "b", "new");
  await tree.git("rm", "--quiet", "c");
  await tree.edit(A, "a", numbered(9, { 1: "B1", 9: "A9" }));
  await tree.edit(A, "mine", "m\n");
  tree.write("intended", "i\n");
  await tree.edit(A, "meant", "m\n");
  await tree.git("add", "--intent-to-add", "intended", "meant");
  await tree.commit(A);
  assertEquals(await tree.git("diff", "--cached", "--name-status"), "M\ta\nM\tb\nD\tc\nA\tnew");
  assertEquals(await tree.git("show", ":a"), numbered(9, { 1: "B1" }).trim());
  assertEquals(await tree.committed("a"), numbered(9, { 9: "A9" }));
  assertEquals(await tree.git("diff", "--name-status"), "M\ta\nA\tintended");
});

Deno.test("a stale shared index reverts nothing that was committed meanwhile", async () => {
  using tree = await EditTree.create({ "a": "1\n", "b": "1\n" });
  const stale = await Deno.readFile(`${tree.path}/.git/index`);
  tree.write("b", "2\n");
  await tree.git("commit", "--quiet", "--message=theirs", "--", "b");
  await Deno.writeFile(`${tree.path}/.git/index`, stale); // as a session's own copy would be
  await tree.edit(A, "a", "2\n");
  await tree.commit(A);
  assertEquals(await tree.committed("b"), "2\n");
  assertEquals(await tree.committed("a"), "2\n");
});

Deno.test("a commit that lands while ours is being made is neither lost nor reverted", async () => {
  using tree = await EditTree.create({ "a": numbered(9), "b": "1\n" });
  await tree.edit(B, "a", numbered(9, { 1: "B1" }));
  await tree.edit(A, "a", numbered(9, { 1: "B1", 9: "A9" }));
  // Every hook that git runs sees HEAD move once, by a commit that another index was made for.
  const move = (name: string) =>
    `test -e .git/moved-${name} && exit 0; : > .git/moved-${name}
    export GIT_INDEX_FILE=.git/other
    git read-tree HEAD
    echo ${name} > .git/${name}; blob=$(git hash-object -w .git/${name})
    git update-index --add --cacheinfo 100644,$blob,${name}
    new=$(git commit-tree -p HEAD -m ${name} $(git write-tree)) && git update-ref HEAD $new`;
  const hooks = ["pre-commit", "prepare-commit-msg", "commit-msg"];
  for (const name of hooks) tree.hook(name, move(name));
  const result = await tree.commit(A);
  assertEquals(paths(result), ["a"]);
  assertEquals(await tree.committed("a"), numbered(9, { 9: "A9" }));
  for (const name of hooks) assertEquals(await tree.committed(name), `${name}\n`);
  const log = await tree.git("log", "--format=%s", "--name-only");
  assertEquals(log.replaceAll("\n\n", " ").split("\n"), [
    `by ${A} a`,
    "commit-msg commit-msg",
    "prepare-commit-msg prepare-commit-msg",
    "pre-commit pre-commit",
    "first a",
    "b",
  ]);
  assertEquals(
    await tree.git("diff", "--cached", "--name-status"),
    hooks.toSorted().map((name) => `D\t${name}`).join("\n"),
  ); // theirs to settle: they moved HEAD without the index
});

Deno.test("a commit that lands before git looks at HEAD is not reverted either", async () => {
  using tree = await EditTree.create({
    "a": "1\n",
    "b": "1\n",
    ".gitattributes": "a filter=move\n",
  });
  const clean = `if ! test -e .git/moved; then : > .git/moved; export GIT_INDEX_FILE=.git/other
    git read-tree HEAD
    git update-index --add --cacheinfo 100644,$(echo 2 | git hash-object -w --stdin),b
    git update-ref HEAD $(git commit-tree -p HEAD -m theirs $(git write-tree)); fi; cat`;
  await tree.edit(A, "a", "2\n");
  await tree.git("config", "filter.move.clean", clean); // run when the new content is stored
  assertEquals(paths(await tree.commit(A)), ["a"]);
  assertEquals(await tree.git("log", "--format=%s"), `by ${A}\ntheirs\nfirst`);
  assertEquals([await tree.committed("a"), await tree.committed("b")], ["2\n", "2\n"]);
});

Deno.test("nobody can commit from the shared index between our commit and its following", async () => {
  using tree = await EditTree.create({ "a": "1\n" });
  await tree.edit(A, "a", "2\n");
  tree.hook(
    "post-commit",
    "test -e .git/told && exit; unset GIT_INDEX_FILE; git commit -q --allow-empty -m theirs 2> .git/told",
  );
  await tree.commit(A);
  assertMatch(Deno.readTextFileSync(`${tree.path}/.git/told`), /index\.lock/);
  assertEquals(await tree.status(), "");
  assertEquals(await tree.committed("a"), "2\n");
});

Deno.test("another git that has the index locked is waited for", async () => {
  using tree = await EditTree.create({ "a": "1\n" });
  await tree.edit(A, "a", "2\n");
  const lock = `${tree.path}/.git/index.lock`;
  Deno.writeTextFileSync(lock, "");
  tree.hook("pre-commit", "! test -e .git/index.lock"); // which takes long, and is not run in vain
  const commit = tree.commit(A);
  setTimeout(() => Deno.removeSync(lock), 300);
  assert((await commit).commit !== null);
  assertEquals(await tree.status(), "");
});

for (const signal of ["SIGTERM", "SIGKILL"] as const) {
  Deno.test(`a commit that is ended by ${signal} leaves no lock in the way of the next`, async () => {
    using tree = await EditTree.create({ "a": "1\n" });
    await tree.edit(A, "a", "2\n");
    tree.hook("commit-msg", "echo $PPID > .git/reached; exec sleep 20");
    const [program, ...args] = EDIT_WORKER;
    const child = new Deno.Command(program, {
      args: [...args, "commit", tree.beside("machine"), A, tree.path],
      stdout: "null",
      stderr: "null",
    }).spawn();
    const exists = (name: string) =>
      [...Deno.readDirSync(`${tree.path}/.git`)].some((one) => one.name === name);
    await eventually("the hook runs", () => exists("reached") && tree.read(".git/reached") !== "");
    assert(exists("index.lock"));
    child.kill(signal);
    assertEquals((await child.status).signal, signal);
    if (signal === "SIGTERM") assert(!exists("index.lock"));
    else Deno.kill(Number(tree.read(".git/reached")), "SIGKILL"); // the git that it left behind
    assertEquals(await tree.git("log", "--format=%s"), "first");
    tree.hook("commit-msg", "");
    await tree.commit(A);
    assertEquals(await tree.status(), "");
    assert(!exists("index.lock"));
  });
}

Deno.test("the user's hooks, author and signing apply", async () => {
  using tree = await EditTree.create({ "a": "1\n", "b": "1\n" });
  await tree.edit(B, "b", "B\n");
  await tree.edit(A, "a", "bad\n");
  tree.hook(
    "pre-commit",
    "git diff --cached --name-only > .git/seen; ! grep -q bad a || " +
      '{ echo "no bad words: $(printf "\\033[31m")" >&2; exit 1; }',
  );
  const error = await refusal(tree.commit(A), "git_failed");
  assertMatch(error.message, /git refused the commit in .*: no bad words: .\[31m$/);
  assertEquals(Deno.readTextFileSync(`${tree.path}/.git/seen`), "a\n");
  assertEquals(await tree.git("log", "--format=%s"), "first");
  assertEquals(await tree.status(), "M a\n M b");
  await tree.edit(A, "a", "good\n");
  tree.hook("commit-msg", 'echo "Checked: yes" >> "$1"');
  tree.write(
    ".git/sign",
    "#!/bin/sh\ncat > /dev/null\nprintf '\\n[GNUPG:] SIG_CREATED \\n' >&2\necho signature\n",
  );
  Deno.chmodSync(`${tree.path}/.git/sign`, 0o755);
  await tree.git("config", "gpg.program", `${tree.path}/.git/sign`);
  await tree.git("config", "commit.gpgsign", "true");
  await tree.git("config", "user.name", "Ada");
  await tree.commit(A, { message: "m\n" });
  const commit = await tree.git("cat-file", "commit", "HEAD");
  assertMatch(commit, /author Ada <t@example\.org>[^]*gpgsig signature[^]*m\nChecked: yes$/);
  assertEquals(await tree.status(), "M b");
});

Deno.test("what a hook adds to the commit does not show as reverted", async () => {
  using tree = await EditTree.create({ "a": "1\n", "generated": "1\n" });
  tree.hook("pre-commit", "echo 2 > generated; git add generated");
  await tree.edit(A, "a", "2\n");
  await tree.commit(A);
  assertEquals(await tree.committed("generated"), "2\n");
  assertEquals(await tree.status(), "");
});

Deno.test("the first commit of a repository", async () => {
  using tree = await EditTree.create(null);
  await tree.edit(A, "a", "1\n");
  await tree.edit(B, "b", "1\n");
  const result = await tree.commit(A);
  assertEquals([result.branch, paths(result)], ["main", ["a"]]);
  assertEquals(await tree.status(), "?? b");
  await tree.commit(B);
  assertEquals(await tree.git("log", "--format=%s"), `by ${B}\nby ${A}`);
});

Deno.test("a detached HEAD, and a linked worktree with the same files", async () => {
  using tree = await EditTree.create({ "a": numbered(9) });
  const linked = tree.beside("linked");
  await tree.git("worktree", "add", "--quiet", "-b", "other", linked);
  const { journal, snapshots } = tree;
  const before = await snapshots.keep(`${linked}/a`);
  Deno.writeTextFileSync(`${linked}/a`, numbered(9, { 2: "linked" }));
  const after = await snapshots.keep(`${linked}/a`);
  journal.append({ event: "edit", session: A, tree: linked, path: "a", before, after });
  await tree.edit(A, "a", numbered(9, { 8: "main" }));
  const there = await tree.commit(A, { tree: linked });
  assertEquals([there.branch, there.notes], ["other", []]);
  assertEquals(await tree.committed("a", "other"), numbered(9, { 2: "linked" }));
  assertEquals(await git(linked, "status", "--porcelain"), "");
  assertEquals(await tree.committed("a", "main"), numbered(9));
  await tree.git("checkout", "--quiet", "--detach");
  const here = await tree.commit(A);
  assertEquals(here.branch, null);
  assertMatch(here.notes.join(), /detached/);
  assertEquals(await tree.committed("a"), numbered(9, { 8: "main" }));
  assertEquals(await tree.committed("a", "main"), numbered(9));
});

Deno.test("in the middle of a merge, rebase or pick nothing is committed", async () => {
  using tree = await EditTree.create({ "a": "1\n", "mine": "1\n" });
  await tree.git("checkout", "--quiet", "-b", "other");
  tree.write("a", "other\n");
  await tree.git("commit", "--quiet", "--all", "--message=other");
  await tree.git("checkout", "--quiet", "main");
  tree.write("a", "main\n");
  await tree.git("commit", "--quiet", "--all", "--message=main");
  for (
    const [operation, verb] of [["a merge", "merge"], ["a rebase", "rebase"], [
      "a cherry-pick",
      "cherry-pick",
    ]]
  ) {
    await assertRejects(() => tree.git(verb, "other"));
    await tree.edit(A, "mine", `${verb}\n`);
    const error = await refusal(tree.commit(A), "git_busy");
    assertMatch(error.message, new RegExp(`${operation} is under way`));
    await tree.git("checkout", "mine");
    await tree.git(verb, "--abort");
  }
  await tree.edit(A, "mine", "2\n");
  await tree.commit(A);
  assertEquals(await tree.status(), "");
});

Deno.test("outside of a repository it says so", async () => {
  using tree = await EditTree.create({});
  const folder = tree.beside("plain");
  Deno.mkdirSync(folder);
  await refusal(tree.commit(A, { tree: folder }), "git_failed");
  await refusal(tree.commit(A, { tree: tree.beside("nowhere") }), "git_failed");
});

Deno.test("an edit that somebody else's commit swept in contributes nothing any more", async () => {
  using tree = await EditTree.create({ "a": numbered(9) });
  await tree.edit(A, "a", numbered(9, { 2: "A2" }));
  await tree.git("commit", "--quiet", "--all", "--message=swept");
  await refusal(tree.commit(A), "nothing_to_commit");
  await tree.edit(B, "a", numbered(9, { 2: "A2", 8: "B8" }));
  await tree.edit(A, "a", numbered(9, { 2: "A2", 5: "A5", 8: "B8" }));
  await tree.commit(A);
  assertEquals(await tree.committed("a"), numbered(9, { 2: "A2", 5: "A5" }));
});

Deno.test("HEAD that moved by a pull, and a commit by hand of a part", async () => {
  using tree = await EditTree.create({ "a": numbered(20) });
  await tree.edit(A, "a", numbered(20, { 5: "A5" }));
  await tree.git("stash", "--quiet");
  tree.write("a", numbered(20, { 1: "pulled" }));
  await tree.git("commit", "--quiet", "--all", "--message=pulled");
  await tree.git("stash", "pop", "--quiet");
  await tree.edit(A, "a", numbered(20, { 1: "pulled", 5: "A5", 10: "A10" }));
  await tree.edit(B, "a", numbered(20, { 1: "pulled", 5: "A5", 10: "A10", 15: "B15" }));
  const blob = await run(["git", "hash-object", "-w", "--stdin"], {
    cwd: tree.path,
    stdin: numbered(20, { 1: "pulled", 10: "A10" }),
  });
  await tree.git("update-index", "--cacheinfo", `100644,${blob.stdout.trim()},a`);
  await tree.git("commit", "--quiet", "--message=a part"); // as by git add -p
  await tree.commit(A);
  assertEquals(await tree.committed("a"), numbered(20, { 1: "pulled", 5: "A5", 10: "A10" }));
  await tree.commit(B);
  assertEquals(await tree.status(), "");
});

Deno.test("four sessions that commit at once as processes lose nothing", async () => {
  const sessions = [A, B, C, "dddddddd-4"];
  using tree = await EditTree.create({ "a": numbered(40) });
  for (let round = 0; round < 3; round++) {
    for (const [index, session] of sessions.entries()) {
      const line = index * 10 + round * 2 + 1;
      await tree.replace(session, "a", `line ${line}\n`, `${session} ${round}\n`);
    }
    await tree.edit(sessions[round], `new ${round}`, `${round}\n`);
  }
  const whole = tree.read("a");
  // As in a hook of git in another repository.
  const env = { GIT_DIR: tree.beside("machine"), GIT_INDEX_FILE: "/nowhere", GIT_PREFIX: "x/" };
  const outcomes = await Promise.all(
    sessions.map((session) =>
      run([...EDIT_WORKER, "commit", tree.beside("machine"), session, tree.path], { env })
    ),
  );
  const results = outcomes.map(({ stdout, stderr }) => {
    assert(stdout !== "", stderr);
    return JSON.parse(stdout) as CommitResult;
  });
  const commits = results.map(({ commit }) => commit);
  const log = (await tree.git("log", "--format=%H")).split("\n");
  assertEquals(log.slice(0, 4).toSorted(), commits.toSorted());
  assertEquals(await tree.status(), "");
  assertEquals(await tree.committed("a"), whole);
  for (const [index, session] of sessions.entries()) {
    const shown = await tree.git("show", "--format=", "-U0", commits[index]!, "--", "a");
    const changed = shown.split("\n").filter((line) => /^[-+][^-+]/.test(line));
    assertEquals(changed.length, 6);
    for (const line of changed) assert(line.startsWith("-line") || line.includes(session), line);
  }
});

Deno.test("any disjoint edits, committed in any order, add up to the working tree", async () => {
  const region = fc.nat(8);
  const content = fc.array(fc.constantFrom("x", "y", "}", ""), { maxLength: 4 });
  const edit = fc.record({ region, content });
  const property = fc.asyncProperty(
    fc.array(edit, { minLength: 1, maxLength: 12 }),
    fc.shuffledSubarray([A, B, C], { minLength: 3 }),
    async (edits, order) => {
      const regions = Array.from({ length: 9 }, (_, index) => [`old ${index}`, "}"]);
      const text = (list: string[][]) =>
        list.map((lines, index) => [`== ${index}`, ...lines, ""].join("\n")).join("");
      using tree = await EditTree.create({ "f": text(regions) });
      const committed = regions.map((lines) => lines);
      for (const { region, content } of edits) {
        regions[region] = content;
        await tree.edit([A, B, C][region % 3], "f", text(regions));
      }
      const whole = text(regions);
      for (const session of order) {
        regions.forEach((lines, index) => {
          if ([A, B, C][index % 3] === session) committed[index] = lines;
        });
        const before = await tree.committed("f");
        if (text(committed) === before) await refusal(tree.commit(session), "nothing_to_commit");
        else assertEquals((await tree.commit(session)).left, []);
        assertEquals(await tree.committed("f"), text(committed));
      }
      assertEquals(tree.read("f"), whole);
      assertEquals(await tree.status(), "");
    },
  );
  await fc.assert(property, { seed: SEED, numRuns: 6, endOnFailure: true });
});

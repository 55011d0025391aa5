/** What `analyseShell()` tells, held against what bash and git really do to a folder of files. */
import fc from "fast-check";
import { analyseShell, type ShellWrite } from "../src/shell/analyse.ts";
import { matchesPath } from "../src/shell/path_pattern.ts";
import { join, resolve } from "@std/path";
import { assert, assertEquals } from "./support/assert.ts";
import { TempFolder } from "./support/temp.ts";

const SEED = Number(Deno.env.get("CSC_TEST_SEED") ?? 20260101);
const SETTINGS = { seed: SEED, path: Deno.env.get("CSC_TEST_PATH") };
const ignore = Deno.build.os === "windows";

/** Runs a command; `HOME` is the folder, so that no configuration of git is read. */
function run(command: string, cwd: string): void {
  new Deno.Command("bash", {
    args: ["-c", command],
    cwd,
    env: { HOME: cwd, PATH: Deno.env.get("PATH")!, GIT_CONFIG_NOSYSTEM: "1" },
    clearEnv: true,
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).outputSync();
}

/** The files below a folder but those of git, with their text, by their absolute paths. */
function filesOf(folder: string, files = new Map<string, string>()): Map<string, string> {
  for (const { name, isDirectory, isSymlink } of Deno.readDirSync(folder)) {
    const path = join(folder, name);
    if (isDirectory && name !== ".git") filesOf(path, files);
    else if (isSymlink) files.set(path, `-> ${Deno.readLinkSync(path)}`);
    else if (!isDirectory) files.set(path, Deno.readTextFileSync(path));
  }
  return files;
}

function changed(before: Map<string, string>, after: Map<string, string>): string[] {
  const paths = new Set([...before.keys(), ...after.keys()]);
  return [...paths].filter((path) => before.get(path) !== after.get(path)).sort();
}

/** The files that are told to be written, looked up as a caller does. */
function told(writes: readonly ShellWrite[], before: Map<string, string>): string[] {
  const isFolder = (path: string) => [...before.keys()].some((one) => one.startsWith(`${path}/`));
  const paths = writes.flatMap(({ path, folder, glob, below, when }) => {
    const whole = resolve(folder, path);
    if (when === "file" && isFolder(whole)) return [];
    if (when === "folder" && !isFolder(join(whole, ".."))) return [];
    if (when === "exists" && !before.has(whole)) return [];
    if (!glob && !isFolder(whole)) return [whole];
    if (!glob && !below) return [];
    return [...before.keys()].filter((one) => matchesPath(whole, one, below));
  });
  return [...new Set(paths)].sort();
}

/** Lets bash run a command in a folder with some files; answers what changed and what was told. */
function compare(command: string, prepare: (folder: string) => void) {
  using temp = new TempFolder();
  prepare(temp.path);
  const before = filesOf(temp.path);
  const effects = analyseShell(command, temp.path, "bash");
  run(command, temp.path);
  const strip = (paths: string[]) => paths.map((path) => path.slice(temp.path.length + 1));
  return {
    changes: strip(changed(before, filesOf(temp.path))),
    told: strip(told(effects.writes, before)),
    hasUnknown: effects.hasUnknown,
  };
}

const FILES = [
  "a",
  "b",
  "c d",
  "x.ts",
  "y.ts",
  ".z.ts",
  "dir/a",
  "dir/n.ts",
  "dir/sub/e",
  "[i].ts",
];

function writeFiles(folder: string): void {
  Deno.mkdirSync(join(folder, "dir/sub"), { recursive: true });
  for (const file of FILES) Deno.writeTextFileSync(join(folder, file), `text of ${file}\n`);
}

Deno.test({
  name: "what is told is what bash does to the files",
  ignore,
  fn() {
    const commands = [
      "echo 1 > a >> b 2> n1",
      "echo 1 &> 'c d'; echo 2 >| b; : >& n",
      "echo 1 | tee a dir/a | tee -a b > n",
      "echo '> a' > b # > c",
      "cat > a <<'EOF'\nrm b\nEOF\ncat >> b <<E\n$(rm x.ts)\nE",
      "sed -i 's/text/word/' *.ts dir/n.ts",
      "sed -i -e 's/text/word/' -- a",
      "sed -ni '$!d' a; sed --in-place s/t/T/ b",
      "cd dir && rm a; rm -rf sub",
      "(cd dir; rm a); rm b",
      "rm -rf dir",
      "rm *.ts",
      "rm [!a-w].ts .z*",
      "rm [i].ts",
      "rm {x,y}.ts 'c d'",
      "mv a b",
      "mv a dir",
      "mv a dir/",
      "mv a b dir",
      "mv -t dir a",
      "mv a n",
      "mv *.ts dir",
      "cp a b",
      "cp b dir",
      "cp a b dir",
      "cp a b dir/sub/",
      "install -m 600 a b; install -t dir b",
      "ln -sf b a; ln -sf ../b dir",
      "truncate -s 1 a; dd if=b of=dir/a",
      "unlink a; command rm b; env rm y.ts; /bin/rm x.ts",
      "bash -c 'cd dir && rm a'; eval 'rm b'",
      'f() { rm "$1" a; }; f b',
      "if [ -f a ]; then rm a; fi; for i in 1 2; do echo $i >> b; done",
      "pushd dir >/dev/null; rm a; popd; rm b",
      "cd dir || exit 1\nrm a",
      "cd none 2>/dev/null || rm a",
      'echo $(rm a) "`rm b`" <(true)',
      "! rm a; time rm b & wait",
      "nice -n 1 timeout 5 nohup rm a",
      "perl -pi -e 's/text/word/' a b",
      "awk '{ print }' a > b",
      "echo 1 >a&&echo 2>b;echo 3|cat>'c d'",
      "x=1 y=2 > n",
      "echo \\> a '>' b \"> x.ts\"",
      "echo a \\\n > b",
    ];
    for (const command of commands) {
      const { changes, told } = compare(command, writeFiles);
      const isPartly = /\$1|\.ts dir/.test(command);
      if (!isPartly) assertEquals(told, changes, command);
      else for (const path of told) assert(changes.includes(path), `${command}: ${path}`);
    }
  },
});

/** A repository with a branch `other`, and a change to each file since the last commit. */
function makeRepository(folder: string): void {
  writeFiles(folder);
  run(
    "git init -qb main && git config user.name x && git config user.email x@y && git add -A && " +
      "git commit -qm 1 && git branch other && git ls-files -z | while IFS= read -rd '' f; do echo 2 >> \"$f\"; done",
    folder,
  );
}

Deno.test({
  name: "what is told is what git does to the files",
  ignore,
  fn() {
    const commands = [
      "git checkout -- a dir",
      "git checkout a b",
      "git checkout main a",
      "git checkout HEAD -- x.ts",
      "git restore -- a 'dir/*'",
      "git restore --source=HEAD --staged --worktree a",
      "git add a && git restore --staged a",
      "git -C dir restore a",
      "git rm -qf a; git rm -q --cached b",
      "git mv y.ts n.ts; git mv y.ts b; git mv 'c d' dir",
      "git stash push -q -- a",
      "git add -A; git commit -qm 'x > y'; git reset -q; git log > n",
    ];
    for (const command of commands) {
      const { changes, told } = compare(command, makeRepository);
      const isExact = !command.includes("git mv");
      if (isExact) assertEquals(told, changes, command);
      else for (const path of changes) assert(told.includes(path), `${command}: ${path}`);
    }
  },
});

/** A text that bash reads as one word. */
const quoted = (text: string) => `'${text.replaceAll("'", `'\\''`)}'`;

/** Scripts that append to files and walk between folders, with decoys in quotes and comments. */
const { script } = fc.letrec<{ script: string; step: string }>((tie) => {
  const file = fc.constantFrom("a", "b", "'c d'", '"e$(true)"', "f\\ g", "$'h'", "i{,j}x");
  const append = file.filter((name) => !/[{$]/.test(name) || name === "$'h'").map((name) =>
    `echo 1 >> ${name}`
  );
  const decoy = fc.constantFrom(
    "echo 'x >> no; git stash'",
    'echo "x >> no" \\>\\> no',
    "cat <<'E'\necho 1 >> no\nE",
    'cat <<-E\n\techo 1 >> no; "\n\tE',
    ": # >> no",
    "[[ 1 < 2 ]] || echo 1 >/dev/null 2>&1",
    ": $((1 >> 1)) ${x:->> no}",
  );
  const inner = tie("script");
  return {
    step: fc.oneof(
      { depthSize: "small", withCrossShrink: true },
      append,
      append,
      decoy,
      fc.constantFrom("cd x", "cd y", "cd ./x/../y", "cd x && cd ..", "cd x/.."),
      inner.map((text) => `(\n${text}\n)`),
      inner.map((text) => `{\n${text}\n}`),
      inner.map((text) => `if true; then\n${text}\nfi`),
      inner.map((text) => `for i in 1; do\n${text}\ndone`),
      inner.map((text) => `case 1 in 2) : ;; *)\n${text}\nesac`),
      inner.map((text) => `{\n${text}\n} | cat`),
      inner.map((text) => `! {\n${text}\n}`),
      inner.map((text) => `true && {\n${text}\n}`),
      inner.map((text) => `false || {\n${text}\n}`),
      inner.map((text) => `{\n${text}\n} &\nwait`),
      inner.map((text) => `bash -c ${quoted(text)}`),
      inner.map((text) => `eval ${quoted(text)}`),
      inner.map((text) => `fn${text.length}() {\n${text}\n}\nfn${text.length}`),
      inner.map((text) => `echo "$(\n${text}\n)"`),
      inner.map((text) => `pushd x >/dev/null\n${text}\npopd >/dev/null`),
    ),
    script: fc.array(tie("step"), { minLength: 1, maxLength: 3 }).map((steps) => steps.join("\n")),
  };
});

Deno.test({
  name: "what is told of any script is what bash does, and all of it where nothing is unknown",
  ignore,
  fn() {
    const prepare = (root: string) => {
      for (const one of ["x", "y"]) {
        for (const two of ["x", "y"]) {
          for (const three of ["x", "y"]) {
            Deno.mkdirSync(join(root, one, two, three), { recursive: true });
          }
        }
      }
    };
    let surely = 0;
    const property = fc.property(script, (command) => {
      fc.pre((command.match(/\b(cd|pushd)\b/g) ?? []).length <= 3); // there are no more folders
      const { changes, told, hasUnknown } = compare(command, prepare);
      for (const path of told) assert(changes.includes(path), `${path} is told, not written`);
      if (hasUnknown) return;
      assertEquals(told, changes);
      if (told.length > 0) surely++;
    });
    fc.assert(property, { ...SETTINGS, numRuns: 150 });
    assert(surely > 40, `only ${surely} scripts were understood`);
  },
});

import fc from "fast-check";
import { analyseShell, type Dialect } from "../src/shell/analyse.ts";
import { mayMatter } from "../src/shell/glance.ts";
import { matchesPath } from "../src/shell/path_pattern.ts";
import { assert, assertEquals } from "./support/assert.ts";

const SEED = Number(Deno.env.get("CSC_TEST_SEED") ?? 20260101);
const SETTINGS = { seed: SEED, path: Deno.env.get("CSC_TEST_PATH") };

/** What a command does, a line each: `by: path`, `tree: verb`, `?` if something is unknown. */
function tell(command: string, dialect: Dialect = "bash"): string[] {
  const { writes, git, hasUnknown } = analyseShell(command, "/p", dialect);
  const at = (folder: string) => folder === "/p" ? "" : ` @${folder}`;
  return [
    ...writes.map(({ by, path, folder, glob, below, when }) =>
      `${by}: ${path}${glob ? " *" : ""}${below ? " /**" : ""}${when ? ` if ${when}` : ""}${
        at(folder)
      }`
    ),
    ...git.map((act) => {
      if (act.kind === "commit") return `commit${at(act.folder)}`;
      if (act.kind === "stage all") return `stage: ${act.verb} [${act.pathspecs}]${at(act.folder)}`;
      const { verb, folder, maybePath, pathspecs, stack } = act;
      return `tree: ${verb}${maybePath === undefined ? "" : ` or file ${maybePath}`}` +
        `${pathspecs ? ` [${pathspecs}]` : ""}${stack ? " (stack)" : ""}${at(folder)}`;
    }),
    ...(hasUnknown ? ["?"] : []),
  ];
}

type Case = readonly [command: string, ...told: string[]];

function check(cases: readonly Case[], dialect: Dialect = "bash"): void {
  for (const [command, ...told] of cases) {
    assertEquals(tell(command, dialect), told, command);
    const acts = told.some((one) => one !== "?");
    assert(!acts || mayMatter(command), `a glance at it lets pass: ${command}`);
  }
}

Deno.test("redirections write, but for devices and other descriptors", () => {
  check([
    ["echo hi > a.txt", ">: a.txt"],
    ["echo hi >> 'a b.txt'", ">>: a b.txt"],
    ["echo hi >a.txt 2>b.txt", ">: a.txt", "2>: b.txt"],
    ["echo hi >| a", ">|: a"],
    ["make &> log", "&>: log"],
    ["make &>> log", "&>>: log"],
    ["make >& log", ">&: log"],
    ["exec 3> fd.txt", "3>: fd.txt"],
    ["exec {fd}> fd.txt", ">: fd.txt"],
    ["> empty", ">: empty"],
    [": > empty", ">: empty"],
    ["{ a; b; } > f", ">: f"],
    ["(a; b) >> f", ">>: f"],
    ["while read x; do echo $x; done < in > out", ">: out"],
    ["if a; then b; fi 2> err", "2>: err"],
    ["[ a > b ]", ">: b"],
    ["> ~/f", ">: ~/f"],
    ["> '~/f'", ">: ./~/f"],
    ["> a\\ b", ">: a b"],
    ["> $'a\\tb'", ">: a\tb"],
    ["> /abs/f", ">: /abs/f"],
    ["make > /dev/null 2>&1"],
    ["make 2>/dev/null >&2"],
    ["make 2>&-"],
    ["cat < in"],
    ["cat <<< 'a > b'"],
    ["[[ a > b ]]"],
    ["(( a > b ))"],
    ["echo $(( 3 > 2 ))"],
    ["a 2 > b", ">: b"],
    ["> $F", "?"],
    ['> "dir/$F"', "?"],
    ["> ~user/f", "?"],
    ["> *.txt", "?"],
    ["> {a,b}", "?"],
    ["tee >(cat > f) > g", ">: g", ">: f", "?"],
    ["cat a > >(sort)"],
  ]);
});

Deno.test("what is quoted, commented out or the text of a here-document is no command", () => {
  check([
    ["echo 'git stash; rm a > b'"],
    ['echo "git stash; rm a > b"'],
    ["echo git stash"],
    ["echo \\> a; echo a\\;rm b"],
    ["ls # ; rm a > b"],
    ["# git stash\nls"],
    ["cat <<EOF\nrm a\ngit stash\nEOF"],
    ["cat > f <<'EOF'\nrm $(git stash) > x\nEOF\nrm b", ">: f", "rm: b"],
    ["cat > f <<-EOF\n\trm a\n\tEOF\nrm b", ">: f", "rm: b"],
    ["cat <<A <<B > f\nrm 1\nA\nrm 2\nB\nrm 3", ">: f", "rm: 3"],
    ["cat <<EOF\n$(rm a) `rm b`\nEOF", "rm: a", "rm: b"],
    ["git commit -m \"$(cat <<'EOF'\nfix: it's (a) > b\n\nrm -rf x; git stash\nEOF\n)\"", "commit"],
    ["git log --grep='git stash' | cat"],
    ["python3 - <<'EOF'\nopen('a', 'w')\nEOF"],
    ["echo \"it's\"; rm a; echo 'x'", "rm: a"],
    ["echo a\\\n rm b"],
    ["echo a\nrm b", "rm: b"],
    ["x='rm a'; echo $x"],
  ]);
});

Deno.test("commands within commands are commands", () => {
  check([
    ["echo $(rm a)", "rm: a"],
    ['echo "`rm a`"', "rm: a"],
    ["diff <(rm a) b", "rm: a"],
    ["x=$(git stash)", "tree: stash (stack)"],
    ["echo ${x:-$(rm a)}", "rm: a"],
    ['echo "$(echo "$(rm a)")"', "rm: a"],
    ["case $(rm a) in x) rm b;; *) rm c; esac", "rm: a", "rm: b", "rm: c"],
    ["for f in $(rm a); do rm b; done", "rm: a", "rm: b"],
    [
      "if ! rm a; then rm b; elif rm c; then rm d; else rm e; fi",
      ..."acbde".split("").map((f) => `rm: ${f}`),
    ],
    ["until rm a; do rm b; done", "rm: a", "rm: b"],
    ["rm a | rm b |& rm c", "rm: a", "rm: b", "rm: c"],
    ["rm a & rm b", "rm: a", "rm: b"],
    ["time rm a; ! rm b", "rm: a", "rm: b"],
    ["{ rm a; }", "rm: a"],
    ["[[ -n $(rm a) ]]", "rm: a"],
    ["coproc rm a", "rm: a"],
    ["f() { rm a; }"],
    ["f() { rm a; }; f", "rm: a"],
    ["function f { rm a; }; x && f", "rm: a"],
    ["git() { echo no; }; git stash"],
    ["f() { f; rm a; }; f", "rm: a"],
    ["bash -c 'rm a'", "rm: a"],
    ["sh -euc 'cd x; rm a'; rm b", "rm: a @/p/x", "rm: b"],
    ["bash -lc \"bash -c 'rm a'\"", "rm: a"],
    ["bash --norc -o pipefail -c 'rm a'", "rm: a"],
    ["pwsh -NoProfile -Command 'Remove-Item a'", "Remove-Item: a"],
    ["eval 'rm a'; eval rm b", "rm: a", "rm: b"],
    ["eval cd x; rm a", "rm: a @/p/x"],
    ['bash -c "rm $F"', "?"],
    ['eval "$X"', "?"],
    ["bash script.sh", "?"],
    ["curl x | bash", "?"],
    [". ./env; rm a", "rm: a", "?"],
    ["trap 'rm a' EXIT", "?"],
    ["rm a; exit 0; rm b", "rm: a"],
  ]);
});

Deno.test("wrappers are taken off", () => {
  check([
    ["A=1 B='x y' rm a", "rm: a"],
    ["sudo rm a", "rm: a"],
    ["sudo -u root -E A=1 rm a", "rm: a"],
    ["sudo -D sub rm a", "rm: a @/p/sub"],
    ["env -i A=1 rm a", "rm: a"],
    ["env -u A -C sub rm a", "rm: a @/p/sub"],
    ["command rm a; builtin cd x; \\rm b", "rm: a", "rm: b @/p/x"],
    ["command -v rm"],
    ["nice -n 5 nohup setsid rm a", "rm: a"],
    ["nice -5 rm a", "rm: a"],
    ["timeout -k 1 5 rm a", "rm: a"],
    ["stdbuf -oL /usr/bin/time -p rm a", "rm: a"],
    ["/usr/bin/env rm a", "rm: a"],
    ["exec rm a", "rm: a"],
    ["/bin/rm a", "rm: a"],
    ["./rm a; bin/install b c"],
    ["sudo -e a", "?"],
    ["sudo -i rm a", "?"],
    ["env -S 'rm a'", "?"],
    ["sudo --frobnicate x rm a", "?"],
    ["xargs rm", "?"],
    ["find . -name x -delete", "?"],
    ["find . -exec rm {} +", "?"],
    ["find . -name x"],
    ["$CMD a", "?"],
    ["rsync a b", "?"],
    ["patch -p1 < x", "?"],
    ["make; npm test; ls rm; grep -r rm ."],
  ]);
});

Deno.test("a folder is followed from command to command", () => {
  check([
    ["cd x && rm a", "rm: a @/p/x"],
    ["cd x; cd ../y/./z; rm a", "rm: a @/p/y/z"],
    ["cd /; rm a", "rm: a @/"],
    ["cd ../../..; rm a", "rm: a @/"],
    ["cd /q/ && rm a", "rm: a @/q/"],
    ["cd ~/x && rm a; cd; rm b", "rm: a @~/x", "rm: b @~"],
    ["cd ~; cd ..; rm a", "?"],
    ["cd x; cd -; rm a", "rm: a"],
    ["cd -; rm a", "?"],
    ["(cd x; rm a); rm b", "rm: a @/p/x", "rm: b"],
    ["cd x | rm a; rm b", "rm: a", "rm: b"],
    ["cd x & rm a", "rm: a"],
    ["echo $(cd x; rm a); rm b", "rm: a @/p/x", "rm: b"],
    ["{ cd x; }; rm a", "rm: a @/p/x"],
    ["pushd x; rm a; pushd y; rm b; popd; popd; rm c", "rm: a @/p/x", "rm: b @/p/x/y", "rm: c"],
    ["popd; rm a", "?"],
    ["cd x || exit 1; rm a", "rm: a @/p/x"],
    ["cd x || { echo no; exit 1; }; rm a", "rm: a @/p/x"],
    ["cd x || rm a", "rm: a"],
    ["cd x || cd y; rm a", "?"],
    ["cd x || echo no; rm a", "?"],
    ["cd x && make || rm a", "?"],
    ["make || rm a; rm b", "rm: a", "rm: b"],
    ["if a; then cd x; fi; rm a", "?"],
    ["if a; then cd x; else cd x; fi; rm a", "?"],
    ["if a; then cd x; rm a; fi", "rm: a @/p/x"],
    ["for i in 1; do cd x; done; rm a", "?"],
    ["for i in 1; do (cd x); done; rm a", "rm: a"],
    ["case a in b) cd x;; esac; rm a", "?"],
    ["f() { cd x; }; f; rm a", "rm: a @/p/x"],
    ["cd $X && rm a /abs", "rm: /abs @/", "?"],
    ["cd $X; git stash", "?"],
    ["cd $X; cd /y; rm a", "rm: a @/y"],
    ["cd -P -- x; rm a", "rm: a @/p/x"],
    ["sudo cd x; rm a", "rm: a"],
  ]);
});

Deno.test("programs that write the files they are given", () => {
  check([
    ["tee a b", "tee: a", "tee: b"],
    ["echo | tee -a 'a b' -- -c > /dev/null", "tee: a b", "tee: -c"],
    ["sponge a", "sponge: a"],
    ["rm a b", "rm: a", "rm: b"],
    ["rm -rf a -- -b", "rm: a /**", "rm: -b /**"],
    ["rm -fr --no-preserve-root a", "rm: a /**"],
    ["rm --recur a", "rm: a /**"],
    ["rm -i a", "?"],
    ["rm --interactive=never a", "rm: a"],
    ["rm --frobnicate a", "?"],
    ["rm *.ts", "rm: *.ts *"],
    ["rm 'a*'*.ts", "rm: a[*]*.ts *"],
    ["rm '*.ts' \\?", "rm: *.ts", "rm: ?"],
    ["rm [^a]*", "rm: [!a]* *"],
    ["rm [[:alpha:]]*", "?"],
    ["rm a.{ts,js} {x,y}/{1,2}", ..."a.ts a.js x/1 x/2 y/1 y/2".split(" ").map((f) => `rm: ${f}`)],
    ["rm {1..3} {a,{b,c}}", "?"],
    ["rm $F a", "rm: a", "?"],
    ['rm "$@" a', "rm: a", "?"],
    ["unlink a; shred -u -n 3 b; truncate -s 0 c", "unlink: a", "shred: b", "truncate: c"],
    ["dd if=a of=b bs=1", "dd: b"],
    ["dd if=a of=$B", "?"],
    ["touch a; mkdir b; chmod +x c; cat d; rmdir e"],
  ]);
});

Deno.test("`mv`, `cp`, `install` and `ln`: the target, and the file that it is in a folder", () => {
  check([
    ["mv a b", "mv: a /**", "mv: b if file", "mv: b/a if folder"],
    ["mv a b/", "mv: a /**", "mv: b/a"],
    ["mv a b c", "mv: a /**", "mv: b /**", "mv: c/a", "mv: c/b"],
    ["mv -t c x/a", "mv: x/a /**", "mv: c/a"],
    ["mv --target-directory=c a", "mv: a /**", "mv: c/a"],
    ["mv -T a b", "mv: a /**", "mv: b"],
    ["mv -f x/a ../b", "mv: x/a /**", "mv: ../b if file", "mv: ../b/a if folder"],
    ["mv *.ts d", "mv: *.ts * /**", "mv: d if file", "?"],
    ["mv -n a b", "?"],
    ["mv -u a b", "?"],
    ["mv -i a b", "?"],
    ["mv a"],
    ["mv a $B", "mv: a /**", "?"],
    ["mv $A b", "mv: b if file", "?"],
    ["cp a b", "cp: b if file", "cp: b/a if folder"],
    ["cp -p a ../b b/", "cp: b/a", "cp: b/b"],
    ['cp "$A" b', "cp: b if file", "?"],
    ["cp *.ts b/", "?"],
    ["cp -r a b", "cp: b if file", "cp: b/a if folder", "?"],
    ["cp -n a b", "?"],
    ["cp --parents x/a b", "?"],
    ["cp . b", "cp: b if file", "?"],
    ["cp a /", "cp: /a"],
    ["install -m 644 a b", "install: b if file", "install: b/a if folder"],
    ["install -Dm644 a b/c", "install: b/c if file", "install: b/c/a if folder"],
    ["install -d b"],
    ["ln -s a b"],
    ["ln -sf a b", "ln -f: b if file", "ln -f: b/a if folder"],
    ["ln -sfn a b", "ln -f: b"],
    ["ln -sf ../a", "ln -f: a"],
    ["npm install a b"],
  ]);
});

Deno.test("programs that rewrite files in place", () => {
  check([
    ["sed -i 's/a/b/' x y", "sed -i: x", "sed -i: y"],
    ["sed -i.bak -e s/a/b/ x", "sed -i: x"],
    ["sed -i '' 's/a/b/' x", "sed -i: x"],
    ["sed -i '' -e 's/a/b/' x", "sed -i: x"],
    ["sed --in-place=.bak --expression s/a/b/ x", "sed -i: x"],
    ["sed -Ei 's/a/b/' x", "sed -i: x"],
    ["sed -n -i -f s.sed x", "sed -i: x"],
    ['sed -i "$E" x', "sed -i: x"],
    ["sed -i $E x", "?"],
    ["sed -i s/a/b/ src/*.ts", "sed -i: src/*.ts *"],
    ["sed 's/a/b/' x"],
    ["sed -n '1,5p' -i.txt"],
    ["sed --help"],
    ["gsed -i s/a/b/ x", "sed -i: x"],
    ["perl -pi -e 's/a/b/' x y", "perl -i: x", "perl -i: y"],
    ["perl -i.bak -0777 -pe 's/a/b/' x", "perl -i: x"],
    ["perl -pi script.pl x", "perl -i: x"],
    ["perl -Mstrict -i -ne print x", "perl -i: x"],
    ["perl -pe 's/a/b/' x"],
    ["perl -i -e 'print' x"],
    ["ruby -pi -e '$_.upcase!' x", "ruby -i: x"],
    ["gawk -i inplace '{ print }' x", "awk -i inplace: x"],
    ["awk '{ print > \"x\" }' y"],
    ["echo x | ed a", "?"],
  ]);
});

Deno.test("git: what changes the tree or moves HEAD", () => {
  check([
    ["git checkout other", "tree: checkout other or file other"],
    ["git checkout -q other", "tree: checkout other or file other"],
    ["git checkout other --", "tree: checkout other"],
    ["git checkout -", "tree: checkout -"],
    ["git checkout -b new", "tree: checkout -b"],
    ["git checkout -B new origin/main", "tree: checkout -B"],
    ["git checkout --orphan new", "tree: checkout --orphan"],
    ["git checkout --detach", "tree: checkout --detach"],
    ["git checkout -f", "tree: checkout -f"],
    ["git checkout -f HEAD", "tree: checkout -f"],
    ["git checkout"],
    ["git checkout HEAD"],
    ["git checkout --help"],
    ["git checkout $B", "?"],
    ["git checkout .", "tree: checkout . [.]"],
    ["git checkout -- .", "tree: checkout -- . [.]"],
    ["git checkout -- :/", "tree: checkout -- :/"],
    ["git checkout HEAD~1 -- .", "tree: checkout -- . [.]"],
    ["git restore .", "tree: restore . [.]"],
    ["git restore -SW :/", "tree: restore :/"],
    ["git switch other", "tree: switch other"],
    ["git switch -c new", "tree: switch -c"],
    ["git switch --create=new", "tree: switch --create"],
    ["git switch $B", "tree: switch"],
    ["git switch"],
    ["git stash", "tree: stash (stack)"],
    ["git stash -u -m 'wip it'", "tree: stash (stack)"],
    ["git stash push --all", "tree: stash push (stack)"],
    ["git stash save wip", "tree: stash save (stack)"],
    ["git stash pop", "tree: stash pop (stack)"],
    ["git stash apply stash@{2}", "tree: stash apply (stack)"],
    ["git stash drop", "tree: stash drop (stack)"],
    ["git stash clear", "tree: stash clear (stack)"],
    ["git stash branch x", "tree: stash branch (stack)"],
    ["git stash list; git stash show -p; git stash create; git stash --help"],
    ["git stash push -m x -- a b", "git stash push: a /**", "git stash push: b /**"],
    ["git stash push .", "tree: stash push . [.]"],
    ["git reset --hard", "tree: reset --hard"],
    ["git reset --hard origin/main", "tree: reset --hard"],
    ["git reset --merge; git reset --keep x", "tree: reset --merge", "tree: reset --keep"],
    ["git reset --soft HEAD~1", "tree: reset HEAD~1"],
    ["git reset HEAD^", "tree: reset HEAD^ or file HEAD^"],
    ["git reset a.ts", "tree: reset a.ts or file a.ts"],
    ["git reset; git reset HEAD; git reset HEAD a; git reset -- a; git reset -q; git reset ./a"],
    ["git clean -fd", "tree: clean -f"],
    ["git clean -fdx -e keep build", "tree: clean -f [build]"],
    ["git clean -n; git clean -nfd; git clean -d"],
    ["git clean -i", "?"],
    ["git rebase main", "tree: rebase"],
    ["git rebase --continue", "tree: rebase"],
    ["git rebase --edit-todo"],
    ["git pull --rebase", "tree: pull"],
    ["git merge x; git merge --abort", "tree: merge", "tree: merge"],
    ["git cherry-pick abc; git revert --no-edit abc", "tree: cherry-pick", "tree: revert"],
    ["git cherry-pick --quit; git revert"],
    ["git am < x", "tree: am"],
    ["git bisect good", "tree: bisect good"],
    ["git bisect log"],
    ["git worktree remove --force ../x", "tree: worktree remove @/x"],
    ["git worktree list; git worktree prune"],
    ["git symbolic-ref HEAD refs/heads/x", "tree: symbolic-ref HEAD"],
    ["git symbolic-ref HEAD; git update-ref refs/x abc; git update-ref HEAD"],
    ["git update-ref -m why refs/heads/a/b abc def", "tree: update-ref refs/heads/a/b"],
    ["git update-ref -d HEAD", "tree: update-ref HEAD"],
    ["git sparse-checkout set a", "tree: sparse-checkout set"],
    ["gh pr checkout 12", "tree: gh pr checkout"],
    ["gh pr view 12"],
  ]);
});

Deno.test("git: what writes files that it is given", () => {
  check([
    ["git checkout -- a b", "git checkout --: a /**", "git checkout --: b /**"],
    ["git checkout HEAD~1 -- a", "git checkout --: a /**"],
    ["git checkout main a", "git checkout: main /** if exists", "git checkout: a /**"],
    ["git checkout *.ts", "git checkout: *.ts * /**"],
    ["git checkout ./a", "git checkout: ./a /**"],
    ["git checkout .github/x", "git checkout: .github/x /**"],
    ["git checkout --ours -- a", "git checkout --: a /**"],
    ["git checkout --theirs a", "git checkout: a /**"],
    ["git checkout -p a", "?"],
    ["git restore a", "git restore: a /**"],
    ["git restore -s HEAD~1 -- 'a b'", "git restore: a b /**"],
    ["git restore --source=x '*.ts'", "git restore: *.ts * /**"],
    ["git restore --staged --worktree a", "git restore: a /**"],
    ["git restore --staged a; git restore -S ."],
    ["git restore ':!a' b", "git restore: b /**", "?"],
    ["git restore --pathspec-from-file=x", "?"],
    ["git rm -r a", "git rm: a /**"],
    ["git rm --cached a; git rm -n a"],
    ["git mv a b", "git mv: a /**", "git mv: b if file", "git mv: b/a if folder"],
    ["git mv -n a b"],
    ["git merge-file a b c", "git merge-file: a"],
    ["git apply x.patch", "?"],
    ["git apply --check x.patch"],
  ]);
});

Deno.test("git: what is staged and committed", () => {
  check([
    ["git add -A", "stage: add -A []"],
    ["git add --all", "stage: add -A []"],
    ["git add .", "stage: add . [.]"],
    ["git add -u", "stage: add -u []"],
    ["git add -A src", "stage: add -A src [src]"],
    ["git add a 'b c'", "stage: add [a,b c]"],
    ["git add :/", "stage: add :/ []"],
    ["git stage -fv .", "stage: add . [.]"],
    ["git add $F", "?"],
    ["git add -A ':!theirs'", "?"],
    ["git add -p", "?"],
    ["git add; git add -n .; git add -N a; git add --dry-run -A"],
    ["git commit -m x", "commit"],
    ["git commit", "commit"],
    ["git commit --amend --no-edit", "commit"],
    ["git commit -m \"$M\" --author='a <b>'", "commit"],
    ["git commit -F - <<< x", "commit"],
    ["git commit -a -m x", "stage: commit -a []"],
    ["git commit -am 'a -n b'", "stage: commit -a []"],
    ["git commit -qam x", "stage: commit -a []"],
    ["git commit --all -m x", "stage: commit -a []"],
    ["git commit -m -a", "commit"],
    ["git commit -m x a b", "stage: commit [a,b]"],
    ["git commit -m x -- a", "stage: commit a [a]"],
    ["git commit -i a -m x", "stage: commit a [a]", "commit"],
    ["git commit -m x $F", "?"],
    ["git commit --dry-run -a; git commit --short"],
    ["git commit -p", "?"],
    ["git add -A && git commit -m x && git push", "stage: add -A []", "commit"],
  ]);
});

Deno.test("git: where it works, and what tells only", () => {
  check([
    ["git -C x stash", "tree: stash (stack) @/p/x"],
    ["git -C x -C ../y restore a", "git restore: a /** @/p/y"],
    ["git -C $X stash", "?"],
    ["git --work-tree=/w --git-dir /g reset --hard", "tree: reset --hard @/w"],
    ["GIT_WORK_TREE=../w git add -A", "stage: add -A [] @/w"],
    ["env GIT_WORK_TREE=w git stash", "tree: stash (stack) @/p/w"],
    ["git --git-dir=/g add -A", "?"],
    ["GIT_DIR=/g git commit -a", "?"],
    ["git -c user.name=x --no-pager -P commit -m x", "commit"],
    ["GIT_EDITOR=true git rebase --continue", "tree: rebase"],
    ["git --version; git --help stash; git help stash; git -h; git"],
    ["git status; git log; git diff; git show; git branch -d x; git fetch; git tag v1; git push -f"],
    ["git blame rm; git grep 'git stash'; git config alias.x stash; git ls-files -m"],
    ["git co other", "?"],
    ["git $VERB", "?"],
    ["git --frobnicate stash", "?"],
    ["git submodule update", "?"],
    ["git worktree add ../w -b x && cd ../w && git add -A && git commit -m x"],
    ["git worktree add -b x w main; git -C w/sub reset --hard; git stash", "tree: stash (stack)"],
    ["mkdir w && cd w && git init -q && git add . && git commit -m x"],
    ["git clone -q git@host:o/repo.git && cd repo && git checkout other"],
    ["git clone https://h/o/repo w; git -C w reset --hard"],
    ["cd $(git rev-parse --show-toplevel) && git status"],
  ]);
});

Deno.test("incidents: what pulled a tree away, bundled foreign work or went round a claim", () => {
  check([
    // the tree under others
    [
      "git stash && git checkout main && git pull",
      "tree: stash (stack)",
      "tree: checkout main or file main",
      "tree: pull",
    ],
    ["git stash; npm test; git stash pop", "tree: stash (stack)", "tree: stash pop (stack)"],
    [
      "cd /repo && git reset --hard HEAD && git clean -fd",
      "tree: reset --hard @/repo",
      "tree: clean -f @/repo",
    ],
    ["git fetch origin && git reset --hard origin/main", "tree: reset --hard"],
    // bundling
    ['git add -A && git commit -m "feat: x"', "stage: add -A []", "commit"],
    ["git add . ; git commit -am wip", "stage: add . [.]", "stage: commit -a []"],
    // round the claim
    ["echo '// note' >> src/a.ts", ">>: src/a.ts"],
    ["sed -i 's/old/new/g' src/a.ts", "sed -i: src/a.ts"],
    [
      "mv src/a.new.ts src/a.ts",
      "mv: src/a.new.ts /**",
      "mv: src/a.ts if file",
      "mv: src/a.ts/a.new.ts if folder",
    ],
    ["git restore src/a.ts", "git restore: src/a.ts /**"],
    ["git checkout -- src/a.ts", "git checkout --: src/a.ts /**"],
    ["cat > src/a.ts << 'EOF'\nexport {};\nEOF", ">: src/a.ts"],
    [
      "grep -v x a > a.tmp && mv a.tmp a",
      ">: a.tmp",
      "mv: a.tmp /**",
      "mv: a if file",
      "mv: a/a.tmp if folder",
    ],
  ]);
});

Deno.test("what bash refuses to run is not told, and what comes before it is", () => {
  check([
    ["rm a; echo 'open", "?"],
    ['rm a\necho "open; rm b', "rm: a", "?"],
    ["if rm a; then", "?"],
    ["rm a; )", "?"],
    ["rm a\nif rm b\nthen", "rm: a", "?"],
    ["echo $(rm a", "?"],
    ["&& rm a", "?"],
    ["rm a\0b", "?"],
    [""],
    [" \n\t "],
  ]);
});

Deno.test("PowerShell: cmdlets, their aliases and parameters", () => {
  check([
    ["Set-Content -Path a.txt -Value 'x'", "Set-Content: a.txt"],
    ["set-content a.txt, 'b c' x", "Set-Content: a.txt", "Set-Content: b c"],
    ["Add-Content -LiteralPath '[a].txt' -Value x", "Add-Content: [a].txt"],
    ["Add-Content -Path '[a].txt' x", "Add-Content: [a].txt *"],
    ["ac a x; sc b x; clc c", "Add-Content: a", "Set-Content: b", "Clear-Content: c"],
    ["Get-Process | Out-File -FilePath C:\\x\\a.txt -Append", "Out-File: C:\\x\\a.txt"],
    ["Get-Process | Out-File a -NoClobber"],
    ["ls | Tee-Object -FilePath a; ls | tee b", "Tee-Object: a", "Tee-Object: b"],
    ["Remove-Item -Recurse -Force src\\x", "Remove-Item: src\\x /**"],
    ["rm a; del b; ri c; erase d", ..."abcd".split("").map((f) => `Remove-Item: ${f}`)],
    ["rm -Rec a", "Remove-Item: a /**"],
    ["rm -rf a", "rm: a /**"],
    ["Remove-Item a -WhatIf"],
    ["Remove-Item a -Confirm", "?"],
    ["Remove-Item a -Confirm:$false", "Remove-Item: a"],
    ["Remove-Item * -Include *.ts", "?"],
    ["Remove-Item $x", "?"],
    ["Remove-Item -Frobnicate a", "?"],
    ["Remove-Item -Path:a", "Remove-Item: a"],
    ["Remove-Item *.ts", "Remove-Item: *.ts *"],
    ["Move-Item a b", "Move-Item: a /**", "Move-Item: b if file", "Move-Item: b/a if folder"],
    ["mv -Path x\\a -Destination y\\", "Move-Item: x\\a /**", "Move-Item: y/a"],
    ["Copy-Item a -Destination b", "Copy-Item: b if file", "Copy-Item: b/a if folder"],
    ["Copy-Item a b -Recurse", "Copy-Item: b if file", "Copy-Item: b/a if folder", "?"],
    ["Rename-Item x\\a b", "Rename-Item: x\\a /**", "Rename-Item: x\\b"],
    ["New-Item -Path a -Name b -Force", "New-Item: a/b"],
    ["New-Item a; New-Item -ItemType Directory -Force b"],
    ["Microsoft.PowerShell.Management\\Remove-Item a", "Remove-Item: a"],
    ["Set-Content a x -ErrorAction Stop -NoNewline", "Set-Content: a"],
    ["Get-Content a | Select-String rm"],
  ], "powershell");
});

Deno.test("PowerShell: words, blocks, redirections, folders and git", () => {
  check([
    ["echo hi > out.txt", ">: out.txt"],
    ["echo hi >> 'a b' 2>&1", ">>: a b"],
    ["cmd1 2> err.txt *> all.txt", "2>: err.txt", "*>: all.txt"],
    ["echo hi > $null; echo hi >$null 2>$NULL"],
    ["echo hi > $f", "?"],
    ["echo 'rm a; git stash > x'"],
    ['echo "rm a; $(git stash) `" > x"'],
    ["'rm a'; \"git stash\""],
    ["ls # rm a > b"],
    ["ls <# rm a\n> b #> ; rm c", "Remove-Item: c"],
    ["echo @'\nrm a\n'git stash'\n'@\nrm b", "Remove-Item: b"],
    ['echo @"\nrm "a" $x\n"@ > f', ">: f"],
    ["rm a`\n b", "?"],
    ["rm `\n a", "Remove-Item: a"],
    ["rm 'it''s', \"a`\"b\", a` b", "Remove-Item: it's", 'Remove-Item: a"b', "Remove-Item: a b"],
    ["rm C:\\a\\b", "Remove-Item: C:\\a\\b"],
    ["& 'rm' a; & git stash", "Remove-Item: a", "tree: stash (stack)"],
    ["& $x a; . ./x.ps1", "?"],
    ["$x = git stash pop", "tree: stash pop (stack)"],
    ["$x = @{ rm = 'a'; git = 'stash' }"],
    ["(Get-Content a) -replace 'x','y' | Set-Content a", "Set-Content: a"],
    ["if (Test-Path a) { rm a } else { rm b }", "Remove-Item: a", "Remove-Item: b"],
    ["foreach ($f in 'a','b') { rm $f; git stash }", "tree: stash (stack)", "?"],
    [
      "try { rm a } catch { rm b } finally { rm c }",
      ..."abc".split("").map((f) => `Remove-Item: ${f}`),
    ],
    ["ls | ForEach-Object { rm a }", "Remove-Item: a"],
    ["ls | Where-Object { $_.Name -eq 'rm' }"],
    ["function f { rm a }", "?"],
    ["Start-Job { rm a }", "?"],
    ["Invoke-Expression 'rm a'; iex $x", "Remove-Item: a", "?"],
    ["[IO.File]::WriteAllText('a', 'b')", "?"],
    ["cd x; rm a", "Remove-Item: a @/p/x"],
    [
      "Set-Location -Path x; Push-Location y; rm a; popd; rm b",
      "Remove-Item: a @/p/x/y",
      "Remove-Item: b @/p/x",
    ],
    ["if (1) { cd x }; rm a", "?"],
    ['git add -A; git commit -m "a `"b`" $x"', "stage: add -A []", "commit"],
    ["git commit -m @'\na\ngit stash\n'@", "commit"],
    [
      "git checkout other && git reset --hard",
      "tree: checkout other or file other",
      "tree: reset --hard",
    ],
    ["git -C x restore a\\b", "git restore: a\\b /** @/p/x"],
    ["git log --format='%h > %s'"],
    ["bash -c 'rm a'", "rm: a"],
    ["sed -i 's/a/b/' x", "sed -i: x"],
    ["rm a; echo 'open", "?"],
    ["rm a; echo (", "?"],
    ["rm a }", "?"],
  ], "powershell");
});

Deno.test("folders on Windows keep their drive", () => {
  const folderOf = (command: string, cwd: string) =>
    analyseShell(command, cwd, "powershell").writes[0]?.folder;
  assertEquals(folderOf("cd ..\\y; rm a", "C:\\p\\x"), "C:\\p/y");
  assertEquals(folderOf("cd ..\\..\\..; rm a", "C:\\p\\x"), "C:\\");
  assertEquals(folderOf("cd D:\\z; rm a", "C:\\p"), "D:\\z");
});

Deno.test("`matchesPath()` reads a pattern name by name", () => {
  const cases: [pattern: string, path: string, below: boolean, matches: boolean][] = [
    ["/p/*.ts", "/p/a.ts", false, true],
    ["/p/*.ts", "/p/x/a.ts", false, false],
    ["/p/*", "/p/.env", false, false],
    ["/p/.*", "/p/.env", false, true],
    ["/p/a[*].ts", "/p/a*.ts", false, true],
    ["/p/a[*].ts", "/p/ab.ts", false, false],
    ["/p/[!a]", "/p/b", false, true],
    ["/p/[!a]", "/p/a", false, false],
    ["/p/[id].ts", "/p/[id].ts", false, true],
    ["/p/*", "/p/x/a.ts", false, false],
    ["/p/*", "/p/x/a.ts", true, true],
    ["/p/src", "/p/src/a.ts", true, true],
    ["/p/src", "/p/src2/a.ts", true, false],
    ["/p/*/a.ts", "/p/x", true, false],
  ];
  for (const [pattern, path, below, matches] of cases) {
    assertEquals(matchesPath(pattern, path, below), matches, `${pattern} ${path} ${below}`);
  }
});

Deno.test("a glance lets most commands pass at once", () => {
  for (
    const command of [
      "ls -la",
      "git status",
      "git log --oneline | head -5",
      "npm test 2>&1 | tail -20",
      "grep -rn 'x' src 2>/dev/null",
      "make >/dev/null 2>&1",
      "cat package.json",
      "terraform plan",
    ]
  ) {
    assert(!mayMatter(command), command);
    assertEquals(tell(command), []);
  }
});

/** Pieces that shells give a meaning to, and some that they do not. */
const PIECES = fc.constantFrom(
  ..."'|\"|`|$(|)|(|{|}|${|$((|))|<<E|<<-'E'|\nE\n|<<<|>|>>|>&|&>|2>|<(|;|;;|&|&&|||\\|#|\n|~|*|[|]|{a,b}|$'|@'|'@|@\"|\"@|<#|#>|@{|,|=|!|[[|]]|((|\0|\ud800"
    .split("|").concat("|", "||", " ", "  "),
  ..."git rm mv cp sed -i stash add -A commit -a -- cd eval bash -c sudo env xargs if then fi for in do done case esac f() time coproc Set-Content -Path a b.ts"
    .split(" ").map((word) => ` ${word} `),
);

Deno.test("whatever it is given, the analysis ends and throws nothing", () => {
  const text = fc.array(fc.oneof(PIECES, fc.string({ unit: "binary", maxLength: 3 })), {
    maxLength: 40,
  }).map((pieces) => pieces.join(""));
  const property = fc.property(text, (command) => {
    for (const dialect of ["bash", "powershell"] as const) {
      const { writes, git } = analyseShell(command, "/p", dialect);
      for (const { folder, path } of writes) assert(folder !== "" && path !== "");
      for (const { folder } of git) assert(folder !== "");
    }
  });
  fc.assert(property, { ...SETTINGS, numRuns: 5_000 });
});

Deno.test("quoted text is never a command", () => {
  const quotes: Record<Dialect, ((text: string) => string)[]> = {
    bash: [
      (text) => `'${text.replaceAll("'", `'\\''`)}'`,
      (text) => `"${text.replaceAll(/[\\"$`]/g, "\\$&")}"`,
      (text) => `$'${text.replaceAll(/[\\']/g, "\\$&")}'`,
      (text) => `x <<'END-OF-IT'\n${text.replaceAll("END-OF-IT", "")}\nEND-OF-IT\n`,
      (text) => `x # ${text.replaceAll("\n", " ")}\n`,
    ],
    powershell: [
      (text) => `'${text.replaceAll("'", "''")}'`,
      (text) => `"${text.replaceAll(/[`"$]/g, "`$&")}"`,
      (text) => `x # ${text.replaceAll("\n", " ")}\n`,
    ],
  };
  const text = fc.array(PIECES, { maxLength: 20 }).map((pieces) =>
    pieces.join("").replaceAll("\0", "").toWellFormed()
  );
  const property = fc.property(text, fc.nat(), (inner, choice) => {
    for (const dialect of ["bash", "powershell"] as const) {
      const quote = quotes[dialect][choice % quotes[dialect].length];
      assertEquals(tell(`echo ${quote(inner)}`, dialect), []);
    }
  });
  fc.assert(property, { ...SETTINGS, numRuns: 5_000 });
});

Deno.test("the time it takes grows with the length alone", () => {
  const CHARS = 150_000;
  const SLOWEST_MS = 3_000; // what takes a time of n² takes longer
  const fill = (piece: string) => piece.repeat(CHARS / piece.length);
  const commands = [
    ...["'", '"', "(", "$(", "`", '"$(', "${", "<<E\n", "cat <<E\nx\n", "f()", "coproc "],
    ...["sudo ", "env A=1 ", "eval ", "a&&", "cd a||", "rm a\n", "cd aa;rm b;", "{a,b}", "[a", "*"],
    ...["f(){ g;g; };g(){ f;f; };", "@'\n", "<#", "if (a) { cd b };", "2>&1 ", "-C a ", "./", "/"],
    ...["git init a;git stash;", "pushd a;", "$(rm a) ", "bash -c '", "git add ", "rm -r -- "],
  ].map(fill);
  commands.push("<<E ".repeat(CHARS / 2)); // refused at a glance, or else a time of n²
  commands.push(...["a ", "{a,b}", "--x ", "$a "].map((piece) => `rm ${fill(piece)}`));
  commands.push(...["[", "*", "a/"].map((piece) => `git checkout -- '${fill(piece)}'`));
  const calls = Array.from({ length: 30 }, (_, at) => `f${at}() {${` f${at + 1};`.repeat(6)} }`);
  commands.push([...calls, "f0"].join("\n"));
  const nested = Array.from({ length: 3000 }).reduce((text: string) => `$(echo ${text})`, "rm a");
  commands.push(`echo ${nested}`);
  for (const command of commands) {
    for (const dialect of ["bash", "powershell"] as const) {
      const elapsedMs = () => {
        const start = performance.now();
        const { writes } = analyseShell(command, "/p", dialect);
        mayMatter(command);
        const chars = writes.reduce((sum, { folder }) => sum + folder.length, 0);
        assert(chars < 1e9, `memory: ${command.slice(0, 20)}`);
        return performance.now() - start;
      };
      const isQuick = elapsedMs() < SLOWEST_MS || elapsedMs() < SLOWEST_MS;
      assert(isQuick, `${dialect}: ${command.slice(0, 40)}`);
    }
  }
});

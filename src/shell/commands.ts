/**
 * Programs that write the files they are given, and what they write or change.
 *
 * @module
 */

import { type Argument, known, lastName } from "./argument.ts";
import type { Site, WriteTraits } from "./effects.ts";
import { type Options, readOptions } from "./options.ts";
import { transfer } from "./transfer.ts";

/** Tells what a program writes, from what follows its name. */
type Program = (site: Site, args: readonly Argument[]) => void;

/** Tells what a command writes, if it is one of those that are known here. */
export function runProgram(site: Site, name: string, args: readonly Argument[]): void {
  if (Object.hasOwn(PROGRAMS, name)) PROGRAMS[name](site, args);
}

/** A program whose operands are all written. */
function writesOperands(by: string, spec: string, traits?: WriteTraits): Program {
  return (site, args) => {
    const options = readOptions(args, spec);
    if (!options.isUnderstood) return site.unknown();
    for (const operand of options.operands) site.write(operand, by, traits);
  };
}

/** A program that may write what its text does not tell. */
const unknown: Program = (site) => site.unknown();

const REMOVE =
  "d f i I P r R v W x one-file-system preserve-root? no-preserve-root recursive force interactive? verbose dir";

const remove: Program = (site, args) => {
  const options = readOptions(args, REMOVE);
  if (!options.isUnderstood || asks(options)) return site.unknown();
  const below = options.has("r", "R", "recursive");
  for (const file of options.operands) site.write(file, "rm", below ? { below } : {});
};

/** Whether a person is asked first, who may say no. */
function asks(options: Options): boolean {
  const when = options.values("interactive").at(-1)?.text;
  if (when !== undefined) return when !== "never";
  return options.has("i", "I", "interactive") && !options.has("f", "force");
}

const MOVE =
  "b f h i n S= t= T u v Z backup? context? debug exchange force interactive no-clobber no-copy no-target-directory strip-trailing-slashes suffix= target-directory= update? verbose";
const COPY =
  "a b c d f H i L l n N P p R r S= s T t= u v X x Z archive attributes-only backup? context? copy-contents debug dereference force interactive keep-directory-symlink link no-clobber no-dereference no-preserve= no-target-directory one-file-system parents preserve? recursive reflink? remove-destination sparse= strip-trailing-slashes suffix= symbolic-link target-directory= update? verbose";
const INSTALL =
  "b C c D d g= m= o= p S= s T t= v Z backup? compare context? debug directory group= mode= no-target-directory owner= preserve-context preserve-timestamps strip strip-program= suffix= target-directory= verbose";
const LINK =
  "b d F f h i L n P r S= s T t= v backup? directory force interactive logical no-dereference no-target-directory physical relative suffix= symbolic target-directory= verbose";

/** Reads sources and target of a program like `cp`. */
function brings(
  site: Site,
  by: string,
  options: Options,
  traits: { readonly isMove?: boolean } = {},
): void {
  if (!options.isUnderstood || asks(options)) return site.unknown();
  const folder = options.values("t", "target-directory").at(-1);
  const { operands } = options;
  const target = folder ?? operands.at(-1);
  if (!target) return;
  const targetIs = folder ? "folder" : options.has("T", "no-target-directory") ? "file" : "either";
  transfer(site, {
    by,
    sources: folder ? operands : operands.slice(0, -1),
    target,
    targetIs,
    ...traits,
  });
}

/** Whether a file that is there stays, or may: `-u` goes by the times of the files. */
const sparesTarget = (options: Options) => options.has("n", "u", "no-clobber", "update");

const move: Program = (site, args) => {
  const options = readOptions(args, MOVE);
  if (sparesTarget(options)) return site.unknown();
  brings(site, "mv", options, { isMove: true });
};

const copy: Program = (site, args) => {
  const options = readOptions(args, COPY);
  // what is in a folder that is copied is not known
  if (options.has("a", "r", "R", "recursive", "archive")) site.unknown();
  if (sparesTarget(options) || options.has("parents")) return site.unknown();
  brings(site, "cp", options);
};

const install: Program = (site, args) => {
  const options = readOptions(args, INSTALL);
  if (!options.has("d", "directory")) brings(site, "install", options);
};

/** Without `-f` a link replaces nothing. */
const link: Program = (site, args) => {
  const options = readOptions(args, LINK);
  if (!options.has("f", "force", "F")) return;
  const { operands } = options;
  if (operands.length === 1 && options.isUnderstood && !options.has("t", "target-directory")) {
    const name = lastName(operands[0].text);
    if (operands[0].kind !== "text" || name === "") return site.unknown();
    return site.write(known(name), "ln -f");
  }
  if (options.has("n", "h", "no-dereference")) options.add("T");
  brings(site, "ln -f", options);
};

const SED =
  "a E H I? i? l= n r s u z e= f= debug expression= file= follow-symlinks help in-place? line-length= null-data posix quiet regexp-extended sandbox separate silent unbuffered version zero-terminated";

const sed: Program = (site, args) => {
  const options = readOptions(args, SED);
  if (!options.has("i", "I", "in-place") || options.has("help", "version")) return;
  if (!options.isUnderstood) return site.unknown();
  let files = options.operands;
  // BSD's `-i ''`: the suffix is a word of its own
  if (files[0]?.text === "" && files[0].kind === "text") files = files.slice(1);
  const hasScript = options.has("e", "f", "expression", "file");
  writeAfterScript(site, "sed -i", files, hasScript);
};

/** Writes the operands but the first, which is the program unless an option has brought one. */
function writeAfterScript(
  site: Site,
  by: string,
  operands: readonly Argument[],
  hasScript: boolean,
): void {
  // a script of unknown words may be none, or bring files of its own
  if (!hasScript && operands[0]?.kind === "many") return site.unknown();
  for (const file of operands.slice(hasScript ? 0 : 1)) site.write(file, by);
}

const PERL =
  "a c n p s S t T u U w W X f g h v 0? C? D? d? E= e= F? I= i? l? M? m? V? x? help version";
const RUBY =
  "a c h l n p S s v w y d 0? C= E= e= F? I= i? K? r= T? U W? x? help version disable= enable=";

/** Perl and Ruby rewrite their operands with `-i`, if they read them with `-n` or `-p`. */
function scripting(name: string, spec: string): Program {
  return (site, args) => {
    const options = readOptions(args, spec, "leading");
    if (!options.has("i")) return;
    if (!options.isUnderstood) return site.unknown();
    if (!options.has("n", "p", "a", "F")) return;
    writeAfterScript(site, `${name} -i`, options.operands, options.has("e", "E"));
  };
}

const AWK =
  "b c C d? D? e= E= f= F= g h i= I k l= L? M n N o? O p? P r s S t v= V assign= field-separator= file= include= source= help version";

const awk: Program = (site, args) => {
  const options = readOptions(args, AWK, "leading");
  const isInPlace = options.values("i", "include").some(({ text }) =>
    lastName(text).replace(/\.awk$/, "") === "inplace"
  );
  if (!isInPlace) return;
  if (!options.isUnderstood) return site.unknown();
  const hasScript = options.has("e", "E", "f", "source", "file");
  writeAfterScript(site, "awk -i inplace", options.operands, hasScript);
};

const dd: Program = (site, args) => {
  for (const { text, kind } of args) {
    if (text.startsWith("of=")) site.write({ text: text.slice(3), kind }, "dd");
  }
};

/** `find` runs what it is told on what it finds. */
const find: Program = (site, args) => {
  if (
    args.some(({ text }) =>
      /^-(delete|exec|execdir|ok|okdir|fprint|fprint0|fls|fprintf)$/.test(text)
    )
  ) {
    site.unknown();
  }
};

/** GitHub's command line switches the branch too. */
const gh: Program = (site, args) => {
  const words = args.slice(0, 2).map(({ text }) => text).join(" ");
  if (/^(pr checkout|pr co|co\b.*)$/.test(words)) {
    site.git({ kind: "tree", verb: words.startsWith("pr") ? "gh pr checkout" : "gh co" });
  }
};

const PROGRAMS: Readonly<Record<string, Program>> = {
  tee: writesOperands("tee", "a i p append ignore-interrupts output-error?"),
  sponge: writesOperands("sponge", "a"),
  rm: remove,
  unlink: writesOperands("unlink", ""),
  shred: writesOperands(
    "shred",
    "f n= s= u v x z exact force iterations= random-source= remove? size= verbose zero",
  ),
  truncate: writesOperands("truncate", "c o r= s= io-blocks no-create reference= size="),
  mv: move,
  cp: copy,
  install,
  ln: link,
  sed,
  gsed: sed,
  perl: scripting("perl", PERL),
  ruby: scripting("ruby", RUBY),
  awk,
  gawk: awk,
  dd,
  find,
  gh,
  patch: unknown,
  rsync: unknown,
  ed: unknown,
  ex: unknown,
  xargs: unknown,
  parallel: unknown,
  watch: unknown,
  su: unknown,
  flock: unknown,
};

import { join } from "@std/path";
import { fileNames } from "../../src/storage/local/file_name.ts";
import type { TestProject } from "./project.ts";

/**
 * Lets a session hold many files, as if it had edited each: what one reservation has left in the store
 * and in the journal is multiplied, since a hook a piece would take hours.
 *
 * @param model A session, and a path that it holds and has edited.
 * @param paths Those that are to be held too.
 * @param holder Who is to hold them: a session that has started; the model's without it.
 */
export function reserveMany(
  project: TestProject,
  [session, model]: readonly [session: string, path: string],
  paths: readonly string[],
  holder = session,
): void {
  const folder = join(project.folder, ".claude", "session-state");
  const scopeFiles = [...Deno.readDirSync(folder)].filter(({ name }) => name.endsWith(".json"));
  const texts = scopeFiles.map(({ name }) => Deno.readTextFileSync(join(folder, name)));
  const text = texts.find((one) => JSON.parse(one).scope.endsWith(`:file:${model}`))!;
  const { scope } = JSON.parse(text);
  const journal = (name: string) => join(folder, ".csc", "journal", `${name}.jsonl`);
  const lines = Deno.readTextFileSync(journal(session)).split("\n")
    .filter((line) => line.includes(JSON.stringify(model))).join("\n");
  const copy = (of: string, path: string) =>
    of.replaceAll(model, path).replaceAll(JSON.stringify(session), JSON.stringify(holder));
  const added: string[] = [];
  for (const path of paths) {
    const { seed } = fileNames(scope.slice(0, -model.length) + path);
    Deno.writeTextFileSync(join(folder, seed!), copy(text, path));
    added.push(copy(lines, path));
  }
  Deno.writeTextFileSync(journal(holder), added.join("\n") + "\n", { append: true });
}

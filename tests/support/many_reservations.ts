import { join } from "@std/path";
import { fileNames } from "../../src/storage/local/file_name.ts";
import type { TestProject } from "./project.ts";

/**
 * Lets a session hold many files more, as if it had edited each: what its first reservation has left in
 * the store and in its journal is multiplied, since a hook a piece would take hours.
 *
 * @param model A path that the session holds and has edited.
 * @param paths Those that it is to hold too.
 */
export function reserveMany(
  project: TestProject,
  session: string,
  model: string,
  paths: readonly string[],
): void {
  const folder = join(project.folder, ".claude", "session-state");
  const scopeFiles = [...Deno.readDirSync(folder)].filter(({ name }) => name.endsWith(".json"));
  const texts = scopeFiles.map(({ name }) => Deno.readTextFileSync(join(folder, name)));
  const text = texts.find((one) => JSON.parse(one).scope.endsWith(`:file:${model}`))!;
  const { scope } = JSON.parse(text);
  const journal = join(folder, ".csc", "journal", `${session}.jsonl`);
  const lines = Deno.readTextFileSync(journal).split("\n")
    .filter((line) => line.includes(JSON.stringify(model))).join("\n");
  const added: string[] = [];
  for (const path of paths) {
    const { seed } = fileNames(scope.slice(0, -model.length) + path);
    Deno.writeTextFileSync(join(folder, seed!), text.replaceAll(model, path));
    added.push(lines.replaceAll(model, path));
  }
  Deno.writeTextFileSync(journal, added.join("\n") + "\n", { append: true });
}

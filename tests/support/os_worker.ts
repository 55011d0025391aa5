/** A process for the tests of `src/os`: does what its arguments say. */

import { LifeFile } from "../../src/os/life_file.ts";
import { openLog } from "../../src/os/log.ts";

const [task, path, name, count] = Deno.args;

if (task === "live") {
  const life = LifeFile.start(path);
  await Deno.stdout.write(new TextEncoder().encode(life.id + "\n"));
  await Deno.stdin.read(new Uint8Array(1));
  life.end();
} else {
  const log = openLog({ level: "info", path, maxBytes: 4_000, keepFiles: 200, label: () => name });
  for (let i = 0; i < Number(count); i++) log.info(`event ${i} end`);
}

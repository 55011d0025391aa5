import { assertEquals } from "../support/assert.ts";
import { openShared, type SharedKind } from "../support/open_store.ts";
import { TempFolder } from "../support/temp.ts";
import { race, type Task } from "../support/workers.ts";

/** How much each process of a race does. */
export interface RaceSize {
  readonly increments: number;
  readonly keys: number;
  readonly creations: number;
}

/** Races of processes on one store: nothing is lost, and nothing won twice. */
export function testRaces(kind: SharedKind, size: RaceSize): void {
  Deno.test(`${kind}: 8 processes × ${size.increments} \`increment()\`s`, async () => {
    using temp = new TempFolder();
    const task: Task = { do: "increment", kind, folder: temp.path, times: size.increments };
    const said = await race(Array.from({ length: 8 }, () => task));
    assertEquals(said, Array(8).fill(["done"]));
    const store = await openShared(kind, temp.path);
    assertEquals((await store.retrieve("race", "k"))?.value, 8 * size.increments);
    await store.close();
  });

  Deno.test(`${kind}: 4 processes × ${size.keys} keys of one scope`, async () => {
    using temp = new TempFolder();
    const names = ["a", "b", "c", "d"];
    const said = await race(names.map((name) => (
      { do: "distinct", kind, folder: temp.path, times: size.keys, name }
    )));
    assertEquals(said, Array(4).fill(["done"]));
    const store = await openShared(kind, temp.path);
    const expected = names.flatMap((name) =>
      Array.from({ length: size.keys }, (_, i) => `${name}-${i}`)
    );
    assertEquals(await store.listKeys("race"), expected.sort());
    await store.close();
  });

  Deno.test(`${kind}: 5 processes that create the same ${size.creations} keys win each once`, async () => {
    using temp = new TempFolder();
    const names = ["a", "b", "c", "d", "e"];
    const said = await race(names.map((name) => (
      { do: "create", kind, folder: temp.path, times: size.creations, name }
    )));
    const wins = said.flatMap((lines) => lines.filter((line) => line !== "done") as number[]);
    assertEquals(wins.sort((a, b) => a - b), Array.from({ length: size.creations }, (_, i) => i));
    const store = await openShared(kind, temp.path);
    for (const [i, lines] of said.entries()) {
      for (const won of lines.filter((line) => line !== "done")) {
        assertEquals((await store.retrieve("race", `${won}`))?.value, names[i]);
      }
    }
    await store.close();
  });
}

/** A connection through the gate, to a server that is made up. */

import { Passage } from "../src/http/passage.ts";
import { assertEquals } from "./support/assert.ts";
import { pause } from "./support/project.ts";

const REQUEST = "DELETE /mcp HTTP/1.1\r\nhost: localhost\r\n\r\n";
const ANSWER = "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";

Deno.test("the last answer arrives, also where the server sends it late", async () => {
  using front = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  using behind = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  using client = await Deno.connect({ hostname: "127.0.0.1", port: front.addr.port });
  const passage = new Passage(await front.accept() as Deno.Conn<Deno.NetAddr>);
  const passed = pass(passage, behind.addr.port);
  await client.write(new TextEncoder().encode(REQUEST));

  using server = await behind.accept();
  assertEquals(await textOf(server), REQUEST);
  passage.begin()();
  passage.leave();
  // As hyper does: whoever ends before the answer was sent gets none.
  const isEnded = await Promise.race([
    textOf(server).then(() => true),
    pause(150).then(() => false),
  ]);
  assertEquals(isEnded, false, "it still waits for the answer");
  await server.write(new TextEncoder().encode(ANSWER));
  assertEquals(await textOf(client), ANSWER);
  server.closeWrite();
  client.close();
  await passed;
});

async function pass(passage: Passage, port: number): Promise<void> {
  await passage.enter(port);
  await passage.carry();
  passage.close();
}

async function textOf(conn: Deno.Conn): Promise<string> {
  const bytes = new Uint8Array(1000);
  const count = await conn.read(bytes);
  return new TextDecoder().decode(bytes.subarray(0, count ?? 0));
}

/** How claims are called. */

import { labelText, prefixOf, titleIn } from "../src/work/claim_label.ts";
import { assertEquals } from "./support/assert.ts";

Deno.test("a repository's name gives the prefix", () => {
  const cases = [
    ["acme/nhl-api", "NHL"],
    ["cooneycw/claude-power-pack", "CPP"],
    ["acme/shop", "SHOP"],
    ["acme/a", "A"],
    ["claude_session_coordinator_for_teams", "CSCF"],
    ["acme/übung-eins-zwei", "ÜEZ"],
    ["", ""],
  ];
  for (const [project, prefix] of cases) assertEquals(prefixOf(project), prefix, project);
});

Deno.test("a label tells prefix, issue and title; the title is found in it again", () => {
  const cases = [
    [{ prefix: "NHL", issue: "167", title: "Player page" }, "NHL #167: Player page"],
    [{ prefix: "NHL", issue: "167", title: "" }, "NHL #167"],
    [{ prefix: "", issue: "1", title: "a: b" }, "#1: a: b"],
    [{ prefix: "X", issue: "SHOP-4", title: "cart" }, "X SHOP-4: cart"],
  ] as const;
  for (const [label, text] of cases) {
    assertEquals(labelText(label), text);
    assertEquals(titleIn(text, label.issue), label.title);
  }
});

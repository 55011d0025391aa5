import { assertStringIncludes } from "../support/assert.ts";
import { assertDone } from "./expect.ts";
import { clientTest } from "./harness.ts";
import { call } from "./script.ts";

clientTest("two sessions sign on beside each other, and one reads what the other stored", {
  async play(scene) {
    const plan = { scope: "issue:1", key: "plan" };
    const run = await scene.run({
      alpha: [
        call("sign_on"),
        call("store_data", { ...plan, value: "first this" }),
        scene.tell("stored"),
        scene.until("read"),
      ],
      beta: [
        scene.until("stored"),
        call("sign_on"),
        call("retrieve_data", plan),
        scene.tell("read"),
        call("sign_off"),
      ],
    });
    const [alpha, beta] = [run.shown.results("alpha"), run.shown.results("beta")];
    assertDone(...alpha, ...beta);
    assertStringIncludes(alpha[0].text, '"claude_1"');
    assertStringIncludes(beta[1].text, '"claude_2"');
    for (const word of ['"first this"', '"stored_by":"claude_1"']) {
      assertStringIncludes(beta[2].text, word);
    }
    assertStringIncludes(
      run.shown.everything(),
      "Several Claude sessions may work on this project",
      "the server's instructions",
    );
  },
});

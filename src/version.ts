/** The version of this package; the same as in `deno.json` and `jsr.json` (a test compares them). */
export const VERSION = "0.1.0";

import cliui from "cliui"; // by yargs' authors: lays out columns, counts wide characters
import { printable } from "../domain/text.ts";
import { bold } from "../std/colors.ts";
import { columns } from "./output.ts";

/** A table as text: the widths follow the content, the last column takes what is left. */
export function table(headings: readonly string[], rows: readonly (readonly string[])[]): string {
  const ui = cliui({ width: columns(), wrap: true });
  const shown = rows.map((row) => row.map(printable));
  const last = headings.length - 1;
  const widths = headings.map((heading, i) =>
    Math.min(42, Math.max(heading.length, ...shown.map((row) => row[i].length)) + 2)
  );
  const line = (cells: readonly string[]) =>
    ui.div(...cells.map((text, i) => i === last ? { text } : { text, width: widths[i] }));
  line(headings.map((heading) => bold(heading)));
  for (const row of shown) line(row);
  return ui.toString().replace(/[ ]+$/gm, "");
}

import cliui from "cliui"; // by yargs' authors: lays out columns, counts wide characters
import { printable } from "../domain/text.ts";
import { bold, dim } from "../std/colors.ts";
import { columns } from "./output.ts";

/** What a table shows beside its cells. */
export interface TableOptions {
  /** Lines below a row, indented and as wide as the table. */
  readonly below?: (row: number) => readonly string[];
  /** How a row is painted; nothing that the cells hold can do it. */
  readonly paint?: (row: number) => ((text: string) => string) | null;
}

const WIDEST = 42;
const GAP = 2;
const INDENT = 4;
/** What the last column gets at the least, however much the others would like. */
const LEAST_LAST = 12;

/** A table as text: the widths follow the content, the last column takes what is left. */
export function table(
  headings: readonly string[],
  rows: readonly (readonly string[])[],
  { below, paint }: TableOptions = {},
): string {
  const ui = cliui({ width: columns(), wrap: true });
  const shown = rows.map((row) => row.map(printable));
  const last = headings.length - 1;
  const widths = fitted(
    headings.map((heading, i) =>
      Math.min(WIDEST, Math.max(heading.length, ...shown.map((row) => row[i].length)) + GAP)
    ),
  );
  const line = (cells: readonly string[]) =>
    ui.div(
      ...cells.map((text, i) =>
        i === last ? { text } : { text, width: widths[i], padding: [0, GAP, 0, 0] }
      ),
    );
  line(headings.map((heading) => bold(heading)));
  for (const [i, row] of shown.entries()) {
    const painter = paint?.(i);
    line(painter ? row.map(painter) : row);
    for (const text of below?.(i) ?? []) {
      ui.div({ text: dim(printable(text)), padding: [0, 0, 0, INDENT] });
    }
  }
  return ui.toString().replace(/[ ]+$/gm, "");
}

/** A text on as many lines as it needs; those after the first begin as far right as `hang` says. */
export function wrapped(text: string, indent = 0, hang = indent): string {
  const ui = cliui({ width: columns() - hang, wrap: true });
  ui.div({ text: printable(text) });
  const laidOut: string = ui.toString();
  const [first, ...rest] = laidOut.replace(/[ ]+$/gm, "").split("\n");
  return [" ".repeat(indent) + first, ...rest.map((line) => " ".repeat(hang) + line)].join("\n");
}

/** Takes from the widest columns what the last one needs. */
function fitted(widths: readonly number[]): number[] {
  const fit = [...widths];
  const spare = () => columns() - LEAST_LAST - fit.slice(0, -1).reduce((sum, one) => sum + one, 0);
  while (spare() < 0) fit[fit.indexOf(Math.max(...fit.slice(0, -1)))]--;
  return fit;
}

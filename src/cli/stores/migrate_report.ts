/**
 * What `csc migrate` tells at its end.
 *
 * @module
 */

import { printable, shorten } from "../../domain/text.ts";
import { type Conflict, type Failure, type Report, sumOf } from "../../migrate/report.ts";
import { red } from "../../std/colors.ts";
import { print } from "../output.ts";
import { number } from "../progress.ts";
import { table, wrapped } from "../table.ts";

/** Between which stores, and whether it was only tried. */
export interface MigrationPlaces {
  readonly from: string;
  readonly to: string;
  readonly isDryRun: boolean;
}

/** As many lines as somebody reads; `--json` has all. */
const MOST_LINES = 30;
const CHECKSUM_CHARS = 16;

/** The report for programs. */
export function migrationJson(report: Report, { from, to, isDryRun }: MigrationPlaces) {
  const { scopes, conflicts, failures, left, verification, isInterrupted } = report;
  return {
    from,
    to,
    dry_run: isDryRun,
    interrupted: isInterrupted,
    keys: sumOf(scopes.map(({ counts }) => counts)),
    scopes: scopes.map(({ scope, counts }) => ({ scope, ...counts })),
    conflicts,
    failures,
    not_moved: left,
    verified: verification,
  };
}

/** Prints the report for people. */
export function printMigration(report: Report, places: MigrationPlaces): void {
  const { isDryRun, from, to } = places;
  print(`From ${printable(from)}\nto   ${printable(to)}\n`);
  if (isDryRun && report.scopes.length > 0) print(`${scopeTable(report)}\n`);
  print(wrapped(sentence(report, isDryRun)));
  const { left, conflicts, failures, verification } = report;
  const hasMissed = report.scopes.length === 0 && failures.length > 0;
  if (left.length > 0) {
    const scopes = count(left.length, "scope");
    print(wrapped(`Not moved: ${scopes} with what goes on now: sessions, locks, reservations.`));
  }
  listConflicts(conflicts);
  listFailures(failures);
  if (verification && !hasMissed) printVerification(verification);
  if (report.isInterrupted) {
    print(wrapped("Interrupted. Run the same command again: what is there already is left out."));
  } else if (verification?.ok && conflicts.length === 0 && failures.length === 0) {
    print(wrapped(
      "The source is as it was. Sessions use the target once 'storage' in the configuration names it.",
    ));
  }
}

function scopeTable({ scopes }: Report): string {
  const rows = scopes.slice(0, MOST_LINES).map(({ scope, counts }) => {
    const { moved, same, overwritten, conflict, expired, failed } = counts;
    const keys = moved + same + overwritten + conflict + expired + failed;
    return [...[keys, moved, same, overwritten + conflict].map(number), scope];
  });
  const rest = scopes.length - rows.length;
  const more = rest > 0 ? `\nand ${count(rest, "more scope")}: --json` : "";
  return table(["KEYS", "NEW", "SAME", "DIFFERENT", "SCOPE"], rows) + more;
}

function sentence({ scopes, failures }: Report, isDryRun: boolean): string {
  const { moved, same, overwritten, expired } = sumOf(scopes.map(({ counts }) => counts));
  if (scopes.length === 0) {
    return failures.length > 0 ? "Nothing was moved." : "There is nothing to move.";
  }
  const parts = [
    `${isDryRun ? "Would move" : "Moved"} ${count(moved, "key")} of ${
      count(scopes.length, "scope")
    }`,
    ...(overwritten > 0
      ? [`${isDryRun ? "would overwrite" : "overwrote"} ${count(overwritten, "key")}`]
      : []),
    ...(same > 0 ? [`${count(same, "key")} ${same === 1 ? "was" : "were"} there already`] : []),
    ...(expired > 0 ? [`${count(expired, "key")} ended meanwhile`] : []),
  ];
  return `${parts.join("; ")}.${isDryRun ? " Nothing was written." : ""}`;
}

function listConflicts(conflicts: readonly Conflict[]): void {
  if (conflicts.length === 0) return;
  const keys = count(conflicts.length, "key");
  const rest = conflicts.length === 1
    ? "differs and was left as it is"
    : "differ and were left as they are";
  print(red(`\nIn the target ${keys} ${rest}:`));
  listed(conflicts.map(({ scope, key, why }) => `${scope} ${key}: ${why}`));
  print("To replace them: --overwrite");
}

function listFailures(failures: readonly Failure[]): void {
  if (failures.length === 0) return;
  print(red("\nFailed:"));
  listed(
    failures.map(({ scope, key, message }) =>
      [scope, key].filter((part) => part !== null).join(" ") + (scope === null ? "" : ": ") +
      message
    ),
  );
}

function printVerification({ ok, keys, checksum, wrong }: NonNullable<Report["verification"]>) {
  const start = (text: string) => text.slice(0, CHECKSUM_CHARS);
  if (ok) {
    const same = `${count(keys.source, "key")} ${
      keys.source === 1 ? "is" : "are"
    } the same in both`;
    return print(wrapped(`Verified: ${same} (SHA-256 ${start(checksum.source)}…).`));
  }
  const [ours, theirs] = [keys.source, keys.target].map(number);
  print(red(`\nNot the same: ${ours} keys in the source, ${theirs} of them in the target;`));
  print(`SHA-256 ${start(checksum.source)}… and ${start(checksum.target)}…`);
  listed(wrong.map(({ scope, key, why }) => `${scope} ${key}: ${why}`));
  print(wrapped("Somebody wrote there meanwhile? Run the command again."));
}

function listed(lines: readonly string[]): void {
  for (const line of lines.slice(0, MOST_LINES)) print(`  ${shorten(printable(line), 400)}`);
  if (lines.length > MOST_LINES) print(`  and ${number(lines.length - MOST_LINES)} more: --json`);
}

function count(amount: number, what: string): string {
  return `${number(amount)} ${what}${amount === 1 ? "" : "s"}`;
}

/**
 * What processes did to leases, as they noted it: each appends a line to one file before and after
 * every operation, so that the order of lines is the order in time, without any clock.
 *
 * @module
 */

/** What a record showed. */
export interface Seen {
  readonly holder: string | null;
  readonly token: number;
  readonly renewedS: number;
  readonly ttlS: number;
  /** The grant before this one. */
  readonly ended: { readonly holder: string; readonly token: number; readonly why: string } | null;
}

/** What was asked. */
export type Asked =
  | { readonly op: "acquire" | "wait"; readonly key: string; readonly ttlS: number }
  | { readonly op: "renew"; readonly key: string; readonly token: number; readonly ttlS: number }
  | { readonly op: "release"; readonly key: string; readonly token: number }
  | {
    readonly op: "take over";
    readonly key: string;
    readonly token: number;
    readonly ttlS: number;
  }
  | { readonly op: "inspect"; readonly key: string }
  | {
    /** A fenced write of something that the lease guards. */
    readonly op: "write";
    readonly key: string;
    readonly token: number;
    /** The version that it replaces, or null where it looks at the fence only. */
    readonly expected: string | null;
    readonly item: string;
  };

/** What was answered. */
export interface Answer {
  readonly ok: boolean;
  /** Why not; `fence` or `version` for a write. */
  readonly why?: string;
  /** The holder had it already. */
  readonly extended?: boolean;
  /** The second that the lease's clock showed. */
  readonly s?: number;
  readonly record?: Seen;
  readonly version?: string;
}

/** A line of a history. */
export type Line =
  | {
    readonly is: "invoke";
    readonly who: string;
    readonly id: number;
    readonly atS: number;
    readonly asked: Asked;
  }
  | {
    readonly is: "return";
    readonly who: string;
    readonly id: number;
    readonly atS: number;
    readonly answer: Answer;
  }
  /** It is certain that nothing has happened. */
  | { readonly is: "fail"; readonly who: string; readonly id: number; readonly error: string }
  | { readonly is: "kill" | "gone"; readonly who: string };

/** An operation from its invocation to its return. Times are lines: a clock that cannot be wrong. */
export interface Operation {
  readonly who: string;
  readonly asked: Asked;
  readonly invoked: number;
  /** Infinity where it never returned: it has happened, or not. */
  readonly returned: number;
  /** By a clock that all processes share, in seconds; Infinity where it never returned. */
  readonly fromS: number;
  readonly untilS: number;
  readonly answer: Answer | null;
}

/** A process that was killed, between two lines. */
export interface Death {
  readonly who: string;
  readonly from: number;
  readonly until: number;
}

/** Everything that happened. */
export interface History {
  readonly operations: readonly Operation[];
  readonly deaths: readonly Death[];
}

/** Puts lines together. */
export function historyOf(lines: readonly Line[]): History {
  const open = new Map<string, Operation>();
  const operations: Operation[] = [];
  const deaths = new Map<string, Death>();
  for (const [at, line] of lines.entries()) {
    const { who } = line;
    switch (line.is) {
      case "invoke": {
        const { asked, atS: fromS } = line;
        const [returned, untilS] = [Infinity, Infinity];
        open.set(`${who} ${line.id}`, {
          ...{ who, asked, invoked: at, returned, fromS, untilS, answer: null },
        });
        break;
      }
      case "return": {
        const begun = take(open, `${who} ${line.id}`);
        operations.push({ ...begun, returned: at, untilS: line.atS, answer: line.answer });
        break;
      }
      case "fail":
        take(open, `${who} ${line.id}`);
        break;
      case "kill":
        deaths.set(who, { who, from: at, until: Infinity });
        break;
      case "gone":
        deaths.set(who, { ...deaths.get(who)!, until: at });
    }
  }
  operations.push(...open.values());
  operations.sort((one, other) => one.invoked - other.invoked);
  return { operations, deaths: [...deaths.values()] };
}

function take(open: Map<string, Operation>, id: string): Operation {
  const operation = open.get(id);
  if (!operation) throw new Error(`the history has an end without a beginning: ${id}`);
  open.delete(id);
  return operation;
}

/** The lines of a file. */
export function readLines(path: string): Line[] {
  const lines = Deno.readTextFileSync(path).split("\n");
  return lines.filter((line) => line !== "").map((line) => JSON.parse(line));
}

/** The operations on each lease by its name. */
export function byLease(operations: readonly Operation[]): Map<string, Operation[]> {
  return Map.groupBy(operations, ({ asked }) => asked.key);
}

/** An operation in words. */
export function inWords({ who, asked, answer, fromS, untilS }: Operation): string {
  const said = answer === null ? "?" : answer.ok ? "ok" : answer.why;
  const record = answer?.record;
  const seen = record ? ` (${record.holder ?? "nobody"}, token ${record.token})` : "";
  const { op, key } = asked;
  const token = "token" in asked ? ` with token ${asked.token}` : "";
  const time = `${fromS.toFixed(2)}-${untilS.toFixed(2)} s`;
  return `${who}: ${op} ${key}${token} -> ${said}${seen}, ${time}, s=${answer?.s}`;
}

import { byLease, type History, inWords, type Operation } from "./history.ts";

/** What an operation was granted anew, or null. */
export function grantOf({ who, asked, answer }: Operation): number | null {
  const mayGrant = asked.op === "acquire" || asked.op === "take over" || asked.op === "wait";
  const { ok, extended, record } = answer ?? { ok: false };
  return mayGrant && ok && !extended && record?.holder === who ? record.token : null;
}

/** Calls back at each beginning and end, in the order of time. */
function inTime(
  operations: readonly Operation[],
  begin: (operation: Operation) => void,
  end: (operation: Operation) => void,
): void {
  const moments = operations.flatMap((operation) => [
    { at: operation.invoked, tell: () => begin(operation) },
    { at: operation.returned, tell: () => end(operation) },
  ]);
  const told = moments.filter(({ at }) => at < Infinity).sort((one, other) => one.at - other.at);
  for (const { tell } of told) tell();
}

/**
 * Checks tokens: each new grant has a higher one than all that anybody knew when it was asked for,
 * each belongs to one holder, and nobody is shown one that is older than what was known before.
 */
export function checkTokens({ operations }: History): string[] {
  const faults: string[] = [];
  for (const own of byLease(operations).values()) {
    const holders = new Map<number, string>();
    const granted = new Set<number>();
    const known = new Map<Operation, number>();
    let highest = 0;
    const belongs = (token: number, holder: string, operation: Operation) => {
      const before = holders.get(token) ?? holder;
      holders.set(token, before);
      if (before !== holder) {
        faults.push(`token ${token} is ${before}'s, too: ${inWords(operation)}`);
      }
    };
    inTime(own, (operation) => known.set(operation, highest), (operation) => {
      const record = operation.answer?.record;
      if (!record) return;
      const token = grantOf(operation);
      const before = known.get(operation)!;
      // A turn may be known to others before the one to whom it was offered takes it up.
      const isOffer = token === before && holders.get(token) === operation.who;
      if (token !== null && token <= before && !isOffer) {
        faults.push(`a grant under ${token} after ${before}: ${inWords(operation)}`);
      }
      if (token !== null && granted.has(token)) {
        faults.push(`a second grant under ${token}: ${inWords(operation)}`);
      }
      if (token !== null) granted.add(token);
      if (record.token < before) faults.push(`${before} was known before: ${inWords(operation)}`);
      if (record.holder !== null) belongs(record.token, record.holder, operation);
      if (record.ended) belongs(record.ended.token, record.ended.holder, operation);
      highest = Math.max(highest, record.token);
    });
  }
  return faults;
}

/** Checks fenced writes: after one was accepted, none under a lower token is, and none is refused. */
export function checkFences({ operations }: History): string[] {
  const faults: string[] = [];
  for (const all of byLease(operations).values()) {
    const writes = all.filter(({ asked }) => asked.op === "write");
    const known = new Map<Operation, number>();
    let accepted = 0;
    let tried = 0;
    inTime(writes, (operation) => {
      known.set(operation, accepted);
      tried = Math.max(tried, tokenOf(operation));
    }, (operation) => {
      const { ok, why } = operation.answer!;
      const token = tokenOf(operation);
      if (ok && token < known.get(operation)!) {
        faults.push(`accepted after ${known.get(operation)}: ${inWords(operation)}`);
      }
      if (why === "fence" && tried <= token) {
        faults.push(`refused, and nobody had a higher token: ${inWords(operation)}`);
      }
      if (ok) accepted = Math.max(accepted, token);
    });
  }
  return faults;
}

function tokenOf({ asked }: Operation): number {
  return "token" in asked ? asked.token : 0;
}

/**
 * Checks a set that a lease guards: every update that was acknowledged is in it, none that was
 * refused is, and none twice. Writes that named no version replace, and are not looked for.
 *
 * @param items What each lease's set holds at last.
 */
export function checkUpdates(
  { operations }: History,
  items: ReadonlyMap<string, readonly string[]>,
): string[] {
  const faults: string[] = [];
  for (const [key, all] of byLease(operations)) {
    const found = items.get(key) ?? [];
    if (new Set(found).size < found.length) faults.push(`${key}: an update is there twice`);
    for (const operation of all) {
      const { asked, answer } = operation;
      if (asked.op !== "write" || answer === null || asked.expected === null) continue;
      const isThere = found.includes(asked.item);
      if (answer.ok && !isThere) faults.push(`an update was lost: ${inWords(operation)}`);
      if (!answer.ok && isThere) faults.push(`a refused update is there: ${inWords(operation)}`);
    }
  }
  return faults;
}

import { byLease, type History, inWords, type Operation } from "./history.ts";
import { grantOf } from "./tokens.ts";

/** The shared clock is read to a hundredth of a second, before and after. */
const SLACK_S = 0.02;
/** A grant may be found over this much later than its time: two clocks of whole seconds. */
const LATE_S = 2;

/** A grant, as its holder and the clock that all share saw it. */
interface Grant {
  readonly token: number;
  readonly by: Operation;
  /** What prolonged it, the grant itself first. */
  readonly prolonged: Operation[];
}

function grantsOf(operations: readonly Operation[]): Grant[] {
  const grants = operations.flatMap((by): Grant[] => {
    const token = grantOf(by);
    return token === null ? [] : [{ token, by, prolonged: [by] }];
  }).sort((one, other) => one.token - other.token);
  for (const operation of operations) {
    const { who, asked, answer } = operation;
    const isLonger = answer?.ok && (asked.op === "renew" || answer.extended);
    const grant = isLonger &&
      grants.find(({ token, by }) => token === answer.record!.token && by.who === who);
    if (grant) grant.prolonged.push(operation);
  }
  return grants;
}

/** Until when a grant was promised at the least: its time counts from before it was asked for. */
function promisedUntilS({ prolonged }: Grant): number {
  return Math.max(
    ...prolonged.map(({ fromS, asked }) => fromS + ("ttlS" in asked ? asked.ttlS : 0)),
  );
}

/**
 * Checks by a clock that is none of the lease's own that nobody is granted what another still has:
 * not before the time that was promised is over, unless that one has given it back, was taken over
 * from, or has died. Also that what is long over is refused to nobody.
 */
export function checkTakeOvers({ operations, deaths }: History): string[] {
  const faults: string[] = [];
  for (const own of byLease(operations).values()) {
    const grants = grantsOf(own);
    const takeOvers = own.filter(({ asked }) => asked.op === "take over");
    const releases = own.filter(({ asked }) => asked.op === "release");
    for (const [i, next] of grants.entries()) {
      const before = grants[i - 1];
      if (!before || before.by.who === next.by.who || next.by.asked.op === "take over") continue;
      const holder = before.by.who;
      // Also one that never returned may have ended it.
      const wasEnded = [...releases, ...takeOvers].some(({ asked, invoked, answer }) =>
        "token" in asked && asked.token === before.token && invoked < next.by.returned &&
        answer?.ok !== false
      );
      const hasDied = deaths.some(({ who, from }) => who === holder && from < next.by.returned);
      const untilS = promisedUntilS(before);
      if (!wasEnded && !hasDied && next.by.untilS < untilS - SLACK_S) {
        faults.push(
          `${holder} had it until ${untilS.toFixed(2)} s at the least: ${inWords(next.by)}`,
        );
      }
    }
    faults.push(...tooLate(own, grants));
  }
  return faults;
}

/** Refusals that name a holder whose grant has long been over. */
function tooLate(operations: readonly Operation[], grants: readonly Grant[]): string[] {
  const pending = new Set(operations.filter(({ answer }) => !answer).map(({ who }) => who));
  return operations.flatMap((operation) => {
    const { asked, answer, fromS } = operation;
    if (asked.op !== "acquire" || !answer || answer.ok || answer.why !== "held") return [];
    const { holder, token } = answer.record!;
    const grant = grants.find((one) => one.token === token);
    if (!grant || grant.by.who !== holder || pending.has(holder)) return [];
    const lastS = Math.max(
      ...grant.prolonged.filter(({ invoked }) => invoked < operation.returned)
        .map(({ untilS, asked }) => untilS + ("ttlS" in asked ? asked.ttlS : 0)),
    );
    if (fromS <= lastS + LATE_S + SLACK_S) return [];
    return [`it was over at ${lastS.toFixed(2)} s: ${inWords(operation)}`];
  });
}

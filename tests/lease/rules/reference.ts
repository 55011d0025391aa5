import type { EndReason } from "../../../src/lease/record.ts";

/** A grant, as simple as it gets. */
export interface Held {
  who: string;
  /** The first second in which it is over. */
  until: number;
  ttlS: number;
  offered: boolean;
  busy: boolean;
  uses: number;
  lentBy: string | null;
  /** Unknown until the lease has told it. */
  token: number;
}

interface Waits {
  who: string;
  until: number;
  turnS: number;
}

const parentOf = (who: string) => who.includes("/") ? who.split("/")[0] : null;
export const sessionOf = (who: string) => who.split("/")[0];

/** What a lease must do, written a second time and in another way: as something that changes. */
export class Reference {
  now = 1000;
  held: Held | null = null;
  queue: Waits[] = [];
  ended: { who: string; token: number; why: EndReason } | null = null;
  /** Whether there has been a new grant since this was last set to false. */
  isNewGrant = false;
  readonly dead = new Set<string>();
  #isRebooted = false;

  /** Ends and hands over what is due. */
  tick(): void {
    const isLost = this.#isRebooted;
    this.#isRebooted = false;
    this.queue = this.queue.filter(({ who, until }) =>
      until > this.now && !this.#isDead(who) && !isLost
    );
    const { held } = this;
    if (held && (this.#isDead(held.who) || this.now >= held.until || isLost)) {
      this.#end(this.#isDead(held.who) ? "dead" : "expired");
      const { lentBy } = held;
      if (lentBy && !this.#isDead(lentBy) && !isLost) return this.#passOn(held, lentBy);
    }
    const first = this.held ? undefined : this.queue.shift();
    if (first) this.#grant(first.who, first.turnS, { offered: true });
  }

  /** The host is started anew: nobody who held or waited is there any more. */
  reboot(now: number): void {
    this.now = now;
    this.#isRebooted = true;
  }

  acquire(
    who: string,
    ttlS: number,
    { busy = false, mayOverride = false, wait }: {
      busy?: boolean;
      mayOverride?: boolean;
      wait?: { forS: number; turnS: number };
    },
  ): string {
    const { held } = this;
    if (held?.who === who) {
      const said = held.offered ? "granted" : "extended";
      const until = this.now + ttlS + 1;
      held.until = held.offered ? until : Math.max(held.until, until);
      held.ttlS = held.until - this.now - 1;
      held.offered = false;
      held.busy ||= busy;
      return said;
    }
    const isLent = held !== null && held.who === parentOf(who) && !held.busy;
    if (held === null || isLent || (mayOverride && !held.offered)) {
      if (held) this.#end(isLent ? "lent" : "taken over");
      this.#grant(who, ttlS, {
        busy,
        uses: isLent ? held.uses : 0,
        lentBy: isLent ? held.who : null,
      });
      return "granted";
    }
    if (wait) {
      const until = this.now + wait.forS + 1;
      const known = this.queue.find((one) => one.who === who);
      if (known) Object.assign(known, { until, turnS: wait.turnS });
      else this.queue.push({ who, until, turnS: wait.turnS });
    }
    return "held";
  }

  renew(who: string, token: number, ttlS: number): string {
    const { held } = this;
    if (held?.who !== who || held.token !== token) return this.#loss(who, token);
    if (held.offered) return "extended";
    held.until = Math.max(held.until, this.now + ttlS + 1);
    held.ttlS = held.until - this.now - 1;
    return "extended";
  }

  release(who: string, token: number | undefined, to: string | undefined): string {
    const { held } = this;
    if (held?.who !== who || (token !== undefined && held.token !== token)) {
      return this.#loss(who, token);
    }
    this.#end("released");
    const heir = to ?? held.lentBy;
    if (heir) this.#passOn(held, heir);
    this.tick();
    return "granted";
  }

  takeOver(who: string, token: number, ttlS: number, onlyEnd: boolean): string {
    if (this.held === null) return "not held";
    if (this.held.token !== token) return "not owner";
    this.#end("taken over");
    if (onlyEnd) this.tick();
    else this.#grant(who, ttlS, {});
    return "granted";
  }

  leave(who: string): string {
    const before = this.queue.length;
    this.queue = this.queue.filter((one) => one.who !== who);
    return this.queue.length < before ? "granted" : "not held";
  }

  mark(who: string, isUsed: boolean): string {
    const { held } = this;
    if (held?.who !== who) return this.#loss(who);
    held.busy = false;
    if (isUsed) held.uses++;
    return "extended";
  }

  #isDead(who: string): boolean {
    return this.dead.has(sessionOf(who));
  }

  #loss(who: string, token?: number): string {
    const { ended } = this;
    if (ended?.who === who && (token === undefined || ended.token === token)) return ended.why;
    return this.held ? "not owner" : "not held";
  }

  #end(why: EndReason): void {
    const { who, token } = this.held!;
    this.ended = { who, token, why };
    this.held = null;
  }

  /** What a sub-agent had, with what was done with it. */
  #passOn({ ttlS, uses }: Held, heir: string): void {
    this.#grant(heir, ttlS, { uses });
  }

  #grant(who: string, ttlS: number, more: Partial<Held>): void {
    const until = this.now + ttlS + 1;
    this.isNewGrant = true;
    this.queue = this.queue.filter((one) => one.who !== who);
    this.held = {
      ...{ who, until, ttlS, offered: false, busy: false, uses: 0, lentBy: null, token: -1 },
      ...more,
    };
  }
}

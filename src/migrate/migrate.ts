/**
 * Moves the shared data of one store to another. What has been done is seen from the target alone, so
 * that it can be interrupted anywhere and begun again. The source is only read.
 *
 * @module
 */

import { messageOf } from "../domain/error.ts";
import { TokenFloor } from "../lease/token_floor.ts";
import type { StorageAdapter } from "../storage/adapter.ts";
import { readScope, timed } from "./content.ts";
import { copyKey, decide, type KeyOutcome, type KeyTask } from "./copy.ts";
import { highestToken } from "./highest_token.ts";
import { inParallel } from "./in_parallel.ts";
import { bookOf, kindOf } from "./kinds.ts";
import { patiently } from "./patience.ts";
import { type Conflict, type Failure, NO_COUNTS, type Report, type ScopeReport } from "./report.ts";
import { verify } from "./verify.ts";

/** How a migration is done. */
export interface MigrateOptions {
  /** Which scopes, as a glob over their full names; all by default. */
  readonly scope?: string;
  /** Only look, and write nothing. */
  readonly isDryRun: boolean;
  /** Replace what differs in the target. */
  readonly overwrite: boolean;
  /** Ends it: what has begun is finished. */
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: Progress) => void;
}

/** How far it is. */
export interface Progress {
  readonly step: "counting" | "moving" | "comparing";
  readonly done: number;
  /** Keys in all; 0 while they are being counted. */
  readonly total: number;
}

/** A store on the network answers 32 requests well within the time that each of them has. */
const SCOPES_AT_ONCE = 4;
const KEYS_AT_ONCE = 8;

/**
 * Moves data from one store to another.
 *
 * @throws {CoordinatorError} Where the source's scopes cannot be listed; everything else that fails is
 * in the report, and does not stop the rest.
 */
export async function migrate(
  from: StorageAdapter,
  to: StorageAdapter,
  options: MigrateOptions,
): Promise<Report> {
  return await new Migration(from, to, options).run();
}

class Migration {
  readonly #from: StorageAdapter;
  readonly #to: StorageAdapter;
  readonly #options: MigrateOptions;
  readonly #scopes: ScopeReport[] = [];
  readonly #conflicts: Conflict[] = [];
  readonly #failures: Failure[] = [];
  #done = 0;
  #total = 0;

  constructor(from: StorageAdapter, to: StorageAdapter, options: MigrateOptions) {
    this.#from = from;
    this.#to = to;
    this.#options = options;
  }

  async run(): Promise<Report> {
    const { scope, isDryRun, signal } = this.#options;
    const all = await patiently(() => this.#from.listScopes(scope));
    const data = all.filter((one) => kindOf(one) === "data");
    const left = all.filter((one) => kindOf(one) === "state");
    let isWhole = await this.#count(data);
    if (!isDryRun) isWhole &&= await this.#each(left, (one) => this.#keepTokensRising(one));
    isWhole &&= await this.#each(data, (one) => this.#moveScope(one));
    const verification = isWhole && !isDryRun ? await this.#verify() : null;
    return {
      scopes: this.#scopes.toSorted((one, other) => one.scope < other.scope ? -1 : 1),
      conflicts: this.#conflicts.toSorted(byName),
      failures: this.#failures,
      left,
      verification,
      isInterrupted: signal?.aborted === true && verification === null,
    };
  }

  /** Runs a step for each scope; what fails is noted, and the other scopes go on. */
  #each(scopes: readonly string[], step: (scope: string) => Promise<void>): Promise<boolean> {
    return inParallel(scopes, SCOPES_AT_ONCE, async (scope) => {
      try {
        await step(scope);
      } catch (error) {
        this.#failures.push({ scope, key: null, message: messageOf(error) });
      }
    }, this.#options.signal);
  }

  async #count(scopes: readonly string[]): Promise<boolean> {
    return await inParallel(scopes, SCOPES_AT_ONCE, async (scope) => {
      // What cannot be read is told when it is to be moved.
      const keys = await this.#from.listKeys(scope).catch(() => []);
      this.#total += keys.length;
      this.#tell("counting");
    }, this.#options.signal);
  }

  /** The records stay behind, the tokens that they have used do not. */
  async #keepTokensRising(scope: string): Promise<void> {
    const book = bookOf(scope);
    if (book === null) return;
    const records = await patiently(() => this.#from.retrieveAll(scope));
    await this.#raiseFloor(book, highestToken(records));
  }

  async #raiseFloor(book: string, token: number): Promise<void> {
    if (token > 0) await patiently(() => new TokenFloor(this.#to, book).raise(token));
  }

  async #moveScope(scope: string): Promise<void> {
    const { isDryRun, overwrite, signal } = this.#options;
    const source = await readScope(this.#from, scope);
    const target = await readScope(this.#to, scope);
    const book = bookOf(scope);
    if (book !== null && !isDryRun) await this.#raiseFloor(book, highestToken(source.entries));
    const counts = { ...NO_COUNTS };
    const move = async (key: string): Promise<KeyOutcome> => {
      const there = target.entries.get(key);
      const task: KeyTask = {
        scope,
        key,
        source: () => timed(source, source.entries.get(key)!),
        target: there ? timed(target, there) : null,
        overwrite,
      };
      return isDryRun ? decide(task) : await copyKey(this.#to, task);
    };
    await inParallel(source.entries.keys(), KEYS_AT_ONCE, async (key) => {
      try {
        const outcome = await move(key);
        counts[outcome.kind]++;
        if (outcome.kind === "conflict") this.#conflicts.push({ scope, key, why: outcome.why });
      } catch (error) {
        counts.failed++;
        this.#failures.push({ scope, key, message: messageOf(error) });
      }
      this.#done++;
      this.#tell("moving");
    }, signal);
    this.#scopes.push({ scope, counts });
  }

  /** Of what the source holds now: what came meanwhile is missed in the target. */
  async #verify() {
    this.#done = 0;
    const unread = new Set(this.#failures.flatMap(({ scope, key }) => key === null ? [scope] : []));
    const scopes = (await patiently(() => this.#from.listScopes(this.#options.scope)))
      .filter((scope) => kindOf(scope) === "data" && !unread.has(scope));
    return await verify(this.#from, this.#to, {
      scopes,
      conflicts: this.#conflicts,
      atOnce: SCOPES_AT_ONCE,
      signal: this.#options.signal,
      onCompared: (keys) => {
        this.#done += keys;
        this.#tell("comparing");
      },
      onFailure: (failure) => this.#failures.push(failure),
    });
  }

  #tell(step: Progress["step"]): void {
    const [done, total] = step === "counting" ? [this.#total, 0] : [this.#done, this.#total];
    this.#options.onProgress?.({ step, done, total });
  }
}

function byName(one: Conflict, other: Conflict): number {
  const [left, right] = [one, other].map(({ scope, key }) => JSON.stringify([scope, key]));
  return left < right ? -1 : 1;
}

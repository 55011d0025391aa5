/**
 * Who works on what: the seeds' resources `session://context` and `session://state/{id}`.
 *
 * @module
 */

import { isObject, type Json } from "../domain/json.ts";
import type { ProjectData, Stored } from "./data.ts";
import type { InstanceMap } from "./instance_names.ts";
import type { InstancePool } from "./instances.ts";
import { sessionScope } from "./names.ts";
import type { Session, SessionContext } from "./session.ts";

/** One session in the overview. What it stored is quoted with who stored it and when. */
export interface ActiveSession {
  readonly instance: string;
  readonly status: "taken" | "available";
  readonly current_issue: Json;
  readonly todo_count: number;
  readonly stored_by: string | null;
  readonly stored_at: string | null;
}

/** The resource `session://context`. */
export interface ContextView {
  readonly machine: string;
  readonly project: string;
  readonly instances: InstanceMap;
  readonly active_sessions: readonly ActiveSession[];
  readonly first_available: string | null;
  readonly instructions: {
    readonly if_not_signed_on: string;
    readonly if_signed_on: string;
    readonly when_done: string;
  };
  readonly current_session: SessionContext | null;
}

/** The resource `session://state/{id}`. */
export type StateView =
  | { readonly error: "Session not found or not active" }
  | {
    readonly instance: string;
    readonly current_issue: Json;
    readonly status: Json;
    readonly todos: Json;
    readonly last_updated: Json;
    /** Who stored each of these, and when. */
    readonly stored: Readonly<Record<string, { by: string | null; at: string | null }>>;
  };

/** What a session is asked to keep under its own scope (seed 002). */
const STATE_KEYS = ["current_issue", "status", "todos", "last_updated"] as const;

/** Reads what all sessions of a project on this machine are doing. */
export class Overview {
  readonly #machine: string;
  readonly #project: string;
  readonly #pool: InstancePool;
  readonly #data: ProjectData;
  readonly #session: Session | null;

  constructor(
    project: { machine: string; project: string },
    pool: InstancePool,
    data: ProjectData,
    session: Session | null,
  ) {
    this.#machine = project.machine;
    this.#project = project.project;
    this.#pool = pool;
    this.#data = data;
    this.#session = session;
  }

  /** The machine, the project, its instances and what is done where. */
  async context(): Promise<ContextView> {
    const { instances, firstAvailable } = await this.#pool.list();
    const sessions: ActiveSession[] = [];
    for (const [instance, status] of Object.entries(instances)) {
      const session = await this.#activeSession(instance, status);
      if (session) sessions.push(session);
    }
    return {
      machine: this.#machine,
      project: this.#project,
      instances,
      active_sessions: sessions,
      first_available: firstAvailable,
      instructions: {
        if_not_signed_on: "Call sign_on() to claim an instance",
        if_signed_on: "Use store_data/retrieve_data to work with session state",
        when_done: "Call sign_off() to release your instance",
      },
      current_session: this.#session?.context ?? null,
    };
  }

  /** What one session stored of its work. */
  async state(instance: string): Promise<StateView> {
    const found = await this.#data.retrieveAll(sessionScope(instance));
    if (found.size === 0) return { error: "Session not found or not active" };
    const latest = [...found.values()].map(({ storedAt }) => storedAt!).sort().at(-1)!;
    const value = (key: string) => found.get(key)?.value ?? null;
    const quoted = STATE_KEYS.flatMap((key) => {
      const stored = found.get(key);
      return stored ? [[key, { by: stored.author, at: stored.storedAt }] as const] : [];
    });
    return {
      instance,
      current_issue: value("current_issue"),
      status: value("status"),
      todos: value("todos"),
      last_updated: value("last_updated") ?? latest,
      stored: Object.fromEntries(quoted),
    };
  }

  /** The todos of a session that are not completed. */
  async incompleteTodos(instance: string): Promise<{ todos: Json[]; stored: Stored | null }> {
    const stored = await this.#data.retrieve(sessionScope(instance), "todos");
    return { todos: todosOf(stored?.value ?? null).filter((todo) => !isCompleted(todo)), stored };
  }

  async #activeSession(
    instance: string,
    status: "taken" | "available",
  ): Promise<ActiveSession | null> {
    const found = await this.#data.retrieveAll(sessionScope(instance));
    if (found.size === 0 && status === "available") return null;
    const issue = found.get("current_issue");
    const todos = found.get("todos");
    return {
      instance,
      status,
      current_issue: issue?.value ?? null,
      todo_count: todosOf(todos?.value ?? null).length,
      stored_by: (issue ?? todos)?.author ?? null,
      stored_at: (issue ?? todos)?.storedAt ?? null,
    };
  }
}

function todosOf(value: Json): Json[] {
  return Array.isArray(value) ? value : [];
}

function isCompleted(todo: Json): boolean {
  return isObject(todo) && todo.status === "completed";
}

/**
 * What a model was shown: read from the requests that the client sent for it.
 *
 * @module
 */

import { nameTag } from "./script.ts";

/** The answer to one call of a tool. */
export interface Result {
  readonly text: string;
  readonly isError: boolean;
}

// deno-lint-ignore no-explicit-any
type Block = any;

interface Message {
  readonly role: "user" | "assistant" | "system";
  readonly content: string | readonly Block[];
}

interface Logged {
  readonly url?: string;
  readonly session?: string;
  readonly body?: { readonly messages?: readonly Message[]; readonly system?: unknown };
}

/** What the models of one run were shown. */
export class Shown {
  readonly #path: string;

  /** @param path The log of the API that the run used. */
  constructor(path: string) {
    this.#path = path;
  }

  /**
   * The answers to a conversation's calls, in their order, as far as the model has seen them.
   *
   * @param name The script's name: a session's, a turn's or a sub-agent's.
   */
  results(name: string): Result[] {
    return this.#latest(name)
      .flatMap(({ content }) => typeof content === "string" ? [] : content)
      .filter(({ type }) => type === "tool_result")
      .map((block) => ({ text: textOf(block.content), isError: block.is_error === true }));
  }

  /** All that the model was told beside the answers to its calls, from its prompt on. */
  told(name: string): string {
    return this.#latest(name)
      .filter(({ role }) => role !== "assistant")
      .flatMap(({ content }) => typeof content === "string" ? [content] : content.map(toldIn))
      .join("\n");
  }

  /** All that a conversation's model has before it, what came before the prompt included. */
  context(name: string): string {
    const messages = this.#requests().findLast(({ body }) =>
      body?.messages?.some((message) => isPrompt(message, name))
    )?.body?.messages;
    return JSON.stringify(messages ?? []);
  }

  /** Everything that all models of the run were shown. */
  everything(): string {
    return this.#requests().map(({ body }) => JSON.stringify(body)).join("\n");
  }

  /** The ids of the sessions in whose name the client asked, in the order of their first request. */
  sessions(): string[] {
    return [...new Set(this.#requests().flatMap(({ session }) => session ?? []))];
  }

  /** The messages from a script's prompt on, of the last request that has it. */
  #latest(name: string): readonly Message[] {
    for (const { body } of this.#requests().reverse()) {
      const messages = body?.messages ?? [];
      const start = messages.findLastIndex((message) => isPrompt(message, name));
      if (start >= 0) return messages.slice(start);
    }
    return [];
  }

  #requests(): Logged[] {
    let text: string;
    try {
      text = Deno.readTextFileSync(this.#path);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return [];
      throw error;
    }
    // The last line may be being written.
    const lines = text.slice(0, text.lastIndexOf("\n") + 1).split("\n");
    return lines.filter((line) => line !== "").map((line) => JSON.parse(line) as Logged)
      .filter(({ url }) => url?.startsWith("/v1/messages"));
  }
}

function isPrompt({ role, content }: Message, name: string): boolean {
  if (role !== "user") return false;
  const blocks = typeof content === "string" ? [{ type: "text", text: content }] : content;
  // At its start: the prompt of a sub-agent stands in its parent's script as well.
  return blocks.some((block) => block.type === "text" && block.text.startsWith(nameTag(name)));
}

function toldIn(block: Block): string {
  return block.type === "text" ? block.text : "";
}

function textOf(content: string | readonly Block[] | undefined): string {
  if (content === undefined || typeof content === "string") return content ?? "";
  return content.map((block) => block.text ?? "").join("\n");
}

/**
 * A server with everything that MCP's official conformance suite asks of one, for running it through
 * our own host and our own transports: tools, resources and prompts of these very names and texts.
 * With `--stdio` as its argument it serves on standard input and output.
 */

import {
  CallToolRequestSchema,
  type CallToolResult,
  CompleteRequestSchema,
  CreateMessageResultSchema,
  ElicitResultSchema,
  GetPromptRequestSchema,
  type GetPromptResult,
  ListPromptsRequestSchema,
  ListResourcesRequestSchema,
  ListResourceTemplatesRequestSchema,
  ListToolsRequestSchema,
  ReadResourceRequestSchema,
  type ServerNotification,
  type ServerRequest,
  SubscribeRequestSchema,
  UnsubscribeRequestSchema,
} from "@modelcontextprotocol/sdk/types.js";
import type { RequestHandlerExtra } from "@modelcontextprotocol/sdk/shared/protocol.js";
import { Server } from "../../src/mcp/sdk.ts";
import { StdioTransport } from "../../src/mcp/stdio_transport.ts";

type Extra = RequestHandlerExtra<ServerRequest, ServerNotification>;
type Arguments = Record<string, unknown>;

/** One red pixel. */
const PNG =
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg==";
/** A WAV file without samples. */
const WAV = "UklGRiQAAABXQVZFZm10IBAAAAABAAEARKwAAIhYAQACABAAZGF0YQAAAAA=";

const IMAGE = { type: "image", data: PNG, mimeType: "image/png" } as const;
const text = (words: string) => ({ type: "text", text: words }) as const;
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

interface FixtureTool {
  readonly description: string;
  readonly args?: Record<string, object>;
  run(args: Arguments, extra: Extra): Promise<CallToolResult> | CallToolResult;
}

const says = (words: string): CallToolResult => ({ content: [text(words)] });

const TOOLS: Readonly<Record<string, FixtureTool>> = {
  test_simple_text: {
    description: "Answers a text",
    run: () => says("This is a simple text response for testing."),
  },
  test_image_content: { description: "Answers an image", run: () => ({ content: [IMAGE] }) },
  test_audio_content: {
    description: "Answers a sound",
    run: () => ({ content: [{ type: "audio", data: WAV, mimeType: "audio/wav" }] }),
  },
  test_embedded_resource: {
    description: "Answers a resource",
    run: () => ({
      content: [{
        type: "resource",
        resource: {
          uri: "test://embedded-resource",
          mimeType: "text/plain",
          text: "This is an embedded resource content.",
        },
      }],
    }),
  },
  test_multiple_content_types: {
    description: "Answers a text, an image and a resource",
    run: () => ({
      content: [text("Multiple content types test:"), IMAGE, {
        type: "resource",
        resource: {
          uri: "test://mixed-content-resource",
          mimeType: "application/json",
          text: '{"test":"data","value":123}',
        },
      }],
    }),
  },
  test_tool_with_logging: {
    description: "Logs what it does",
    async run(_args, { sendNotification }) {
      const words = ["Tool execution started", "Tool processing data", "Tool execution completed"];
      for (const [i, data] of words.entries()) {
        if (i > 0) await pause(50);
        await sendNotification({
          method: "notifications/message",
          params: { level: "info", data },
        });
      }
      return says("Logged three times.");
    },
  },
  test_tool_with_progress: {
    description: "Reports its progress",
    async run(_args, { sendNotification, _meta }) {
      const progressToken = _meta?.progressToken;
      for (const progress of [0, 50, 100]) {
        if (progress > 0) await pause(50);
        if (progressToken === undefined) continue;
        const params = { progressToken, progress, total: 100 };
        await sendNotification({ method: "notifications/progress", params });
      }
      return says("Done.");
    },
  },
  test_error_handling: {
    description: "Fails",
    run: () => ({ isError: true, ...says("This tool intentionally returns an error for testing") }),
  },
  test_sampling: {
    description: "Asks the client's model",
    args: { prompt: { type: "string" } },
    async run({ prompt }, { sendRequest }) {
      const { content } = await sendRequest({
        method: "sampling/createMessage",
        params: { messages: [{ role: "user", content: text(String(prompt)) }], maxTokens: 100 },
      }, CreateMessageResultSchema);
      const answer = Array.isArray(content) ? content[0] : content;
      return says(`LLM response: ${answer.type === "text" ? answer.text : answer.type}`);
    },
  },
  test_elicitation: {
    description: "Asks the user",
    args: { message: { type: "string" } },
    run: ({ message }, extra) =>
      ask(extra, "User response", String(message), {
        username: { type: "string", description: "User's response" },
        email: { type: "string", description: "User's email address" },
      }, ["username", "email"]),
  },
  test_elicitation_sep1034_defaults: {
    description: "Asks the user, with defaults",
    run: (_args, extra) =>
      ask(extra, "Elicitation completed", "Who are you?", {
        name: { type: "string", default: "John Doe" },
        age: { type: "integer", default: 30 },
        score: { type: "number", default: 95.5 },
        status: { type: "string", enum: ["active", "inactive", "pending"], default: "active" },
        verified: { type: "boolean", default: true },
      }),
  },
  test_elicitation_sep1330_enums: {
    description: "Asks the user to choose",
    run: (_args, extra) =>
      ask(extra, "Elicitation completed", "Choose", {
        untitledSingle: { type: "string", enum: OPTIONS },
        titledSingle: { type: "string", oneOf: titled("Option") },
        legacyEnum: {
          type: "string",
          enum: ["opt1", "opt2", "opt3"],
          enumNames: ["Option One", "Option Two", "Option Three"],
        },
        untitledMulti: { type: "array", items: { type: "string", enum: OPTIONS } },
        titledMulti: { type: "array", items: { anyOf: titled("Choice") } },
      }),
  },
  test_reconnection: {
    description: "Cuts the stream before it answers",
    async run(_args, { closeSSEStream }) {
      closeSSEStream?.();
      await pause(100);
      return says("Reconnected.");
    },
  },
};

const OPTIONS = ["option1", "option2", "option3"];

function titled(what: string) {
  return ["First", "Second", "Third"].map((word, i) => ({
    const: `value${i + 1}`,
    title: `${word} ${what}`,
  }));
}

async function ask(
  { sendRequest }: Extra,
  label: string,
  message: string,
  // deno-lint-ignore no-explicit-any -- schemas as the protocol has them
  properties: Record<string, any>,
  required?: string[],
): Promise<CallToolResult> {
  const requestedSchema = { type: "object" as const, properties, ...(required && { required }) };
  const { action, content } = await sendRequest(
    { method: "elicitation/create", params: { mode: "form", message, requestedSchema } },
    ElicitResultSchema,
  );
  return says(`${label}: action=${action}, content=${JSON.stringify(content ?? {})}`);
}

const RESOURCES = [
  { uri: "test://static-text", name: "Static text", mimeType: "text/plain" },
  { uri: "test://static-binary", name: "Static binary", mimeType: "image/png" },
  { uri: "test://watched-resource", name: "Watched", mimeType: "text/plain" },
].map((resource) => ({ ...resource, description: `${resource.name} for testing` }));

function read(uri: string) {
  const id = /^test:\/\/template\/(.+)\/data$/.exec(uri)?.[1];
  if (id !== undefined) {
    const data = JSON.stringify({ id, templateTest: true, data: `Data for ID: ${id}` });
    return { uri, mimeType: "application/json", text: data };
  }
  if (uri === "test://static-binary") return { uri, mimeType: "image/png", blob: PNG };
  if (uri === "test://static-text") {
    const words = "This is the content of the static text resource.";
    return { uri, mimeType: "text/plain", text: words };
  }
  if (uri === "test://watched-resource") return { uri, mimeType: "text/plain", text: "Watched." };
  throw new Error(`there is no ${uri}`);
}

interface FixturePrompt {
  readonly description: string;
  readonly args: readonly string[];
  messages(args: Record<string, string>): GetPromptResult["messages"][number]["content"][];
}

const PROMPTS: Readonly<Record<string, FixturePrompt>> = {
  test_simple_prompt: {
    description: "A prompt without arguments",
    args: [],
    messages: () => [text("This is a simple prompt for testing.")],
  },
  test_prompt_with_arguments: {
    description: "A prompt with two arguments",
    args: ["arg1", "arg2"],
    messages: ({ arg1, arg2 }) => [
      text(`Prompt with arguments: arg1='${arg1}', arg2='${arg2}'`),
    ],
  },
  test_prompt_with_embedded_resource: {
    description: "A prompt with a resource",
    args: ["resourceUri"],
    messages: ({ resourceUri }) => [{
      type: "resource",
      resource: {
        uri: resourceUri,
        mimeType: "text/plain",
        text: "Embedded resource content for testing.",
      },
    }, text("Please process the embedded resource above.")],
  },
  test_prompt_with_image: {
    description: "A prompt with an image",
    args: [],
    messages: () => [IMAGE, text("Please analyze the image above.")],
  },
};

/** Builds the server for one client. */
export function createFixture(): Server {
  const server = new Server({ name: "conformance-fixture", version: "1" }, {
    capabilities: {
      tools: {},
      resources: { subscribe: true },
      prompts: {},
      logging: {},
      completions: {},
    },
  });
  server.setRequestHandler(ListToolsRequestSchema, () => ({
    tools: Object.entries(TOOLS).map(([name, { description, args = {} }]) => ({
      name,
      description,
      inputSchema: { type: "object", properties: args, required: Object.keys(args) },
    })),
  }));
  server.setRequestHandler(CallToolRequestSchema, async ({ params }, extra) => {
    const tool = TOOLS[params.name];
    if (!tool) return { isError: true, ...says(`there is no tool ${params.name}`) };
    return await tool.run(params.arguments ?? {}, extra);
  });
  server.setRequestHandler(ListResourcesRequestSchema, () => ({ resources: RESOURCES }));
  server.setRequestHandler(ListResourceTemplatesRequestSchema, () => ({
    resourceTemplates: [{ uriTemplate: "test://template/{id}/data", name: "Template" }],
  }));
  server.setRequestHandler(ReadResourceRequestSchema, ({ params: { uri } }) => ({
    contents: [read(uri)],
  }));
  server.setRequestHandler(SubscribeRequestSchema, () => ({}));
  server.setRequestHandler(UnsubscribeRequestSchema, () => ({}));
  server.setRequestHandler(ListPromptsRequestSchema, () => ({
    prompts: Object.entries(PROMPTS).map(([name, { description, args }]) => ({
      name,
      description,
      arguments: args.map((arg) => ({ name: arg, required: true })),
    })),
  }));
  server.setRequestHandler(GetPromptRequestSchema, ({ params }) => {
    const prompt = PROMPTS[params.name];
    if (!prompt) throw new Error(`there is no prompt ${params.name}`);
    const contents = prompt.messages(params.arguments ?? {});
    return { messages: contents.map((content) => ({ role: "user", content })) };
  });
  server.setRequestHandler(CompleteRequestSchema, () => ({
    completion: { values: [], total: 0, hasMore: false },
  }));
  return server;
}

if (import.meta.main && Deno.args[0] === "--stdio") {
  const server = createFixture();
  server.onclose = () => Deno.exit(0);
  await server.connect(new StdioTransport());
}

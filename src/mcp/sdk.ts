/**
 * The one place where the MCP SDK is imported, so that moving to its next major version is a change
 * of this file. Version 1 speaks protocol revisions up to 2025-11-25.
 *
 * Low-level `Server` and not `McpServer`: we answer bad arguments in our own words.
 *
 * @module
 */

// The package maps its types wrongly for Deno; these lines name them.
// @ts-types="@modelcontextprotocol/sdk/server"
export { Server } from "@modelcontextprotocol/sdk/server/index.js";
export {
  CallToolRequestSchema,
  CompleteRequestSchema,
  ErrorCode,
  GetPromptRequestSchema,
  ListPromptsRequestSchema,
  ListResourcesRequestSchema,
  ListResourceTemplatesRequestSchema,
  ListToolsRequestSchema,
  McpError,
  ReadResourceRequestSchema,
  SubscribeRequestSchema,
  UnsubscribeRequestSchema,
} from "@modelcontextprotocol/sdk/types.js";
export type {
  CallToolResult,
  CompleteRequest,
  JSONRPCMessage,
  Prompt,
  Resource,
  ResourceTemplate,
  Tool,
  ToolAnnotations,
} from "@modelcontextprotocol/sdk/types.js";
export type { Transport } from "@modelcontextprotocol/sdk/shared/transport.js";

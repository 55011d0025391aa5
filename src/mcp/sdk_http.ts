/**
 * The SDK's transport over HTTP, beside {@linkcode ./sdk.ts}: apart, so that nobody but the host loads
 * it.
 *
 * @module
 */

// The package maps its types wrongly for Deno; this line names them.
// @ts-types="@modelcontextprotocol/sdk/server/webStandardStreamableHttp"
export { WebStandardStreamableHTTPServerTransport } from "@modelcontextprotocol/sdk/server/webStandardStreamableHttp.js";
export type { EventStore } from "@modelcontextprotocol/sdk/server/webStandardStreamableHttp.js";
export { isInitializeRequest, JSONRPCMessageSchema } from "@modelcontextprotocol/sdk/types.js";
export type { MessageExtraInfo } from "@modelcontextprotocol/sdk/types.js";
export type { AuthInfo } from "@modelcontextprotocol/sdk/server/auth/types.js";

import type { ToolDefinition } from "../tool.ts";
import { deleteData, deleteScope, listKeys, listScopes, retrieveData, storeData } from "./data.ts";
import { signOff, signOn } from "./session.ts";

/** The eight tools of seed 002, in the order in which they are listed. */
export const TOOLS: readonly ToolDefinition[] = [
  signOn,
  signOff,
  storeData,
  retrieveData,
  deleteData,
  listKeys,
  listScopes,
  deleteScope,
];

import type { ToolDefinition } from "../tool.ts";
import { deleteData, deleteScope, listKeys, listScopes, retrieveData, storeData } from "./data.ts";
import { acquireLock, checkLock, listLocks, releaseLock } from "./locks.ts";
import { healthCheck, heartbeat, registerSession, sessionStatus } from "./roster.ts";
import { signOff, signOn } from "./session.ts";

/** The eight tools of seed 002 and the eight of seed 004, in the order in which they are listed. */
export const TOOLS: readonly ToolDefinition[] = [
  signOn,
  signOff,
  storeData,
  retrieveData,
  deleteData,
  listKeys,
  listScopes,
  deleteScope,
  acquireLock,
  releaseLock,
  checkLock,
  listLocks,
  registerSession,
  heartbeat,
  sessionStatus,
  healthCheck,
];

/**
 * The store's contract, for those who bring a store of their own.
 *
 * @module
 */

export type {
  Change,
  DeleteResult,
  Entry,
  Json,
  RawNumber,
  Refusal,
  ServerInfo,
  StorageAdapter,
  StoreOptions,
  StorePlace,
  StoreResult,
  Version,
  Weakness,
  WriteConditions,
} from "./adapter.ts";
export { type AdapterContext, type AdapterFactory, registerAdapter } from "./registry.ts";
export type { ValueLimits } from "../domain/json.ts";
export { CoordinatorError, type ErrorCode } from "../domain/error.ts";

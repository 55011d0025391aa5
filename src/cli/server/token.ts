/**
 * `csc token`: who may use the server of this machine's user.
 *
 * @module
 */

import { findSetting, projectFolder } from "../../coordinator/setting.ts";
import { printable } from "../../domain/text.ts";
import { isValid, type TokenRecord, Tokens } from "../../http/tokens.ts";
import { tokensPath } from "../../http/tokens_path.ts";
import type { CommandLine } from "../command.ts";
import { print, printJson, printWarning } from "../output.ts";
import { table, wrapped } from "../table.ts";
import { ago, localTime, parseSpan, secondsSince } from "../time.ts";

/** How many words follow each action. */
const WORDS: Readonly<Record<string, number>> = { create: 0, list: 0, revoke: 1 };
/** What only one of the actions understands. */
const OF_CREATE = ["user", "tenant", "scope", "project", "machine", "expires"];

/** Runs `csc token`. */
export async function token(line: CommandLine): Promise<number> {
  const [action, id, ...others] = line.words;
  const count = action === undefined ? undefined : WORDS[action];
  if (count === undefined) {
    throw line.mistake(action ? `unknown action '${action}'` : "an action is missing");
  }
  const given = [id, ...others].filter((word) => word !== undefined).length;
  if (given !== count) throw line.mistake(`'${action}' with ${given} arguments`);
  const strange = OF_CREATE.find((name) => line.text(name) !== undefined);
  if (action !== "create" && strange !== undefined) {
    throw line.mistake(`--${strange} belongs to 'create'`);
  }
  const { loaded, baseFolder } = await findSetting(projectFolder(), line.text("config"));
  const tokens = new Tokens(tokensPath(loaded.config, baseFolder));
  switch (action) {
    case "create":
      return await create(tokens, line);
    case "list":
      return list(tokens, line);
    default:
      return await revoke(tokens, line, id);
  }
}

async function create(tokens: Tokens, line: CommandLine): Promise<number> {
  const user = line.text("user");
  if (user === undefined) throw line.mistake("--user is missing: whom the token is for");
  const span = line.text("expires");
  const forS = span === undefined ? undefined : parseSpan(span) ?? 0;
  if (forS === 0) throw line.mistake(`--expires '${span}' is no time such as 12h or 30d`);
  const scopes = line.all("scope").flatMap((list) => list.split(","));
  const { token, record } = await tokens.create({
    user,
    tenant: line.text("tenant"),
    scopes: scopes.length > 0 ? scopes.map((scope) => scope.trim()) : undefined,
    projects: line.all("project"),
    machines: line.all("machine"),
    forS,
  });
  if (line.has("json")) {
    printJson({ token, ...record });
    return 0;
  }
  print(token);
  printWarning(
    `It is shown this once only. ${record.user} sets CSC_TOKEN to it; ` +
      `\`csc token revoke ${record.id}\` ends it.`,
  );
  return 0;
}

function list(tokens: Tokens, line: CommandLine): number {
  const records = tokens.list();
  if (line.has("json")) {
    printJson(records);
    return 0;
  }
  if (records.length === 0) {
    print(wrapped("There are no tokens. `csc token create --user NAME` makes one."));
    return 0;
  }
  const rows = records.map((record) => [
    record.id,
    record.user,
    record.tenant,
    record.scopes.join(","),
    usedText(record.last_used_at),
    stateOf(record),
  ]);
  const below = (row: number) => limitsOf(records[row]);
  print(table(["ID", "USER", "TENANT", "SCOPES", "USED", "STATE"], rows, { below }));
  return 0;
}

/** Uses are noted to the hour: minutes would pretend to be known. */
function usedText(time: string | null): string {
  if (time === null) return "never";
  return secondsSince(time) < 3600 ? "within 1 h" : ago(time);
}

function stateOf(record: TokenRecord): string {
  if (record.revoked_at !== null) return "revoked";
  if (!isValid(record, Date.now())) return "expired";
  return record.expires_at === null ? "valid" : `until ${localTime(record.expires_at)}`;
}

function limitsOf({ projects, machines }: TokenRecord): string[] {
  return [
    ...(projects ? [`projects: ${projects.join(", ")}`] : []),
    ...(machines ? [`machines: ${machines.join(", ")}`] : []),
  ];
}

async function revoke(tokens: Tokens, line: CommandLine, id: string): Promise<number> {
  const record = await tokens.revoke(id);
  if (line.has("json")) printJson(record);
  else print(printable(`Revoked: ${record.id} of ${record.user}. It is refused from now on.`));
  return 0;
}

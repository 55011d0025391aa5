/**
 * The resources: what a session can read without changing anything, and without signing on.
 *
 * @module
 */

import { redact } from "../config/redact.ts";
import { knowledgeGraph } from "../coordinator/knowledge.ts";
import { sessionScope } from "../coordinator/names.ts";
import type { Workspace } from "../coordinator/workspace.ts";
import { CoordinatorError } from "../domain/error.ts";
import type { Json } from "../domain/json.ts";
import type { Resource, ResourceTemplate } from "./sdk.ts";

const MIME_TYPE = "application/json";

/** The overview of the project's sessions. */
export const CONTEXT_URI = "session://context";
/** Before an instance's name: what it stored of its work. */
export const STATE_URI = "session://state/";
/** Before scope and key, percent-encoded: one stored value. */
export const DATA_URI = "session://data/";
/** The store in use. */
export const STORAGE_URI = "session://storage-config";

/** Who works on what, holds what and waits for whom. */
export const GRAPH_URI = "session://graph";

/** The resources that are always there. */
export const FIXED_RESOURCES: readonly Resource[] = [
  {
    uri: CONTEXT_URI,
    name: "context",
    title: "Session context",
    description: "Machine, project, instances and what the other sessions are working on",
    mimeType: MIME_TYPE,
  },
  {
    uri: STORAGE_URI,
    name: "storage-config",
    title: "Storage configuration",
    description: "Which store is used and where the configuration comes from",
    mimeType: MIME_TYPE,
  },
  {
    uri: GRAPH_URI,
    name: "graph",
    title: "Knowledge graph",
    description: "Sessions, held files and locks, and how they depend on each other",
    mimeType: MIME_TYPE,
  },
];

/** The resources that need a name filled in. */
export const TEMPLATES: readonly ResourceTemplate[] = [
  {
    uriTemplate: `${STATE_URI}{id}`,
    name: "state",
    title: "Session state",
    description: "What one instance stored of its work: issue, status, todos",
    mimeType: MIME_TYPE,
  },
  {
    uriTemplate: `${DATA_URI}{scope}/{key}`,
    name: "data",
    title: "Stored value",
    description: "One value of this project, with who stored it and when",
    mimeType: MIME_TYPE,
  },
];

/** All resources there are now: the fixed ones, and one for each session that stored something. */
export async function listResources(workspace: Workspace): Promise<Resource[]> {
  const { active_sessions } = await workspace.overview.context();
  const states = active_sessions.map(({ instance }): Resource => ({
    uri: STATE_URI + instance,
    name: `state/${instance}`,
    title: `State of ${instance}`,
    mimeType: MIME_TYPE,
  }));
  return [...FIXED_RESOURCES, ...states];
}

/**
 * Reads a resource.
 *
 * @throws {CoordinatorError} `not_found` for an unknown URI.
 */
export async function readResource(uri: string, workspace: Workspace): Promise<Json> {
  if (uri === CONTEXT_URI) return toJson(await workspace.overview.context());
  if (uri === STORAGE_URI) return storageConfig(workspace);
  if (uri === GRAPH_URI) {
    const { repository, folder } = workspace.setting;
    return toJson(await knowledgeGraph(workspace.desk, repository?.worktree ?? folder));
  }
  if (uri.startsWith(STATE_URI)) {
    return toJson(await workspace.overview.state(decode(uri.slice(STATE_URI.length))));
  }
  const [scope, key, ...rest] = uri.startsWith(DATA_URI)
    ? uri.slice(DATA_URI.length).split("/")
    : [];
  if (scope && key && rest.length === 0) {
    const stored = await workspace.data.retrieve(decode(scope), decode(key));
    if (!stored) return { error: "Nothing is stored there" };
    return { value: stored.value, stored_by: stored.author, stored_at: stored.storedAt };
  }
  throw new CoordinatorError(
    "not_found",
    `There is no resource '${uri}'`,
    `Known are ${CONTEXT_URI}, ${STORAGE_URI}, ${GRAPH_URI}, ${STATE_URI}{id} and ${DATA_URI}{scope}/{key}.`,
  );
}

/** The URI that changes with a key of a session's scope, or null where none does. */
export function stateUriOf(scope: string, prefix: string): string | null {
  const own = `${prefix}:${sessionScope("")}`;
  return scope.startsWith(own) ? STATE_URI + scope.slice(own.length) : null;
}

function storageConfig({ setting, store, machine, project }: Workspace): Json {
  const { config, place } = setting.loaded;
  return toJson({
    adapter: config.storage.adapter,
    config: redact({ ...config.storage.config }),
    location: store.place.location,
    shared_by: store.place.reach,
    max_value_bytes: config.storage.max_value_bytes,
    config_file: place?.path ?? null,
    machine,
    project: project.id,
    project_found_by: project.foundBy,
  });
}

/** The value as plain JSON data. */
function toJson(value: object): Json {
  return value as Json;
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part; // a stray percent sign means itself
  }
}

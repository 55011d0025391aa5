/**
 * Which project a folder belongs to (seed 002): `owner/repo` from git's `origin` remote, else the
 * folder's name.
 *
 * @module
 */

import { basename } from "../os/path.ts";
import { printable } from "../domain/text.ts";
import { git } from "./git.ts";
import type { Repository } from "./repository.ts";

/** How a project is detected: `session.project_detection`. */
export type ProjectDetection = "git" | "directory";

/** What `git remote get-url` ends with where there is no such remote. */
const NO_SUCH_REMOTE = 2;

/** A project's id, and how it was found. */
export interface Project {
  /** `owner/repo`, or a folder's name; never empty, without `:`. */
  readonly id: string;
  /** For people. */
  readonly foundBy: string;
}

/**
 * Detects the project of a folder. Never fails: where git cannot tell within its time, the name of
 * the folder (of the main checkout, so that worktrees agree) serves.
 */
export async function detectProject(
  folder: string,
  repository: Repository | null,
  detection: ProjectDetection,
): Promise<Project> {
  if (detection === "directory") return named(folder, "the directory's name");
  if (!repository) return named(folder, "the directory's name, as there is no git repository");
  const main = repository.mainFolder;
  const answer = await git(["remote", "get-url", "origin"], repository.worktree);
  if (!answer.ok) {
    const why = answer.code === NO_SUCH_REMOTE ? "there is no remote 'origin'" : answer.why;
    return named(main, `the directory's name, as ${why}`);
  }
  const path = projectOfRemote(answer.text);
  if (path === null) return named(main, "the directory's name, as the remote's URL names none");
  return { id: idOf(path), foundBy: "the remote 'origin'" };
}

/**
 * The project in a remote's URL: the path of an `ssh:`, `https:` or other URL or of `host:path`, and
 * the last two names of a local path; `.git` off. Null where there is none.
 */
export function projectOfRemote(remote: string): string | null {
  const names = pathOfRemote(remote.trim())
    .replace(/[?#].*$/, "")
    .replace(/\.git\/*$/, "")
    .split(/[/\\]/)
    .filter((name) => name !== "" && name !== "." && name !== "..");
  const isLocal = isLocalPath(remote.trim());
  const path = (isLocal ? names.slice(-2) : names).join("/");
  return path === "" ? null : path;
}

function pathOfRemote(remote: string): string {
  if (isLocalPath(remote)) return remote.replace(/^file:\/\//, "");
  const url = /^[a-z][a-z0-9+.-]*:\/\/[^/]*(\/.*)?$/i.exec(remote);
  if (url) return url[1] ?? "";
  return remote.slice(hostColon(remote) + 1);
}

function isLocalPath(remote: string): boolean {
  if (/^file:/i.test(remote) || /^[A-Za-z]:[/\\]/.test(remote)) return true;
  const colon = hostColon(remote);
  const slash = remote.indexOf("/");
  return colon < 0 || (slash >= 0 && slash < colon);
}

/** Where the colon behind the host of `host:path` is; a host in brackets has colons of its own. */
function hostColon(remote: string): number {
  const bracket = /^[^:/]*\[[^\]/]*\]/.exec(remote)?.[0].length ?? 0;
  return remote.indexOf(":", bracket);
}

function named(folder: string, foundBy: string): Project {
  return { id: idOf(basename(folder).replace(/\.git$/, "")) || "project", foundBy };
}

/** Without what scopes use as a separator, and without what cannot be seen. */
function idOf(name: string): string {
  return printable(name).replaceAll(":", "-").slice(0, 200);
}

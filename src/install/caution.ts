/**
 * What may break an installation later, though it works now.
 *
 * @module
 */

import { isAbsolute, relative, resolve } from "../os/path.ts";
import type { Program } from "./hooks.ts";
import { homeFolder } from "./places.ts";

/** A danger, and what to do against it. */
export interface Caution {
  readonly message: string;
  readonly fix: string;
}

/** Dangers in where the program lies: an installation names it by its path. */
export function cautionsAbout(program: Program): Caution[] {
  const module = program.slice(1).find((word) => /^[a-z]+:/.test(word)); // Deno's main module
  if (module !== undefined && !module.startsWith("file:")) {
    return [{
      message: `csc runs from Deno's cache (${module}): once the cache is cleaned, hooks fail`,
      fix: "Install from the csc executable or from a checkout of its repository.",
    }];
  }
  const paths = [program[0], ...(module ? [decodeURIComponent(new URL(module).pathname)] : [])];
  const fleeting = paths.find(isFleeting);
  if (fleeting === undefined) return [];
  return [{
    message: `'${fleeting}' lies in a folder for temporary files: once it is gone, hooks fail`,
    fix: "Move it to a folder that stays, such as ~/.local/bin, and run `csc install` from there.",
  }];
}

/** Whether a path is one that somebody cleans up: temporary files, caches of package managers. */
function isFleeting(path: string): boolean {
  const named = ["TMPDIR", "TMP", "TEMP"].flatMap((name) => Deno.env.get(name) || []);
  const usual = ["/tmp", "/var/tmp", "/private/tmp", "/var/folders", "/private/var/folders"];
  const home = homeFolder();
  const folders = [...named, ...usual]
    .map(realPathOf)
    .filter((folder) => home === null || !contains(folder, realPathOf(home))); // all lies there then
  const real = realPathOf(path);
  return /[\\/](_npx|AppTranslocation)[\\/]/.test(real) ||
    folders.some((folder) => contains(folder, real));
}

function contains(folder: string, path: string): boolean {
  const way = relative(folder, path);
  return way !== "" && !way.startsWith("..") && !isAbsolute(way);
}

function realPathOf(path: string): string {
  try {
    return Deno.realPathSync(path);
  } catch {
    return resolve(path);
  }
}

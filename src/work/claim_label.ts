/**
 * How the claim of an issue is called: `NHL #167: Player landing page` (seed 004).
 *
 * @module
 */

/** What a claim is for. */
export interface ClaimLabel {
  readonly prefix: string;
  /** The issue, without `#`. */
  readonly issue: string;
  /** Empty where nobody gave it one. */
  readonly title: string;
}

/**
 * The prefix that a repository's name gives: its first word in capitals where that is short (`NHL` of
 * `nhl-api`), else the first letters of its words (`CPP` of `claude-power-pack`).
 *
 * @param project Such as `owner/repo`.
 */
export function prefixOf(project: string): string {
  const words = (project.split("/").at(-1) ?? "").split(/[^\p{L}\p{N}]+/u).filter(Boolean);
  const [first = ""] = words;
  const prefix = first.length >= 2 && first.length <= 4
    ? first
    : words.map((word) => word[0]).join("").slice(0, 4);
  return prefix.toUpperCase();
}

/** The label of a claim. */
export function labelText({ prefix, issue, title }: ClaimLabel): string {
  const name = /^\d+$/.test(issue) ? `#${issue}` : issue;
  return [prefix, name].filter(Boolean).join(" ") + (title ? `: ${title}` : "");
}

/** The title in a label of an issue; empty where there is none. */
export function titleIn(label: string, issue: string): string {
  const at = label.indexOf(`${issue}: `);
  return at < 0 ? "" : label.slice(at + issue.length + 2);
}

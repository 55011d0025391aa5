/**
 * The globs of scope patterns: `*` any run of characters (`:` and `/` included), `?` one character,
 * `[a-z]` one of a set, `[!a-z]` one outside it. Everything else, also a `[` that is never closed,
 * means itself. Case counts.
 *
 * @module
 */

/** Tells whether a whole text matches. */
export type Matcher = (text: string) => boolean;

type Token = { readonly star: true } | { readonly star: false; matches(char: string): boolean };

/**
 * Compiles a glob. Matching takes time linear in the text for each `*`: after a mismatch only the
 * last `*` is tried further on, so no pattern makes it explode.
 */
export function compileGlob(pattern: string): Matcher {
  const tokens = tokenize([...pattern]);
  return (text) => {
    const chars = [...text];
    let at = 0, token = 0, starToken = -1, starAt = 0;
    while (at < chars.length) {
      const current = tokens[token];
      if (current?.star) {
        starToken = token++;
        starAt = at;
      } else if (current?.matches(chars[at])) {
        token++;
        at++;
      } else if (starToken >= 0) {
        token = starToken + 1;
        at = ++starAt;
      } else {
        return false;
      }
    }
    while (tokens[token]?.star) token++;
    return token === tokens.length;
  };
}

/** A glob that matches exactly this text. */
export function escapeGlob(text: string): string {
  return text.replace(/[*?[]/g, "[$&]");
}

function tokenize(pattern: string[]): Token[] {
  const tokens: Token[] = [];
  for (let i = 0; i < pattern.length; i++) {
    const char = pattern[i];
    if (char === "*") {
      if (!tokens.at(-1)?.star) tokens.push({ star: true });
    } else if (char === "?") {
      tokens.push({ star: false, matches: () => true });
    } else {
      const set = char === "[" ? readSet(pattern, i) : null;
      if (set) i = set.end;
      tokens.push({ star: false, matches: set?.matches ?? ((other) => other === char) });
    }
  }
  return tokens;
}

/** Reads the set that opens at `start`, or null where it is never closed. */
function readSet(pattern: string[], start: number) {
  const negated = pattern[start + 1] === "!";
  const first = start + (negated ? 2 : 1);
  const end = pattern.indexOf("]", first + 1); // a "]" that comes first is a member
  if (end < 0) return null;
  const ranges: [string, string][] = [];
  for (let i = first; i < end; i++) {
    const isRange = pattern[i + 1] === "-" && i + 2 < end;
    ranges.push([pattern[i], pattern[isRange ? i + 2 : i]]);
    if (isRange) i += 2;
  }
  const members = joined(ranges);
  return { end, matches: (char: string) => negated !== holds(members, char.codePointAt(0)!) };
}

/** The ranges in their order, those that meet as one: however many there are, looking is quick. */
function joined(ranges: readonly [string, string][]): [low: number, high: number][] {
  const sorted = ranges
    .map(([low, high]): [number, number] => [low.codePointAt(0)!, high.codePointAt(0)!])
    .filter(([low, high]) => low <= high)
    .sort(([one], [other]) => one - other);
  const found: [number, number][] = [];
  for (const [low, high] of sorted) {
    const last = found.at(-1);
    if (last && low <= last[1] + 1) last[1] = Math.max(last[1], high);
    else found.push([low, high]);
  }
  return found;
}

function holds(ranges: readonly [low: number, high: number][], code: number): boolean {
  let [from, to] = [0, ranges.length];
  while (from < to) {
    const middle = (from + to) >> 1;
    if (ranges[middle][1] < code) from = middle + 1;
    else to = middle;
  }
  return from < ranges.length && ranges[from][0] <= code;
}

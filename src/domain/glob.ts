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
  const order = (char: string) => char.codePointAt(0)!;
  return {
    end,
    matches: (char: string) =>
      negated !==
        ranges.some(([low, high]) => order(low) <= order(char) && order(char) <= order(high)),
  };
}

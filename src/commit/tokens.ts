/**
 * Files as lists of lines, to the byte: whatever its encoding and line ends, a file is the same
 * bytes again after the way there and back.
 *
 * @module
 */

/** Stands before the lines of a file that exists; a file that does not has no lines at all. */
export const EXISTS = "\0exists";

/** Marks the content of a binary file, which is one line as a whole. */
const BINARY = "\0binary";

/**
 * The lines of a file, each byte a character. Lines are what stands between newlines, so the last
 * one is empty where the file ends with a newline.
 *
 * @param bytes The content; null where there is no file.
 */
export function tokensOf(bytes: Uint8Array | null): string[] {
  if (bytes === null) return [];
  const text = textOf(bytes);
  return bytes.includes(0) ? [EXISTS, BINARY + text] : [EXISTS, ...text.split("\n")];
}

/** The content that lines stand for; null where there is no file. */
export function bytesOf(tokens: readonly string[]): Uint8Array<ArrayBuffer> | null {
  const [first, ...lines] = tokens;
  if (first !== EXISTS) return null;
  const binary = lines.length === 1 && lines[0].startsWith(BINARY);
  const text = binary ? lines[0].slice(BINARY.length) : lines.join("\n");
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}

/** Whether the lines cannot be told apart as they are a binary file's, or mix one with another. */
export function isMixed(tokens: readonly string[]): boolean {
  const marks = tokens.filter((token) => token.startsWith("\0"));
  if (marks.length === 0) return tokens.length > 0;
  const [first, second] = marks;
  if (first !== EXISTS || tokens[0] !== EXISTS || marks.length > 2) return true;
  return second !== undefined && (!second.startsWith(BINARY) || tokens.length > 2);
}

/** Arguments a call can have are limited. */
const CHUNK = 8192;

function textOf(bytes: Uint8Array): string {
  const parts: string[] = [];
  for (let at = 0; at < bytes.length; at += CHUNK) {
    parts.push(String.fromCharCode(...bytes.subarray(at, at + CHUNK)));
  }
  return parts.join("");
}

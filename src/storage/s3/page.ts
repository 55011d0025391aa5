/**
 * The answers to `ListObjectsV2`.
 *
 * @module
 */

/** An object in a listing. */
export interface Listed {
  readonly name: string;
  /** Without quotes. */
  readonly etag: string;
  readonly bytes: number;
  /** When it was written, in milliseconds since 1970 by the server's clock. */
  readonly writtenAtMs: number;
}

/**
 * Reads a page, or answers null where it is none, or does not say where the next one starts. Its form is fixed and no object of ours has a name with characters that XML escapes,
 * so that this needs no parser of XML.
 */
export function readPage(xml: string): { objects: Listed[]; next: string | null } | null {
  if (!/<ListBucketResult[^]*<\/ListBucketResult>\s*$/.test(xml)) return null;
  const objects = [...xml.matchAll(/<Contents>(.*?)<\/Contents>/gs)].map(([, inner]): Listed => ({
    name: field(inner, "Key") ?? "",
    etag: (field(inner, "ETag") ?? "").replaceAll('"', ""),
    bytes: Number(field(inner, "Size")),
    writtenAtMs: Date.parse(field(inner, "LastModified") ?? ""),
  }));
  if (field(xml, "IsTruncated") !== "true") return { objects, next: null };
  const next = field(xml, "NextContinuationToken");
  return next === null ? null : { objects, next };
}

function field(xml: string, name: string): string | null {
  const [, text] = new RegExp(`<${name}>([^<]*)</${name}>`).exec(xml) ?? [];
  return text === undefined ? null : unescapeXml(text);
}

const ENTITIES: Readonly<Record<string, string>> = {
  lt: "<",
  gt: ">",
  amp: "&",
  quot: '"',
  apos: "'",
};

function unescapeXml(text: string): string {
  return text.replace(/&(?:#x([0-9a-f]+)|#(\d+)|(\w+));/gi, (all, hex, decimal, name) => {
    if (name !== undefined) return ENTITIES[name] ?? all;
    return String.fromCodePoint(hex ? parseInt(hex, 16) : Number(decimal));
  });
}

/**
 * Changes in a JSON text that leave everything else in it as it is: order, indentation, line ends and
 * the way that numbers and strings are written. Taking out what was added last leaves no trace, white
 * space in empty brackets aside.
 *
 * @module
 */

import type { Json } from "../domain/json.ts";
import { type JsonNode, type JsonPath, nodeAt, parseTree } from "./json_tree.ts";

/** Something on the way that is not of the kind that the edit needs; the message is its path. */
export class JsonKindFault extends Error {
  override readonly name = "JsonKindFault";
}

/**
 * Sets a member of an object; the objects on the way to it are made where they are missing.
 *
 * @throws {JsonFault} Where the text is not JSON.
 * @throws {JsonKindFault} Where something on the way is no object.
 */
export function setMember(text: string, path: readonly string[], value: Json): string {
  const root = parseTree(text);
  const there = nodeAt(root, path);
  if (there) {
    const written = render(value, text, indentAt(text, there.start), isInline(text, root));
    return replace(text, there.start, there.end, written);
  }
  let depth = path.length - 1;
  while (!nodeAt(root, path.slice(0, depth))) depth--;
  const parent = nodeAt(root, path.slice(0, depth))!;
  const inner = path.slice(depth + 1).reduceRight<Json>((made, key) => ({ [key]: made }), value);
  if (!parent.members) throw new JsonKindFault(path.slice(0, depth).join("."));
  const children = parent.members.map((member) => ({ start: member.start, end: member.value.end }));
  return addChild(text, parent, children, inner, path[depth]);
}

/**
 * Adds an item at the end of an array, which is made where it is missing.
 *
 * @throws {JsonFault} Where the text is not JSON.
 * @throws {JsonKindFault} Where something on the way is no object, or the value there no array.
 */
export function appendItem(text: string, path: readonly string[], value: Json): string {
  const node = nodeAt(parseTree(text), path);
  if (!node) return setMember(text, path, [value]);
  if (!node.items) throw new JsonKindFault(path.join("."));
  return addChild(text, node, node.items, value);
}

/** Takes a member or an item out; a text without it stays as it is. */
export function removeAt(text: string, path: JsonPath): string {
  const root = parseTree(text);
  const parent = nodeAt(root, path.slice(0, -1));
  const children = parent?.items ??
    parent?.members?.map(({ key, start, value }) => ({ key, start, end: value.end })) ?? [];
  const last = path.at(-1);
  const at = typeof last === "number"
    ? last
    : children.findLastIndex((child) => "key" in child && child.key === last);
  if (!children[at]) return text;
  if (children.length === 1) return replace(text, parent!.start + 1, parent!.end - 1, "");
  return at === children.length - 1
    ? replace(text, children[at - 1].end, children[at].end, "")
    : replace(text, children[at].start, children[at + 1].start, "");
}

interface Span {
  readonly start: number;
  readonly end: number;
}

/** Adds a member (with a key) or an item (without) behind the last one. */
function addChild(
  text: string,
  parent: JsonNode,
  children: readonly Span[],
  value: Json,
  key?: string,
): string {
  const last = children.at(-1);
  const isOnOneLine = last ? isInline(text, parent) : isInline(text, parseTree(text));
  const indent = last && !isOnOneLine
    ? indentAt(text, last.start)
    : indentAt(text, parent.start) + unitOf(text);
  const label = key === undefined ? "" : `${JSON.stringify(key)}:${isOnOneLine ? "" : " "}`;
  const child = label + render(value, text, indent, isOnOneLine);
  const start = isOnOneLine ? "" : newline(text) + indent;
  if (last) return replace(text, last.end, last.end, `,${start || gapBefore(text, last)}${child}`);
  const end = isOnOneLine ? "" : newline(text) + indentAt(text, parent.start);
  return replace(text, parent.start + 1, parent.end - 1, start + child + end);
}

/** A value as text, indented to where it will stand. */
function render(value: Json, text: string, indent: string, isOnOneLine: boolean): string {
  if (isOnOneLine) return JSON.stringify(value);
  return JSON.stringify(value, null, unitOf(text)).replaceAll("\n", newline(text) + indent);
}

/** Whether what the brackets hold stands on one line; for an empty text's sake, `{}` alone does not. */
function isInline(text: string, node: JsonNode): boolean {
  const isEmpty = (node.members ?? node.items)?.length === 0;
  return !isEmpty && !/[\r\n]/.test(text.slice(node.start, node.end));
}

/** The space between a comma and what follows it on the same line. */
function gapBefore(text: string, { start }: Span): string {
  return text[start - 1] === " " && text[start - 2] === "," ? " " : "";
}

/** The white space that starts the line. */
function indentAt(text: string, at: number): string {
  const line = text.slice(
    Math.max(text.lastIndexOf("\n", at - 1), text.lastIndexOf("\r", at - 1)) + 1,
    at,
  );
  return /^[ \t]*/.exec(line)![0];
}

/** One level of indentation: as the first indented line has it, else two spaces. */
function unitOf(text: string): string {
  return /[\r\n]([ \t]+)\S/.exec(text)?.[1] ?? "  ";
}

function newline(text: string): string {
  return text.includes("\r\n") ? "\r\n" : "\n";
}

function replace(text: string, start: number, end: number, by: string): string {
  return text.slice(0, start) + by + text.slice(end);
}

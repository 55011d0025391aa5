interface Schema {
  readonly type?: string | readonly string[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean | Schema;
  readonly items?: Schema;
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly Schema[];
}

const KNOWN = new Set([
  "type",
  "properties",
  "required",
  "additionalProperties",
  "items",
  "enum",
  "anyOf",
  "description",
]);

/** What of a value contradicts a JSON schema; a keyword that is not known here is a fault too. */
export function schemaFaults(schema: Schema, value: unknown, path = "$"): string[] {
  const faults = Object.keys(schema)
    .filter((keyword) => !KNOWN.has(keyword))
    .map((keyword) => `${path}: unknown keyword ${keyword}`);
  const types = schema.type === undefined ? [] : [schema.type].flat();
  if (types.length > 0 && !types.includes(typeOf(value))) faults.push(`${path}: ${typeOf(value)}`);
  if (schema.enum && !schema.enum.includes(value)) faults.push(`${path}: not in the enum`);
  if (schema.anyOf && !schema.anyOf.some((one) => schemaFaults(one, value, path).length === 0)) {
    faults.push(`${path}: none of anyOf`);
  }
  if (Array.isArray(value) && schema.items) {
    faults.push(...value.flatMap((item, i) => schemaFaults(schema.items!, item, `${path}[${i}]`)));
  }
  if (typeOf(value) !== "object") return faults;
  const object = value as Record<string, unknown>;
  for (const name of schema.required ?? []) {
    if (!Object.hasOwn(object, name)) faults.push(`${path}.${name}: missing`);
  }
  for (const [name, inner] of Object.entries(object)) {
    const known = schema.properties?.[name];
    if (known) faults.push(...schemaFaults(known, inner, `${path}.${name}`));
    else if (schema.additionalProperties === false) faults.push(`${path}.${name}: not allowed`);
  }
  return faults;
}

function typeOf(value: unknown): string {
  if (value === null) return "null";
  return Array.isArray(value) ? "array" : typeof value;
}

type JsonObject = Record<string, unknown>;

/** Merges objects key by key, later ones over earlier ones; lists are joined. Sorts dependencies. */
export function mergeJson(texts: readonly string[]): string {
  const merged = texts
    .map((text) => JSON.parse(text) as JsonObject)
    .reduce((base, addition) => mergeObjects(base, addition), {});
  for (const key of ['dependencies', 'devDependencies']) {
    const entries = merged[key];
    if (isObject(entries)) merged[key] = Object.fromEntries(Object.entries(entries).sort(byKey));
  }
  return `${JSON.stringify(merged, null, 2)}\n`;
}

function mergeObjects(base: JsonObject, addition: JsonObject): JsonObject {
  const merged: JsonObject = { ...base };
  for (const [key, value] of Object.entries(addition)) {
    const before = merged[key];
    if (isObject(before) && isObject(value)) merged[key] = mergeObjects(before, value);
    else if (Array.isArray(before) && Array.isArray(value))
      merged[key] = [...(before as unknown[]), ...(value as unknown[])];
    else merged[key] = value;
  }
  return merged;
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function byKey([a]: [string, unknown], [b]: [string, unknown]): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

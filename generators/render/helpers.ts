/** The only ways in which a value enters a template; each makes it harmless where it lands. */
export const helpers = { q, json, yaml, comment, name };

/** A TypeScript string literal, quoted as prettier would. */
function q(value: string): string {
  const body = json(value).slice(1, -1);
  const unescaped = body.replaceAll('\\"', '"');
  const singles = value.split("'").length;
  const doubles = value.split('"').length;
  if (singles > doubles) return `"${body}"`;
  return `'${unescaped.replaceAll("'", "\\'")}'`;
}

/** A JSON value; also safe inside script text, where U+2028 would end a line. */
function json(value: unknown): string {
  return JSON.stringify(value).replaceAll('\u2028', '\\u2028').replaceAll('\u2029', '\\u2029');
}

/** A YAML scalar: plain for simple words and paths, else quoted. */
function yaml(value: string): string {
  const reserved = /^(true|false|null|yes|no|on|off|y|n)$/i;
  // "#" after a letter begins no comment; what begins otherwise could be read as something else.
  const plain = /^(\.\/)?[A-Za-z]([A-Za-z0-9_./#-]*[A-Za-z0-9])?$/;
  return plain.test(value) && !reserved.test(value) ? value : json(value);
}

/** Text after `#` or `//`: one line, whatever was in it. */
function comment(value: string): string {
  return value.replace(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, ' ').trim();
}

/** A validated name or path, where quoting is impossible (identifiers, file names, prose). */
function name(value: string): string {
  if (/^[A-Za-z0-9_][A-Za-z0-9_./ -]*$/.test(value)) return value;
  throw new Error(`Not a name: ${JSON.stringify(value)}.`);
}

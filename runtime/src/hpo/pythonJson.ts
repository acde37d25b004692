const floatValue = Symbol('float');

/** A number to be written as Python writes a float: `4.0`, `1e-05`, `NaN`. */
export interface PyFloat {
  readonly [floatValue]: number;
}

/** Marks a number as one of Python's floats. */
export function pyFloat(value: number): PyFloat {
  return { [floatValue]: value };
}

/** Anything that {@link writePythonJson} can write. */
export type PythonJson =
  | PyFloat
  | string
  | number
  | boolean
  | null
  | readonly PythonJson[]
  | { readonly [key: string]: PythonJson | undefined };

/**
 * JSON as Python's `json.dumps` writes it: ASCII only, floats in Python's notation, NaN and
 * Infinity as bare tokens. `JSON.stringify` would turn those three into null, which Optuna reads
 * back as None.
 *
 * @param spaced `", "` and `": "` between items, Python's default; compact otherwise
 */
export function writePythonJson(value: PythonJson, spaced = false): string {
  if (value === null) return 'null';
  if (typeof value === 'number') {
    return Number.isSafeInteger(value) && !Object.is(value, -0)
      ? String(value)
      : pythonFloat(value);
  }
  if (typeof value === 'boolean') return value ? 'true' : 'false';
  if (typeof value === 'string') return pythonString(value);
  const comma = spaced ? ', ' : ',';
  if (isList(value)) return `[${value.map((item) => writePythonJson(item, spaced)).join(comma)}]`;
  if (floatValue in value) return pythonFloat(value[floatValue]);
  const colon = spaced ? ': ' : ':';
  const entries: string[] = [];
  for (const [key, item] of Object.entries(value)) {
    if (item !== undefined) entries.push(pythonString(key) + colon + writePythonJson(item, spaced));
  }
  return `{${entries.join(comma)}}`;
}

/** What reading the written text would give, without the text; shares no objects with `value`. */
export function throughPythonJson(value: PythonJson): unknown {
  if (value === null || typeof value !== 'object') return value;
  if (isList(value)) return value.map(throughPythonJson);
  if (floatValue in value) return value[floatValue];
  const copy: Record<string, unknown> = {};
  for (const key of Object.keys(value)) {
    const item = (value as Readonly<Record<string, PythonJson | undefined>>)[key];
    if (item !== undefined) copy[key] = throughPythonJson(item);
  }
  return copy;
}

/**
 * Reads JSON that may hold the bare tokens NaN, Infinity and -Infinity.
 * @throws SyntaxError when it is not JSON even so
 */
export function parsePythonJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (!text.includes('NaN') && !text.includes('Infinity')) throw error;
  }
  const mark = unusedLetter(text);
  const marked = text.replace(/"(?:[^"\\]|\\.)*"|-?Infinity|NaN/g, (token) =>
    token.startsWith('"') ? token : `"${mark}${token}"`,
  );
  return JSON.parse(marked, (_key, value: unknown) =>
    typeof value === 'string' && value.startsWith(mark) ? Number(value.slice(1)) : value,
  );
}

/** A letter of the private area that the text holds neither as it is nor escaped. */
function unusedLetter(text: string): string {
  const escapes = text.toLowerCase();
  let code = 0xe000;
  while (text.includes(String.fromCharCode(code)) || escapes.includes(`\\u${code.toString(16)}`)) {
    code++;
  }
  return String.fromCharCode(code);
}

/** `repr(float)`: the shortest digits that read back, an exponent below 1e-4 and from 1e16. */
export function pythonFloat(value: number): string {
  if (Number.isNaN(value)) return 'NaN';
  if (value === Infinity) return 'Infinity';
  if (value === -Infinity) return '-Infinity';
  const size = Math.abs(value);
  if (size >= 1e-4 && size < 1e16) {
    // JavaScript's notation is the same here, but for whole numbers.
    const text = String(value);
    return text.includes('.') ? text : `${text}.0`;
  }
  const sign = value < 0 || Object.is(value, -0) ? '-' : '';
  if (size === 0) return `${sign}0.0`;
  const [mantissa, power] = size.toExponential().split('e');
  const exponent = Number(power);
  const digits = String(Math.abs(exponent)).padStart(2, '0');
  return `${sign}${mantissa}e${exponent < 0 ? '-' : '+'}${digits}`;
}

function isList(value: object): value is readonly PythonJson[] {
  return Array.isArray(value);
}

function pythonString(text: string): string {
  if (!/[^ !#-[\]-~]/.test(text)) return `"${text}"`;
  // JSON.stringify leaves DEL and everything beyond ASCII as it is; Python escapes both.
  const escaped = JSON.stringify(text).replace(
    /[\u007f-\uffff]/g,
    (letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
  return escaped;
}

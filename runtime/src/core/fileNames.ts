/**
 * `name` as one file name that every file system accepts: separators, control characters and
 * what Windows forbids become `_`, so that a metric called `val/loss` never makes a folder.
 * At most 200 bytes; never empty, never hidden, never a device name such as `con`.
 */
export function sanitizeFileName(name: string): string {
  const replaced = name
    .replaceAll(forbidden, '_')
    .replace(/[. ]+$/, '')
    .replace(/^[. ]+/, (dots) => '_'.repeat(dots.length));
  const short = cutToBytes(replaced, 200);
  if (short === '') return '_';
  return deviceName.test(short) ? `_${short}` : short;
}

// Lone surrogates cannot be written as UTF-8: two such names would become one.
// eslint-disable-next-line no-control-regex -- control characters are the point
const forbidden = /[\u0000-\u001f\u007f/\\:*?"<>|]|\p{Surrogate}/gu;

const deviceName = /^(con|prn|aux|nul|com\d|lpt\d)(\.|$)/i;

function cutToBytes(text: string, limit: number): string {
  let bytes = 0;
  let result = '';
  for (const character of text) {
    bytes += Buffer.byteLength(character);
    if (bytes > limit) break;
    result += character;
  }
  return result;
}

import { UsageError } from '../../errors.ts';
import type { RandomAccessFile } from './randomAccessFile.ts';

/** A file inside an archive. */
export interface TarEntry {
  readonly name: string;
  readonly begin: number;
  readonly size: number;
}

const block = 512;

/**
 * The regular files of a tar archive, from its headers alone: ustar, pax and GNU long names.
 * @throws UsageError for compressed, foreign, damaged and truncated archives
 */
export function indexTar(file: RandomAccessFile): TarEntry[] {
  const entries: TarEntry[] = [];
  let at = 0;
  let longName: string | undefined;
  let pax = new Map<string, string>();
  refuseGzip(file);
  if (file.size < block) throw refuse(file, 0, file.size === 0 ? 'is empty' : 'is too short');
  while (at + block <= file.size) {
    const header = file.read(at, block);
    if (header[0] === 0 && header.every((byte) => byte === 0)) return entries;
    checkHeader(file, header, at);
    const size = Number(pax.get('size') ?? sizeOf(header));
    const begin = at + block;
    if (begin + size > file.size) {
      throw new UsageError(
        'ERR_DATA_TRUNCATED',
        `${file.path} is cut short: "${longName ?? nameOf(header)}" ends at byte ${begin + size}, the file at ${file.size}. Download or copy it again.`,
      );
    }
    const type = String.fromCharCode(header[156]);
    if (type === 'L') longName = textOf(file.read(begin, size));
    else if (type === 'x') pax = parsePax(file.read(begin, size));
    else if (type !== 'g') {
      if (type === '0' || type === '\0' || type === '7') {
        entries.push({ name: pax.get('path') ?? longName ?? nameOf(header), begin, size });
      }
      longName = undefined;
      pax = new Map();
    }
    at = begin + block * Math.ceil(size / block);
  }
  // Some writers leave out the empty blocks at the end; a rest that is no block is damage.
  if (at !== file.size) {
    throw new UsageError(
      'ERR_DATA_TRUNCATED',
      `${file.path} is cut short: it ends inside a header at byte ${file.size}. Download or copy it again.`,
    );
  }
  return entries;
}

function checkHeader(file: RandomAccessFile, header: Buffer, at: number): void {
  const stored = parseInt(textOf(header.subarray(148, 156)).trim(), 8);
  let sum = 0;
  for (let index = 0; index < block; index++) {
    sum += index >= 148 && index < 156 ? 32 : header[index];
  }
  if (sum === stored) return;
  if (at > 0) throw refuse(file, at, 'has a damaged header');
  throw refuse(file, at, `is no tar archive: it begins with ${header.toString('hex', 0, 8)},`);
}

function refuseGzip(file: RandomAccessFile): void {
  if (file.size < 2 || file.read(0, 2).readUInt16BE(0) !== 0x1f8b) return;
  throw new UsageError(
    'ERR_DATA_FORMAT',
    `${file.path} is compressed, so no sample in it can be found without unpacking all before it. Unpack it once: gunzip ${file.path}`,
  );
}

function refuse(file: RandomAccessFile, at: number, what: string): UsageError {
  return new UsageError('ERR_DATA_FORMAT', `${file.path} ${what} at byte ${at}.`);
}

function nameOf(header: Buffer): string {
  const name = textOf(header.subarray(0, 100));
  const prefix =
    header.toString('latin1', 257, 263) === 'ustar\0' ? textOf(header.subarray(345, 500)) : '';
  return prefix === '' ? name : `${prefix}/${name}`;
}

/** Octal text, or for large files a binary number. */
function sizeOf(header: Buffer): number {
  if ((header[124] & 0x80) === 0)
    return parseInt(textOf(header.subarray(124, 136)).trim() || '0', 8);
  return Number(header.readBigUInt64BE(128));
}

function textOf(bytes: Buffer): string {
  const end = bytes.indexOf(0);
  return bytes.toString('utf8', 0, end === -1 ? bytes.length : end);
}

/** Records `<length> <key>=<value>\n`. */
function parsePax(bytes: Buffer): Map<string, string> {
  const records = new Map<string, string>();
  let at = 0;
  while (at < bytes.length) {
    const space = bytes.indexOf(32, at);
    const length = Number(bytes.toString('latin1', at, space));
    if (space === -1 || !(length > 0)) break;
    const record = bytes.toString('utf8', space + 1, at + length - 1);
    const equals = record.indexOf('=');
    records.set(record.slice(0, equals), record.slice(equals + 1));
    at += length;
  }
  return records;
}

import { UsageError } from '../../errors.ts';
import type { ElementType } from './elementType.ts';
import type { RandomAccessFile } from './randomAccessFile.ts';

/** Where the values of a .npy file are and what they are. */
export interface NpyHeader {
  readonly type: ElementType;
  readonly bigEndian: boolean;
  readonly shape: readonly number[];
  /** Byte of the first value. */
  readonly begin: number;
}

const types: Readonly<Record<string, ElementType>> = {
  b1: 'bool',
  i1: 'int8',
  u1: 'uint8',
  i2: 'int16',
  u2: 'uint16',
  i4: 'int32',
  u4: 'uint32',
  i8: 'int64',
  u8: 'uint64',
  f2: 'float16',
  f4: 'float32',
  f8: 'float64',
};

/**
 * Header of a .npy file (versions 1 to 3), from its first bytes.
 * @param read gives the bytes from a position on
 * @throws UsageError for other files, Fortran order and types that are no numbers
 */
export function parseNpyHeader(
  path: string,
  read: (position: number, length: number) => Buffer,
): NpyHeader {
  const start = read(0, 12);
  if (start.toString('latin1', 0, 6) !== '\x93NUMPY') {
    throw problem(path, `is no .npy file: it begins with ${start.toString('hex', 0, 6)}`);
  }
  const version = start[6];
  if (version < 1 || version > 3) throw problem(path, `has the unknown version ${version}`);
  const begin = version === 1 ? 10 : 12;
  const length = version === 1 ? start.readUInt16LE(8) : start.readUInt32LE(8);
  // numpy's own limit is 10,000; a longer one means damaged bytes.
  if (length > 1_000_000) throw problem(path, `announces a header of ${length} bytes`);
  const text = read(begin, length).toString(version === 3 ? 'utf8' : 'latin1');
  const descr = /'descr':\s*'([<>|=])([a-zA-Z])(\d+)[^']*'/.exec(text);
  const type = descr === null ? undefined : types[descr[2] + descr[3]];
  if (descr === null || type === undefined) {
    const found = /'descr':\s*(\[.*?\]|'[^']*')/.exec(text)?.[1] ?? text.trim();
    throw problem(path, `holds ${found}; numbers are needed (${Object.keys(types).join(', ')})`);
  }
  const order = /'fortran_order':\s*(True|False)/.exec(text)?.[1];
  if (order !== 'False') {
    throw problem(
      path,
      'is in Fortran order. Save it again: numpy.save(path, numpy.ascontiguousarray(a))',
    );
  }
  const sizes = /'shape':\s*\(([\d\s,L]*)\)/.exec(text)?.[1];
  if (sizes === undefined) throw problem(path, `has no shape in its header: ${text.trim()}`);
  const shape = (sizes.match(/\d+/g) ?? []).map(Number);
  return { type, bigEndian: descr[1] === '>', shape, begin: begin + length };
}

/** Header of an open .npy file, whose size must be what the header promises. */
export function readNpyHeader(file: RandomAccessFile, bytesOf: (header: NpyHeader) => number) {
  const header = parseNpyHeader(file.path, (position, length) => file.read(position, length));
  const expected = header.begin + bytesOf(header);
  if (file.size !== expected) {
    throw new UsageError(
      'ERR_DATA_TRUNCATED',
      `${file.path} is ${file.size < expected ? 'cut short' : 'too long'}: its header promises [${header.shape.join(', ')}] values of type ${header.type}, ${expected} bytes in all; the file has ${file.size}.`,
    );
  }
  return header;
}

function problem(path: string, what: string): UsageError {
  return new UsageError('ERR_DATA_FORMAT', `${path} ${what}.`);
}

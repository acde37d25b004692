import type { ByteImage } from '../batchReader.ts';
import { pixelModule } from './pixelModule.ts';

/** Where a window of an image lies: it may stick out of it, and be mirrored. */
export interface PixelWindow {
  readonly top: number;
  readonly left: number;
  readonly mirrored: boolean;
}

/** Writes the image at `source[from]`, moved by a window, as floats to `out[to]`. */
export type PixelWriter = (
  source: Uint8Array,
  from: number,
  out: Float32Array,
  to: number,
  window?: PixelWindow,
) => void;

/**
 * Turns images of one size from bytes to floats.
 * @param tables byte -> value, one table of 256 a channel
 * @param fill value of pixels from outside the image, one a channel
 */
export function pixelWriter(
  image: Pick<ByteImage, 'height' | 'width' | 'channels'>,
  tables: Float32Array,
  fill: Float32Array = new Float32Array(image.channels),
): PixelWriter {
  const { height, width, channels } = image;
  const size = height * width * channels;
  let opened: Workspace | undefined;
  return (source, from, out, to, window) => {
    opened ??= openWorkspace(tables, size, channels);
    const { bytes, floats, start, forward, mirror } = opened;
    bytes.set(source.subarray(from, from + size), start);
    if (window === undefined) {
      forward(start, floats.byteOffset, height * width);
    } else {
      const { top, left, mirrored } = window;
      if (Math.abs(top) >= height || Math.abs(left) >= width) {
        fillPixels(floats, 0, size, fill);
      } else {
        // The whole image moves in one: what comes from neighbouring rows is filled afterwards.
        const moved = start + (top * width + left) * channels;
        if (mirrored) mirror(moved, floats.byteOffset, height, width);
        else forward(moved, floats.byteOffset, height * width);
        if (top !== 0 || left !== 0) fillEdges(floats, image, window, fill);
      }
    }
    out.set(floats, to);
  };
}

interface Workspace {
  /** All memory. */
  readonly bytes: Uint8Array;
  /** Where an image goes; as much memory before and after it may be read. */
  readonly start: number;
  /** The result. */
  readonly floats: Float32Array;
  readonly forward: (source: number, target: number, pixels: number) => void;
  readonly mirror: (source: number, target: number, rows: number, width: number) => void;
}

function openWorkspace(tables: Float32Array, size: number, channels: number): Workspace {
  const target = tables.byteLength;
  const start = target + 4 * size + size;
  const memory = new webAssembly.Memory({ initial: Math.ceil((start + 2 * size) / 65_536) });
  new Float32Array(memory.buffer).set(tables);
  const { exports } = new webAssembly.Instance(moduleFor(channels), { env: { memory } });
  const { forward, mirror } = exports as Pick<Workspace, 'forward' | 'mirror'>;
  return {
    bytes: new Uint8Array(memory.buffer),
    start,
    floats: new Float32Array(memory.buffer, target, size),
    forward,
    mirror,
  };
}

const modules = new Map<number, object>();

function moduleFor(channels: number): object {
  let module = modules.get(channels);
  if (module === undefined) {
    module = new webAssembly.Module(pixelModule(channels));
    modules.set(channels, module);
  }
  return module;
}

function fillEdges(
  out: Float32Array,
  { height, width, channels }: Pick<ByteImage, 'height' | 'width' | 'channels'>,
  { top, left, mirrored }: PixelWindow,
  fill: Float32Array,
): void {
  const row = width * channels;
  const above = Math.max(0, -top);
  const below = Math.min(height, height - top);
  fillPixels(out, 0, above * row, fill);
  fillPixels(out, below * row, out.length, fill);
  if (left === 0) return;
  // Mirrored, the columns change sides.
  const missing = Math.abs(left) * channels;
  const begin = left < 0 === mirrored ? row - missing : 0;
  for (let y = above; y < below; y++) {
    fillPixels(out, y * row + begin, y * row + begin + missing, fill);
  }
}

function fillPixels(out: Float32Array, start: number, end: number, fill: Float32Array): void {
  const channels = fill.length;
  for (let index = start, channel = 0; index < end; index++) {
    out[index] = fill[channel];
    if (++channel === channels) channel = 0;
  }
}

/** Node has it, but its types come only with the DOM library, which nothing else needs. */
interface WebAssemblyNamespace {
  readonly Memory: new (limits: { initial: number }) => { readonly buffer: ArrayBuffer };
  readonly Module: new (bytes: Uint8Array<ArrayBuffer>) => object;
  readonly Instance: new (
    module: object,
    imports: { env: { memory: object } },
  ) => { readonly exports: object };
}

const webAssembly = Reflect.get(globalThis, 'WebAssembly') as WebAssemblyNamespace;

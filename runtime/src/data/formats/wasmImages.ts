import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fromRgba, type Pixels } from './pixels.ts';

/** Decodes whole files of one format; the orientation in them is left alone. */
export type DecodePixels = (bytes: Uint8Array, grey: boolean) => Promise<Pixels>;

const require = createRequire(import.meta.url);

/** jpeg by WebAssembly. @throws when the package `@jsquash/jpeg` is not installed */
export async function openJpeg(): Promise<DecodePixels> {
  provideImageData();
  const { init, default: decode } = (await import('@jsquash/jpeg/decode.js')) as unknown as Codec;
  await init(compiled('@jsquash/jpeg/codec/dec/mozjpeg_dec.wasm'));
  return async (bytes, grey) => toPixels(await decode(bytes), grey);
}

/** png by WebAssembly. @throws when the package `@jsquash/png` is not installed */
export async function openPng(): Promise<DecodePixels> {
  provideImageData();
  const { init, default: decode } = (await import('@jsquash/png/decode.js')) as unknown as Codec;
  await init(compiled('@jsquash/png/codec/pkg/squoosh_png_bg.wasm'));
  return async (bytes, grey) => toPixels(await decode(bytes), grey);
}

/** By hand: the packages themselves would fetch it from a URL. */
function compiled(file: string): never {
  // Node has it, but its types come with those of browsers.
  const { WebAssembly } = globalThis as unknown as {
    WebAssembly: { Module: new (bytes: Uint8Array) => never };
  };
  return new WebAssembly.Module(readFileSync(require.resolve(file)));
}

/** Both packages' types are of a browser. */
interface Codec {
  readonly init: (module: never) => Promise<unknown>;
  readonly default: (bytes: Uint8Array) => Promise<Rgba>;
}

interface Rgba {
  readonly data: Uint8ClampedArray;
  readonly width: number;
  readonly height: number;
}

function toPixels({ data, width, height }: Rgba, grey: boolean): Pixels {
  return { data: fromRgba(data, width * height, grey), width, height, channels: grey ? 1 : 3 };
}

/** The browser class that the decoders return, which Node does not have. */
function provideImageData(): void {
  const scope = globalThis as { ImageData?: unknown };
  scope.ImageData ??= class {
    readonly data: Uint8ClampedArray;
    readonly width: number;
    readonly height: number;

    constructor(data: Uint8ClampedArray, width: number, height: number) {
      this.data = data;
      this.width = width;
      this.height = height;
    }
  };
}

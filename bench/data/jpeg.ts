import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DataLoader } from '../../runtime/dist/data/dataLoader.js';
import { ImageFolderDataset } from '../../runtime/dist/data/datasets/imageFolderDataset.js';

export const jpegFiles = 480;
export const jpegBatch = 16;
const side = 256;

/** A folder `jpegs` of images of 256 x 256, quality 90: waves with some grain, as large as photographs: 19 KB. */
export async function writeJpegs(): Promise<string> {
  const encode = await openEncoder();
  const root = mkdtempSync(join(tmpdir(), 'lightbox-jpegs-'));
  mkdirSync(join(root, 'jpegs'));
  for (let file = 0; file < jpegFiles; file++) {
    const data = new Uint8ClampedArray(4 * side * side);
    let noise = file + 1;
    for (let pixel = 0; pixel < side * side; pixel++) {
      const [x, y] = [pixel % side, Math.floor(pixel / side)];
      for (let channel = 0; channel < 3; channel++) {
        noise = (noise * 48271) % 2147483647;
        const wave = Math.sin((x * (file + 3)) / 90 + channel) + Math.cos((y * (file + 5)) / 70);
        data[4 * pixel + channel] = 128 + 50 * wave + (noise % 4) - 2;
      }
      data[4 * pixel + 3] = 255;
    }
    const encoded = await encode({ data, width: side, height: side }, { quality: 90 });
    writeFileSync(
      join(root, 'jpegs', `${String(file).padStart(3, '0')}.jpg`),
      Buffer.from(encoded),
    );
  }
  return root;
}

type Encode = (image: object, options: { quality: number }) => Promise<ArrayBuffer>;

/** By hand: the package itself would fetch its WebAssembly from a URL. */
async function openEncoder(): Promise<Encode> {
  const { init, default: encode } = await import('@jsquash/jpeg/encode.js');
  const wasm = createRequire(import.meta.url).resolve('@jsquash/jpeg/codec/enc/mozjpeg_enc.wasm');
  // Node has it, but its types come with those of browsers.
  const { WebAssembly } = globalThis as unknown as {
    WebAssembly: { Module: new (bytes: Uint8Array) => never };
  };
  await init(new WebAssembly.Module(readFileSync(wasm)));
  return encode;
}

/** Decodes the images of a folder into batches of bytes. */
export function openJpegs(root: string, numWorkers: number): DataLoader {
  const dataset = new ImageFolderDataset({ path: root, scale: false });
  return new DataLoader({ dataset, batchSize: jpegBatch, numWorkers, prefetch: 2, dropLast: true });
}

import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { writeFileAtomic } from '../core/atomicFile.ts';
import { sanitizeFileName } from '../core/fileNames.ts';

/** Where a picture belongs. */
export interface MediaPlace {
  /** Folder of the run. */
  readonly dir: string;
  /** `media/val_inputs/x`: folders below it. */
  readonly key: string;
  readonly step: number;
  readonly extension: string;
}

/** Writes `<dir>/<key>/step=<step>.<extension>` and returns its path. */
export async function writeMedia(place: MediaPlace, bytes: Uint8Array): Promise<string> {
  const folders = place.key.split('/').map(sanitizeFileName);
  const name = sanitizeFileName(`step=${String(place.step)}.${place.extension}`);
  const path = join(place.dir, ...folders, name);
  await mkdir(dirname(path), { recursive: true });
  await writeFileAtomic(path, bytes);
  return path;
}

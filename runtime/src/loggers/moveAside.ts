import * as fs from 'node:fs/promises';
import { basename, dirname, extname, join } from 'node:path';

/** Where a resumed run goes on in a file of one row a line. */
export interface ResumePoint {
  /** Updates done; 0 starts anew. */
  readonly step: number;
  /** Rows written when the checkpoint was taken, when that is known. */
  readonly rows: number | null;
}

/**
 * Cuts the file at `path` back to `point`: rows after it, and a last row that was only half
 * written, go to a new file beside it (`metrics.after-step-120.jsonl`), so that nothing is lost.
 * Rows of the point's own step stay, unless the number of rows says otherwise.
 * @param stepOf a line's step; null for a line that is no row
 * @returns the path of the new file, or null when there was nothing to move
 */
export async function moveAside(
  path: string,
  point: ResumePoint,
  stepOf: (line: string) => number | null,
): Promise<string | null> {
  const content = await readIfThere(path);
  const keep = keptBytes(content, point, stepOf);
  if (keep === content.length) return null;
  const backup = await writeBeside(path, `after-step-${point.step}`, content.subarray(keep));
  await fs.truncate(path, keep);
  return backup;
}

const newline = 10;

function keptBytes(
  content: Buffer,
  { step, rows }: ResumePoint,
  stepOf: (line: string) => number | null,
): number {
  if (rows !== null) {
    const end = endOfLine(content, rows);
    if (end !== null) return end;
  }
  if (step === 0) return 0;
  let end = content.lastIndexOf(newline) + 1;
  while (end > 0) {
    const begin = end > 1 ? content.lastIndexOf(newline, end - 2) + 1 : 0;
    const found = stepOf(content.toString('utf8', begin, end - 1));
    if (found !== null && found <= step) return end;
    end = begin;
  }
  return 0;
}

// Null when the file has fewer lines.
function endOfLine(content: Buffer, lines: number): number | null {
  let end = 0;
  for (let line = 0; line < lines; line++) {
    const at = content.indexOf(newline, end);
    if (at === -1) return null;
    end = at + 1;
  }
  return end;
}

async function readIfThere(path: string): Promise<Buffer> {
  try {
    return await fs.readFile(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return Buffer.alloc(0);
    throw error;
  }
}

async function writeBeside(path: string, mark: string, content: Uint8Array): Promise<string> {
  const extension = extname(path);
  const stem = basename(path, extension);
  for (let count = 1; ; count++) {
    const suffix = count === 1 ? mark : `${mark}-${count}`;
    const backup = join(dirname(path), `${stem}.${suffix}${extension}`);
    try {
      await fs.writeFile(backup, content, { flag: 'wx', flush: true });
      return backup;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
  }
}

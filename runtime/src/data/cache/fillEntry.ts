import * as fs from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { syncFolder, writeFileAtomic } from '../../core/atomicFile.ts';
import { formatVersion } from './cacheKey.ts';
import {
  checksum,
  decodeBlocks,
  encodeBlocks,
  entryFile,
  tableBytes,
  type Block,
  type Manifest,
} from './entryFiles.ts';
import { encodeSamples, layoutOf, type SampleLayout } from './sampleCodec.ts';

/** The file operations of filling; tests replace them to make a disk fail. */
export interface FillFiles {
  open(path: string, flags: string): Promise<FileHandle>;
}

export interface FillRequest {
  readonly folder: string;
  readonly about: Pick<Manifest, 'key' | 'name' | 'source' | 'transform' | 'project'>;
  readonly samples: number;
  /** Makes sample `id`. */
  readonly make: (id: number) => unknown;
  /** Called once the size is known, before anything large is written. */
  readonly reserve: (bytes: number) => void;
  /** Samples on disk so far; throws to stop between two blocks, which keeps what is finished. */
  readonly progress: (samples: number) => void;
  readonly files?: FillFiles | undefined;
}

/** About the size of a block: large enough to be read fast, small enough to be made again. */
const blockBytes = 256 * 1024;

/** How samples are laid out; kept beside an unfinished entry so that it can be gone on with. */
interface Plan {
  readonly format: number;
  readonly layout: SampleLayout;
  readonly rowsPerBlock: number;
}

/**
 * Fills an entry, going on after the last whole block of an earlier attempt. The caller holds the
 * entry's lock. The manifest comes last: without it there is no entry.
 */
export async function fillEntry(request: FillRequest): Promise<void> {
  const { folder } = request;
  const begun = await readPlan(folder);
  const first = await request.make(0);
  let plan = begun ?? planFor(first);
  request.reserve(expectedBytes(first, plan, request.samples));
  if (begun === undefined) await begin(folder, plan);
  let blocks = await writeBlocks(request, plan);
  if (blocks === undefined) {
    // A sample of another size: all of them get sizes of their own.
    plan = { ...plan, layout: { kind: 'variable' } };
    await begin(folder, plan);
    blocks = (await writeBlocks(request, plan)) ?? [];
  }
  await publish(request, plan, blocks);
}

/** Removes what an attempt to fill has written. */
export async function dropUnfinished(folder: string): Promise<void> {
  for (const name of [entryFile.part, entryFile.tablePart, entryFile.filling]) {
    await fs.rm(join(folder, name), { force: true });
  }
}

/** The samples that an unfinished entry has on disk. */
export async function finishedSamples(folder: string): Promise<number> {
  const plan = await readPlan(folder);
  const table = await fs.stat(join(folder, entryFile.tablePart)).catch(() => undefined);
  if (plan === undefined || table === undefined) return 0;
  return Math.floor(table.size / tableBytes(1)) * plan.rowsPerBlock;
}

async function readPlan(folder: string): Promise<Plan | undefined> {
  try {
    const plan = JSON.parse(await fs.readFile(join(folder, entryFile.filling), 'utf8')) as Plan;
    return plan.format === formatVersion ? plan : undefined;
  } catch {
    return undefined;
  }
}

function planFor(first: unknown): Plan {
  const layout = layoutOf(first);
  const size = encodeSamples([first], layout)?.length ?? blockBytes;
  const rowsPerBlock = Math.max(1, Math.min(8192, Math.floor(blockBytes / size)));
  return { format: formatVersion, layout, rowsPerBlock };
}

function expectedBytes(first: unknown, { layout, rowsPerBlock }: Plan, samples: number): number {
  const size = encodeSamples([first], layout)?.length ?? 0;
  return size * samples + tableBytes(Math.ceil(samples / rowsPerBlock));
}

async function begin(folder: string, plan: Plan): Promise<void> {
  await dropUnfinished(folder);
  await writeFileAtomic(join(folder, entryFile.filling), JSON.stringify(plan));
}

/** @returns the blocks, or undefined when a sample does not have the layout of the plan */
async function writeBlocks(request: FillRequest, plan: Plan): Promise<Block[] | undefined> {
  const { folder, samples, files = fs } = request;
  const { layout, rowsPerBlock } = plan;
  const data = await openForUpdate(join(folder, entryFile.part), files);
  const table = await openForUpdate(join(folder, entryFile.tablePart), files);
  try {
    const blocks = await wholeBlocks(data, table);
    request.progress(Math.min(samples, blocks.length * rowsPerBlock));
    for (let from = blocks.length * rowsPerBlock; from < samples; from += rowsPerBlock) {
      const to = Math.min(samples, from + rowsPerBlock);
      const bytes = encodeSamples(await makeSamples(request.make, from, to), layout);
      if (bytes === undefined) return undefined;
      const last = blocks.at(-1);
      const offset = last === undefined ? 0 : last.offset + last.length;
      const block = { offset, length: bytes.length, crc: checksum(bytes) };
      await writeFully(data, bytes, offset);
      await writeFully(table, encodeBlocks([block]), tableBytes(blocks.length));
      blocks.push(block);
      request.progress(to);
    }
    const end = blocks.reduce((sum, { length }) => sum + length, 0);
    await data.truncate(end);
    await writeFully(data, encodeBlocks(blocks), end);
    await data.sync();
    return blocks;
  } finally {
    await data.close();
    await table.close();
  }
}

/** The samples of a block; all of a source that answers later are asked for at once. */
export async function makeSamples(
  make: (id: number) => unknown,
  from: number,
  to: number,
): Promise<unknown[]> {
  return Promise.all(Array.from({ length: to - from }, (_, index) => make(from + index)));
}

/** Blocks of an earlier attempt up to the first that is not what its table says. */
async function wholeBlocks(data: FileHandle, table: FileHandle): Promise<Block[]> {
  const listed = decodeBlocks(await table.readFile());
  const whole: Block[] = [];
  let end = 0;
  for (const block of listed) {
    if (block.offset !== end) break;
    const bytes = Buffer.alloc(block.length);
    const { bytesRead } = await data.read(bytes, 0, block.length, block.offset);
    if (bytesRead !== block.length || checksum(bytes) !== block.crc) break;
    whole.push(block);
    end += block.length;
  }
  return whole;
}

async function publish(request: FillRequest, plan: Plan, blocks: readonly Block[]): Promise<void> {
  const { folder, about, samples } = request;
  await fs.rename(join(folder, entryFile.part), join(folder, entryFile.data));
  await syncFolder(folder);
  const manifest: Manifest = {
    format: formatVersion,
    ...about,
    created: new Date().toISOString(),
    samples,
    layout: plan.layout,
    rowsPerBlock: plan.rowsPerBlock,
    blocks: blocks.length,
    dataBytes: blocks.reduce((sum, { length }) => sum + length, 0),
    tableCrc: checksum(encodeBlocks(blocks)),
  };
  await writeFileAtomic(join(folder, entryFile.manifest), `${JSON.stringify(manifest, null, 2)}\n`);
  await dropUnfinished(folder);
}

async function openForUpdate(path: string, files: FillFiles): Promise<FileHandle> {
  // Made here, opened for reading and writing: 'a+' would ignore positions.
  await (await files.open(path, 'a')).close();
  return files.open(path, 'r+');
}

async function writeFully(file: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < bytes.length;) {
    const { bytesWritten } = await file.write(bytes, done, bytes.length - done, position + done);
    done += bytesWritten;
  }
}

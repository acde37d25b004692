import * as fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Makes each operation on checkpoint files of this process take `milliseconds` longer and tells
 * before it begins, so that a kill can be aimed between any two.
 */
export function slowCheckpointFiles(milliseconds: number, told: () => void): void {
  const slow = async (path: string): Promise<void> => {
    if (!path.includes('/checkpoints')) return;
    told();
    await sleep(milliseconds);
  };
  const { open, rename, unlink, link } = fs.promises;
  fs.promises.open = (async (path: string, ...rest: []) => {
    await slow(path);
    const handle = await open(path, ...rest);
    if (!path.includes('.part-')) return handle;
    const [write, sync] = [handle.write.bind(handle), handle.sync.bind(handle)];
    return Object.assign(handle, {
      write: async (...values: unknown[]) => {
        await slow(path);
        return (write as (...parts: unknown[]) => Promise<unknown>)(...values);
      },
      sync: async () => {
        await slow(path);
        await sync();
      },
    });
  }) as typeof open;
  fs.promises.rename = async (from, to) => {
    await slow(String(to));
    await rename(from, to);
  };
  fs.promises.link = async (from, to) => {
    await slow(String(to));
    await link(from, to);
  };
  fs.promises.unlink = async (path) => {
    await slow(String(path));
    await unlink(path);
  };
  syncBuiltinESMExports();
}

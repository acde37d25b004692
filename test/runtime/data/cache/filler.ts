import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { CachedDataset } from '../../../../runtime/src/data/cache/cachedDataset.ts';
import { Rows } from './sources.ts';

// A process that fills a cache, so many milliseconds a block; prints how many samples it made.
// With `wait` it says when it is ready and begins at a byte on its input.
const [folder, count, pause, wait] = process.argv.slice(2);
const rows = new Rows(Number(count));
let made = 0;
const slow = {
  length: rows.length,
  fingerprint: rows.fingerprint,
  columns: rows.columns,
  get: async (index: number) => {
    // The samples of a block are asked for together; one of them takes the time of all.
    if (index % 63 === 0 && index > 0) await sleep(Number(pause));
    made++;
    return rows.get(index);
  },
};
if (wait === 'wait') {
  process.stdout.write('ready\n');
  await once(process.stdin, 'data');
  process.stdin.destroy();
}
const dataset = new CachedDataset(slow, { folder, name: 'slow' });
await dataset.prepare({
  line: (text) => void process.stdout.write(`${text}\n`),
  progress: ({ done }) => void process.stdout.write(`done ${String(done)}\n`),
});
const last = (await dataset.get(rows.length - 1)) as { label: number };
process.stdout.write(`made ${String(made)} label ${String(last.label)}\n`);

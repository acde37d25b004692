import { createHash } from 'node:crypto';
import { appendFileSync, existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { loaderState, restoreLoader, type LoaderState } from '../../runtime/src/data/index.ts';
import { digest } from '../runtime/data/batches.ts';
import { openMixture } from './mixture.ts';

// Consumes batches from the saved position on and may be killed at any moment.
// Arguments: folder, end position, workers, prefetch, planted (0 or 1), pause a batch in ms.
const [folder, ...rest] = process.argv.slice(2);
const [end, numWorkers, prefetch, planted, pause] = rest.map(Number);
const saved = `${folder}/state.json`;
const loader = openMixture({
  numWorkers,
  prefetch,
  planted: planted === 1,
}).trainDataloader();

let t = existsSync(saved)
  ? restoreLoader(loader, JSON.parse(readFileSync(saved, 'utf8')) as LoaderState)
  : 0;
while (t < end) {
  for await (const batch of loader.iterate(t)) {
    if (t >= end) break;
    const hash = createHash('sha256').update(digest(batch)).digest('hex');
    appendFileSync(`${folder}/batches.txt`, `${t} ${hash}\n`);
    t += batch.size;
    writeFileSync(`${saved}.tmp`, JSON.stringify(loaderState(loader, t)));
    renameSync(`${saved}.tmp`, saved);
    if (pause > 0) await sleep(pause);
  }
}
await loader.dispose?.();

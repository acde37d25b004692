import { createHash } from 'node:crypto';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  CompileCallback,
  EarlyStopping,
  EMA,
  ModelCheckpoint,
} from '../../runtime/src/callbacks/index.ts';
import { newestGood } from '../../runtime/src/checkpoint/index.ts';
import type { Callback } from '../../runtime/src/core/callback.ts';
import { Rng, withKeyedRandom } from '../../runtime/src/random/index.ts';
import { Trainer } from '../../runtime/src/trainer/trainer.ts';
import { silenceTfBanner } from '../runtime/trainer/silenceTfBanner.ts';
import { openDigits } from './digits.ts';
import { DigitGan } from './digitGan.ts';
import { DigitNet } from './digitNet.ts';
import type { Phase } from './phases.ts';
import { slowCheckpointFiles } from './slowFiles.ts';

silenceTfBanner();

// Trains from the newest good checkpoint of its folder on, tells its parent what it is doing, and
// may be killed at any moment. At the end it writes the hash of all weights and averages.
// Arguments: folder, loader threads, planted (0 or 1: a random key that no checkpoint restores),
// class of the module.
const [folder, workers, planted, name] = process.argv.slice(2);
const runDir = join(folder, name, 'version_0');

/** Tells the parent; a moment of rest lets a signal arrive in between. */
class Announcer implements Callback {
  readonly id = 'announcer';

  async onTrainBatchEnd(context: Parameters<NonNullable<Callback['onTrainBatchEnd']>>[0]) {
    const { batches, updates } = context.counters;
    await tell(
      batches.completed % accumulated === 0 ? 'update' : 'accumulation',
      updates.completed,
    );
  }

  async onValidationBatchEnd(context: Parameters<NonNullable<Callback['onTrainBatchEnd']>>[0]) {
    await tell('validation', context.counters.updates.completed);
  }
}

// Each operation on a file takes a moment, so that kills also come between any two of them.
slowCheckpointFiles(4, () => process.send?.({ phase: 'saving', update: -1 }));

async function tell(phase: Phase, update: number): Promise<void> {
  process.send?.({ phase, update });
  await new Promise((resolve) => setTimeout(resolve, 2));
}

const accumulated = 3;
const ema = new EMA({ decay: 0.9 });
const Net = name === 'DigitGan' ? DigitGan : DigitNet;
const module = withKeyedRandom(Rng.fromSeed(42), () => new Net(planted === '1'));
const newest = await newestGood(join(runDir, 'checkpoints')).catch(() => undefined);
// Killed before anything was saved, it begins anew.
if (newest === undefined) rmSync(runDir, { recursive: true, force: true });
const trainer = new Trainer({
  maxEpochs: 3,
  accelerator: 'ort',
  threads: 1,
  accumulateGradBatches: accumulated,
  gradientClipVal: name === 'DigitGan' ? null : 1,
  valCheckInterval: '4 updates',
  logEveryNSteps: 1,
  defaultRootDir: folder,
  enableProgressBar: false,
  enableModelSummary: false,
  callbacks: [
    ema,
    new CompileCallback(),
    new EarlyStopping({ monitor: 'val/loss', patience: 4 }),
    new ModelCheckpoint({ monitor: 'val/loss', saveTopK: 2, saveLast: true }),
    new ModelCheckpoint({ id: 'often', every: '1 updates', saveTopK: 1, saveLast: false }),
    new Announcer(),
  ],
});
await trainer.fit({
  module,
  dataModule: openDigits(Number(workers)),
  ckptPath: newest?.checkpoint.path ?? null,
});
const hash = createHash('sha256');
for (const { variable } of module.parameters()) hash.update(Float32Array.from(variable.dataSync()));
for (const { data } of ema.stateTensors()) {
  hash.update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
}
writeFileSync(join(folder, 'weights.txt'), hash.digest('hex'));
process.disconnect?.();

import { createHash } from 'node:crypto';
import { appendFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { newestGood } from '../../runtime/src/checkpoint/index.ts';
import type { Callback } from '../../runtime/src/core/callback.ts';
import type { TrainerContext } from '../../runtime/src/core/trainerContext.ts';
import * as tf from '../../runtime/src/engine/tf.ts';
import { TinyModule } from '../../runtime/src/testing/index.ts';
import { Trainer } from '../../runtime/src/trainer/trainer.ts';
import { silenceTfBanner } from '../runtime/trainer/silenceTfBanner.ts';
import { openMixture } from './mixture.ts';

silenceTfBanner();

// Trains on the mixture, saving now and then, from the newest checkpoint of its folder on; may be
// killed at any moment. At the end it writes the hash of all weights.
// Arguments: folder, workers, prefetch, planted (0 or 1), pause after a batch in ms.
const [folder, ...rest] = process.argv.slice(2);
const [numWorkers, prefetch, planted, pause] = rest.map(Number);
const checkpoints = join(folder, 'checkpoints');
const saveEvery = 7;

/** Every field that the mixture, its augmentation and the dropout of modalities decide is an input. */
class Mixed extends TinyModule {
  constructor() {
    super({ inputs: 15, hidden: 8, dropout: 0.2, lr: 0.02 });
  }

  override trainingStep(batch: unknown): tf.Scalar {
    const { rgb, depth, noise, rgb_mask, depth_mask } = batch as Record<string, tf.Tensor>;
    const column = (tensor: tf.Tensor): tf.Tensor2D => tf.reshape(tensor, [-1, 1]);
    const x = tf.concat([tf.div(rgb, 1e4), column(noise), column(rgb_mask), column(depth_mask)], 1);
    const y = tf.div(column(depth), 1e4);
    return super.trainingStep({ x, y });
  }
}

class Save implements Callback {
  readonly saving = true;

  async onTrainBatchEnd(context: TrainerContext): Promise<void> {
    const { completed } = context.counters.batches;
    if (completed % saveEvery === 0) {
      await context.saveCheckpoint(join(checkpoints, `batch-${completed}`));
      appendFileSync(join(folder, 'progress.txt'), `${completed}\n`);
    }
    if (pause > 0) await new Promise((resolve) => setTimeout(resolve, pause));
  }
}

const module = new Mixed();
const newest = await newestGood(checkpoints).catch(() => undefined);
const trainer = new Trainer({
  maxEpochs: 2,
  accelerator: 'cpu',
  defaultRootDir: folder,
  enableProgressBar: false,
  enableModelSummary: false,
  enableCheckpointing: false,
  logger: false,
  callbacks: [new Save()],
});
await trainer.fit({
  module,
  dataModule: openMixture({ numWorkers, prefetch, planted: planted === 1 }),
  ckptPath: newest?.checkpoint.path ?? null,
});
const hash = createHash('sha256');
for (const { variable } of module.parameters()) hash.update(Float32Array.from(variable.dataSync()));
writeFileSync(join(folder, 'weights.txt'), hash.digest('hex'));

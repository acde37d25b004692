import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { packSamples, hostSamples, unpackSamples } from '../callbacks/media/hostSamples.ts';
import { readCheckpoint } from '../checkpoint/index.ts';
import { writeCheckpoint } from '../checkpoint/writeCheckpoint.ts';
import { disposeBatch, toTensors } from '../core/batch.ts';
import { isPlainObject, type Json } from '../core/json.ts';
import type { TrainModule } from '../core/trainModule.ts';
import { messageOf, UsageError } from '../errors.ts';
import { Rng, withKeyedRandom } from '../random/index.ts';
import { buildModule } from '../core/buildModule.ts';
import { detectAnomaly } from './loops/detectAnomaly.ts';
import { checkedLoss } from './loops/losses.ts';
import type { ComputedStep } from './loops/nanGuard.ts';
import { restoreWeights } from './restoreState.ts';
import { latestValues } from './results.ts';
import type { Run } from './run.ts';
import { packageVersions } from './versions.ts';

/** What decides a step beside weights and batch. */
interface StepFacts {
  readonly seed: number;
  /** Batches before it, over all epochs: the position of its random numbers. */
  readonly batches: number;
  readonly round: string;
  readonly index: number;
  readonly loss: string;
  readonly batch: Json;
}

/** Writes everything that a training step was computed from; returns the path. */
export async function dumpStep(
  run: Run,
  { round, loss, batch, index }: ComputedStep,
): Promise<string> {
  const folder = join(run.runDir, 'dumps');
  await mkdir(folder, { recursive: true });
  const path = join(folder, `nan-step=${String(run.globalStep + 1)}.safetensors`);
  const packed = packSamples(hostSamples(batch, Number.POSITIVE_INFINITY), 'batch');
  const facts: StepFacts = {
    seed: run.options.seed,
    batches: run.counters.batches.completed,
    round: round.name,
    index,
    loss: String(loss),
    batch: packed.json,
  };
  const { module } = run;
  await writeCheckpoint(path, {
    info: {
      step: run.globalStep,
      epoch: run.currentEpoch,
      metrics: latestValues(run),
      versions: packageVersions(),
      config: isPlainObject(run.config) ? run.config : null,
    },
    state: {
      kinds: [],
      weightsOnly: true,
      module: { name: module.constructor.name, hparams: run.savedHparams },
      dump: { ...facts },
    },
    tensors: [
      ...module.parameters().map(({ name, variable }) => ({
        name: `model/${name}`,
        shape: variable.shape,
        data: variable.dataSync<'float32'>(),
      })),
      ...packed.tensors,
    ],
  });
  return path;
}

/** What became of a dumped step. */
export interface ReplayedDump {
  /** The loss that was dumped, and the one computed now. */
  readonly dumped: number;
  readonly loss: number;
  /** The first operation that made a NaN or infinity, in words; null when none did. */
  readonly anomaly: string | null;
  /** Names of parameters that were not finite before the step. */
  readonly brokenParameters: readonly string[];
}

/**
 * Computes the training step of a dump (`on_nan: dump`) again: its weights, its batch, its random
 * numbers; every operation is looked at. The weights of `module` are replaced.
 * @throws UsageError ERR_DUMP for a file that is no dump, ERR_RESUME_PARAMETERS for one of another
 *   module
 */
export async function replayDump(path: string, module: TrainModule): Promise<ReplayedDump> {
  const checkpoint = await readCheckpoint(path);
  const facts = checkpoint.state.dump as unknown as StepFacts | undefined;
  if (facts === undefined) {
    throw new UsageError(
      'ERR_DUMP',
      `${path} is a checkpoint, not the dump of a step. Dumps are written by on_nan: dump into the folder dumps of a run.`,
    );
  }
  const rng = Rng.fromSeed(facts.seed);
  const parameters = buildModule(module, rng);
  restoreWeights(parameters, checkpoint);
  const broken = parameters.filter(
    ({ variable }) => !variable.dataSync<'float32'>().every(Number.isFinite),
  );
  const batch = toTensors(unpackSamples(facts.batch, 'batch', checkpoint.tensors));
  const step = (): number =>
    withKeyedRandom(rng.fold('step', facts.batches, facts.round), () => {
      const trainable = parameters.filter((parameter) => parameter.trainable);
      const { value, grads } = tf.variableGrads(
        () => checkedLoss(module.trainingStep(batch, facts.index, facts.round), module),
        trainable.map(({ variable }) => variable),
      );
      const [loss] = value.dataSync();
      tf.dispose([value, grads]);
      return loss;
    });
  module.setTraining(true);
  try {
    const anomaly = anomalyOf(step);
    const loss = anomaly.loss ?? step();
    return {
      dumped: Number(facts.loss),
      loss,
      anomaly: anomaly.message,
      brokenParameters: broken.map(({ name }) => name),
    };
  } finally {
    module.setTraining(false);
    disposeBatch(batch);
  }
}

function anomalyOf(step: () => number): { loss: number | null; message: string | null } {
  try {
    return { loss: detectAnomaly(step), message: null };
  } catch (error) {
    if ((error as { code?: string }).code !== 'ERR_ANOMALY') throw error;
    return { loss: null, message: messageOf(error) };
  }
}

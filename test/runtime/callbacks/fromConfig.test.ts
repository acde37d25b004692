import { describe, expect, it } from '@jest/globals';
import { buildRun } from '../../../runtime/src/config/buildRun.ts';
import { base, prepare } from '../config/inProject.ts';

const callbacks = `  callbacks:
    - class_path: lightbox.callbacks.GradientAccumulationScheduler
      init_args: {scheduling: {0: 8, 4: 1}}
    - class_path: lightbox.callbacks.GradientAccumulationScheduler
      init_args: {scheduling: {'0 updates': 8, '500 updates': 1}}
    - class_path: lightbox.callbacks.StochasticWeightAveraging
      init_args: {swa_lrs: 0.05, swa_epoch_start: 0.8}
    - class_path: lightbox.callbacks.BackboneFinetuning
      init_args: {unfreeze_backbone_at_epoch: 3}
    - class_path: lightbox.callbacks.ImageVisualizer
      init_args: {range: [-1, 1], log_every_n_validations: 2}
    - class_path: lightbox.callbacks.EMA
      init_args: {evaluate_with: weights}
    - {class_path: lightbox.callbacks.Timer, init_args: {duration: 12 hours}}
    - PredictionDiagnostics
    - GradientNormMonitor
    - Throughput
    - DeviceStats
`;

describe('callbacks in a configuration', () => {
  it('are made from YAML', async () => {
    const made = (await buildRun(await prepare([base + callbacks]))).trainerOptions.callbacks;
    expect(made.map((callback) => callback.constructor.name)).toEqual(
      [...callbacks.matchAll(/callbacks\.(\w+)|- (\w+)$/gm)].map(([, path, name]) => path ?? name),
    );
    const steps = made.slice(0, 2).map((one) => one.accumulation);
    expect(steps).toEqual(
      (['epochs', 'updates'] as const).map((unit, index) => [
        { from: 0, unit, factor: 8 },
        { from: [4, 500][index], unit, factor: 1 },
      ]),
    );
  });
});

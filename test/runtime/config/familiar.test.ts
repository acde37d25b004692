import { describe, expect, it } from '@jest/globals';
import { base, messageOf, prepare } from './inProject.ts';

// Configurations as people bring them from Lightning and its extensions, with our class paths.

const withCallbacks = (lines: string): string => `${base}  callbacks:\n${lines}`;

describe('what loads', () => {
  it.each([
    [
      'checkpoints by a metric and a learning rate monitor',
      withCallbacks(`    - class_path: lightbox.callbacks.ModelCheckpoint
      init_args:
        monitor: "val/loss"
        mode: "min"
        save_top_k: 2
        save_last: true
        filename: "net-epoch{epoch:03d}-loss{val/loss:.3f}"
    - class_path: lightbox.callbacks.LearningRateMonitor
      init_args:
        logging_interval: "epoch"
`),
    ],
    [
      'the compile callback under its other name',
      withCallbacks('    - class_path: lightbox.callbacks.TorchCompileCallback\n'),
    ],
    [
      'the compile callback with its modes and sub-modules',
      withCallbacks(`    - class_path: lightbox.callbacks.TorchCompileCallback
      init_args:
        enabled: true
        mode: "max-autotune"
        dynamic: true
        target_modules:
          - "dynamics"
          - "decoders"
`),
    ],
    [
      'the progress bar under its other name',
      withCallbacks(`    - class_path: lightbox.callbacks.FlowProgressBarCallback
      init_args: {refresh_per_second: 2}
`),
    ],
    [
      'a logger by class path',
      `${base}  logger:
    class_path: lightbox.loggers.CSVLogger
`,
    ],
    [
      'short names of callbacks',
      withCallbacks(`    - ModelSummary
    - {class_path: EarlyStopping, init_args: {monitor: val/loss}}
`),
    ],
    [
      'an encoder and a decoder inside a model',
      `model:
  class_path: ./net.ts#Net
  init_args:
    encoder:
      class_path: ./net.ts#Block
      init_args:
        hidden_dim: 128
    decoder:
      class_path: ./net.ts#Block
      init_args:
        hidden_dim: 3
data: {class_path: ./data.ts#Data}
`,
    ],
    [
      'a mix of datasets',
      `model: {class_path: ./net.ts#Net}
data:
  class_path: lightbox.data.MultiDatasetModule
  init_args:
    batch_size: 128
    num_workers: 0
    context_length: 1
    ar_steps: 0
    datasets:
      indoor: {class_path: lightbox.data.JsonDataset, init_args: {path: indoor.json}}
      outdoor: {class_path: lightbox.data.JsonDataset, init_args: {path: outdoor.json}}
    dataset_weights: null
    modality_dropout:
      rgb: 0.0
      depth: 0.2
    seed: 7
    pin_memory: true
    enable_cache: false
`,
    ],
    [
      'windows, a resolution and weights that change',
      `model: {class_path: ./net.ts#Net}
data:
  class_path: lightbox.data.MultiDatasetModule
  init_args:
    batch_size: 256
    num_workers: 4
    context_length: 8
    ar_steps: 2
    resolution:
      - 160
      - 160
    datasets:
      indoor:
        class_path: lightbox.data.Episodes
        init_args:
          dataset: {class_path: lightbox.data.JsonDataset, init_args: {path: indoor.json}}
          lengths: 100
      outdoor:
        class_path: lightbox.data.Episodes
        init_args:
          dataset: {class_path: lightbox.data.JsonDataset, init_args: {path: outdoor.json}}
          lengths: [50, 70]
    dataset_weights:
      - {weights: {indoor: 1, outdoor: 0}}
      - {from_epoch: 3, weights: [1, 1]}
      - {from_sample: 100000, weights: {indoor: 1, outdoor: 3}}
    stop: all_exhausted
    mixing: exact
`,
    ],
    [
      'limits of long runs',
      `${base}  max_steps: 30000
  accumulate_grad_batches: 4
  check_val_every_n_epoch: 5
  limit_val_batches: "25%"
  gradient_clip_val: 1.0
`,
    ],
  ])('%s', async (_, text) => {
    await expect(prepare([text])).resolves.toHaveProperty('values.model');
  });
});

describe('what is refused says what to write', () => {
  it.each([
    [
      withCallbacks(`    - class_path: lightbox.callbacks.CompileCallback
      init_args:
        inductor_config:
          triton.cudagraphs: false
`),
      'trainer.callbacks.0.init_args.inductor_config: this key has no meaning here: ONNX Runtime compiles the graphs',
    ],
    [
      withCallbacks('    - class_path: lightbox.callbacks.WandbArtifactCheckpoint\n'),
      'WandbArtifactCheckpoint is not in this version: lightbox.callbacks.ModelCheckpoint keeps checkpoints',
    ],
    [
      withCallbacks('    - class_path: lightning_reflow.callbacks.PauseCallback\n'),
      'write "lightbox.callbacks.PauseCallback"',
    ],
    [`${base}  devices: 2\n`, 'trainer.devices: several devices are not available (got 2)'],
    [`${base}  strategy: ddp\n`, 'strategy "ddp" is not available'],
    [`${base}  precision: 16-mixed\n`, 'precision "16-mixed" is not available'],
    [`${base}  val_check_interval: 1600\n`, '"1600 updates" or "1600 batches"'],
    [
      `${base}  logger:\n    class_path: lightning.pytorch.loggers.WandbLogger\n`,
      'write "lightbox.loggers.WandbLogger"',
    ],
    [
      `${base}  logger:\n    class_path: lightbox.loggers.WandbLogger\n`,
      'WandbLogger is not in this version: lightbox.loggers.CSVLogger',
    ],
    [base.replace('./net.ts#Net', 'your_project.models.YourModel'), '"./src/models.ts#YourModel"'],
    [`fit:\n  trainer: {max_epochs: 1}\n`, 'fit: this key has no meaning here: the file holds'],
    [`${base}optimizer: {class_path: torch.optim.Adam}\n`, 'set in configureOptimizers()'],
  ])('%#', async (text, expected) => {
    expect(await messageOf(() => prepare([text]))).toContain(expected);
  });
});

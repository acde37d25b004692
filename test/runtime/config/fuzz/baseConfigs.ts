/** Valid configurations, one key a line, that mutations start from. */
export const baseConfigs: readonly string[] = [
  `seed_everything: 42
environment:
  OMP_WAIT: "2"
model:
  class_path: ./net.ts#Net
  init_args:
    hidden_dim: 32
    learning_rate: 0.001
    name: net
    activation: relu
    encoder:
      class_path: ./net.ts#Block
      init_args:
        hidden_dim: \${model.hidden_dim}
        dropout: 0.2
    schedule:
      warm_up: 10 updates
      gamma: 0.5
    class_names:
      cat: 0
      dog: 1
    layers:
      - output_dim: 3
      - output_dim: 4
data:
  class_path: ./data.ts#Data
  init_args:
    batch_size: 8
    folder: data
trainer:
  max_epochs: 3
  max_time: 30 min
  limit_train_batches: 25%
  val_check_interval: 100 updates
  gradient_clip_val: 1.0
  gradient_clip_algorithm: norm
  accumulate_grad_batches: 2
  fast_dev_run: false
  precision: 32-true
  log_every_n_steps: 10
  accelerator: cpu
  enable_progress_bar: false
  logger:
    - class_path: lightbox.loggers.CSVLogger
  callbacks:
    - class_path: lightbox.callbacks.EarlyStopping
      init_args:
        monitor: val/loss
        patience: 3
        mode: min
    - class_path: lightbox.callbacks.ModelCheckpoint
      init_args:
        monitor: val/loss
        save_top_k: 2
`,
  `model:
  class_path: ./net.ts#Net
  init_args:
    hidden_dim: 16
    decoder:
      class_path: ./net.ts#Block
      init_args:
        hidden_dim: 4
data:
  class_path: ./data.ts#Data
trainer:
  max_steps: 100
  max_epochs: null
  num_sanity_val_steps: 0
  check_val_every_n_epoch: 2
  overfit_batches: 0
  terminate_on_nan: true
  default_root_dir: runs
  run_name: fuzz
  devices: 1
  strategy: auto
  compile: default
  logger: false
  callbacks:
    counter:
      class_path: ./data.ts#Counter
      init_args:
        every: 2
    early_stopping:
      class_path: EarlyStopping
      init_args:
        monitor: val/acc
        min_delta: 0.01
    pause:
      class_path: PauseCallback
`,
];

/** A line of a configuration that holds a key. */
export interface KeyLine {
  /** Position among the lines, from 0. */
  readonly at: number;
  readonly indent: string;
  readonly key: string;
  readonly path: readonly string[];
  /** What stands behind the colon; empty for the head of a section. */
  readonly value: string;
}

/** The lines of a configuration that hold a key, with the full path of each. */
export function keyLines(text: string): KeyLine[] {
  const open: { readonly column: number; readonly name: string }[] = [];
  const counts = new Map<string, number>();
  return text.split('\n').flatMap((line, at): KeyLine[] => {
    const match = /^(?<indent> *)(?<dash>- )?(?<key>[\w.]+):(?: (?<value>.*))?$/.exec(line);
    if (match?.groups === undefined) return [];
    const {
      indent,
      dash,
      key,
      value = '',
    } = match.groups as Record<string, string | undefined> & {
      indent: string;
      key: string;
    };
    const column = indent.length + (dash === undefined ? 0 : 2);
    while (open.length > 0 && open[open.length - 1].column >= (dash ? indent.length : column)) {
      open.pop();
    }
    if (dash !== undefined) {
      const list = open.map(({ name }) => name).join('.');
      const index = counts.get(list) ?? 0;
      counts.set(list, index + 1);
      open.push({ column: indent.length, name: String(index) });
    }
    open.push({ column, name: key });
    return [{ at, indent: indent + (dash ?? ''), key, path: open.map(({ name }) => name), value }];
  });
}

import { refusedFlag } from '../trainer/refusedFlags.ts';
import { toCamel } from './names.ts';

/** Keys of Lightning's and Reflow's classes that mean nothing here, and what to do instead. */
const byClass: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  CompileCallback: {
    inductor_config:
      'ONNX Runtime compiles the graphs, not Inductor; sessions are kept within a limit by themselves. Leave it out',
    verbose: 'what was compiled is printed at the end. Leave it out',
    compile_kwargs: 'there is no torch.compile behind this. Leave it out',
    backend: 'the back end is chosen by trainer.accelerator',
    fullgraph: 'kernels that fell back are named at the end. Leave it out',
  },
  PauseCallback: {
    checkpoint_dir:
      'a pause is saved in checkpoints/ of its run, where it is resumed. Leave it out',
    pause_on_batch_end: 'write pause_at: batch',
    upload_to_wandb: 'write upload: this',
    save_rng_states: 'every checkpoint has all state. Leave it out',
    show_pause_countdown: 'a pause comes within an update. Leave it out',
    refresh_rate: 'write it at FlowProgressBarCallback',
    bar_colour: 'write it at FlowProgressBarCallback',
    global_bar_metrics: 'write it at FlowProgressBarCallback',
    interval_bar_metrics: 'write it at FlowProgressBarCallback',
  },
  ProgressBar: {
    refresh_rate: 'write refresh_per_second',
    global_bar_metrics: 'lightbox.callbacks.FlowProgressBarCallback has it',
    interval_bar_metrics: 'lightbox.callbacks.FlowProgressBarCallback has it',
    leave: 'finished epochs leave a line each. Leave it out',
    bar_colour: 'bars have the colours of the terminal. Leave it out',
  },
  MultiDatasetModule: {
    persistent_workers: 'loader threads always stay from epoch to epoch. Leave it out',
    prefetch_factor: 'write prefetch: the batches that each thread makes ahead',
  },
  ModelCheckpoint: {
    every_n_epochs: 'write every: "2 epochs"',
    every_n_train_steps: 'write every: "500 updates"',
    train_time_interval: 'write every: "10 min"',
    save_on_train_epoch_end: 'write every: "1 epochs"',
  },
  LearningRateMonitor: {
    log_lr: 'the learning rate is always logged. Leave it out',
  },
};

const byTrainer: Readonly<Record<string, string>> = {
  gpus: 'write accelerator; a run uses one device',
  tpu_cores: 'write accelerator; a run uses one device',
  num_nodes: 'runs are not distributed. Leave it out',
  amp_backend: 'training is in 32 bits',
  use_distributed_sampler: 'runs are not distributed. Leave it out',
  benchmark: 'there is no cuDNN. Leave it out',
  inference_mode: 'evaluation never records gradients. Leave it out',
  plugins: 'there are no plugins. Leave it out',
  resume_from_checkpoint: 'write ckpt_path at the top of the file, or --ckpt_path',
  weights_save_path: 'write dirpath at ModelCheckpoint',
  checkpoint_callback: 'write enable_checkpointing',
  progress_bar_refresh_rate: 'write refresh_rate at FlowProgressBarCallback',
  seed: 'write seed_everything at the top of the file',
};

const byTop: Readonly<Record<string, string>> = {
  compile:
    'write trainer.compile: reduce-overhead, or add lightbox.callbacks.CompileCallback to trainer.callbacks',
  optimizer: 'optimizers are set in configureOptimizers() of the model',
  lr_scheduler: 'schedules are set in configureOptimizers() of the model',
  fit: 'the file holds the keys of one run; move what is below one level up',
  callbacks: 'write it below trainer',
  logger: 'write it below trainer',
  checkpoint_path: 'write ckpt_path',
  seed: 'write seed_everything',
};

/** What to do about `key` given to the class `className`, if it is a known one of elsewhere. */
export function replacedClassKey(className: string, key: string): string | undefined {
  const table = Object.hasOwn(byClass, className) ? byClass[className] : {};
  return Object.hasOwn(table, key) ? table[key] : undefined;
}

export function replacedTrainerKey(key: string): string | undefined {
  return Object.hasOwn(byTrainer, key) ? byTrainer[key] : refusedFlag(toCamel(key));
}

export function replacedTopKey(key: string): string | undefined {
  return Object.hasOwn(byTop, key) ? byTop[key] : undefined;
}

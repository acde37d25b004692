/** Flags of Lightning's Trainer that are not offered, and what to do instead. */
const refused: Readonly<Record<string, string>> = {
  benchmark: 'there is no cuDNN to benchmark; compile: max-autotune times graphs. Leave it out',
  inferenceMode: 'evaluation never records gradients. Leave it out',
  reloadDataloadersEveryNEpochs:
    'loaders are opened once, and their order is a function of the epoch. For data that grows, start a new run with ckpt_path',
  useDistributedSampler: 'runs are not distributed. Leave it out',
  numNodes: 'runs are not distributed. Leave it out',
  plugins: 'there are no plugins; callbacks and loggers are what can be exchanged. Leave it out',
  modelRegistry: 'checkpoints are files in the folder of the run. Leave it out',
  enableAutologHparams: 'hyper-parameters are always logged. Leave it out',
  suggestIntegrations: 'nothing is advertised. Leave it out',
  maxDepth: 'write it at the ModelSummary callback',
  gpus: 'write accelerator; a run uses one device',
  tpuCores: 'write accelerator; a run uses one device',
  autoLrFind: 'run the command tune lr',
  autoScaleBatchSize: 'run the command tune batch-size',
  resumeFromCheckpoint: 'pass ckptPath to fit',
  trackGradNorm: 'add the GradientNormMonitor callback',
  stochasticWeightAvg: 'add the StochasticWeightAveraging callback',
  weightsSummary: 'write enableModelSummary',
  checkpointCallback: 'write enableCheckpointing',
};

/** What to do instead of a flag of Lightning's, by its name in camelCase; undefined for others. */
export function refusedFlag(name: string): string | undefined {
  return Object.hasOwn(refused, name) ? refused[name] : undefined;
}

const profilers: Readonly<Record<string, string>> = {
  advanced: 'for functions, run `node --cpu-prof` and open the file in Chrome',
  pytorch: 'kernels are those of ONNX Runtime; for functions, run `node --cpu-prof`',
  xla: 'there is no XLA here',
};

/** Why a profiler cannot be had; null for the one that can. */
export function profilerRefusal(name: string): string | null {
  if (name === 'simple') return null;
  const why = Object.hasOwn(profilers, name) ? profilers[name] : 'there is one, "simple"';
  return `profiler "${name}" is not available: ${why}.`;
}

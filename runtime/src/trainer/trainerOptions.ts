import { z } from 'zod';
import type { Callback } from '../core/callback.ts';
import { parseDuration } from '../core/duration.ts';
import type { Logger } from '../core/logger.ts';
import { parseOptions } from '../core/parseOptions.ts';
import { messageOf, UsageError } from '../errors.ts';
import { parseMaxTime } from './maxTime.ts';
import { seededWith } from '../random/index.ts';
import { precisionRefusal } from './precision.ts';
import { profilerRefusal, refusedFlag } from './refusedFlags.ts';

/** Every flag of the trainer: the one source of types, YAML checks, command line help and docs. */
export const trainerOptionsSchema = z.strictObject({
  maxEpochs: optionalCount('Stop after this many epochs.'),
  maxSteps: optionalCount('Stop after this many optimizer updates.'),
  maxTime: z
    .string()
    .superRefine(noted(parseMaxTime))
    .nullable()
    .default(null)
    .describe('Stop after this long: "30 min", "2 hours" or "DD:HH:MM:SS".'),
  minEpochs: optionalCount('Requests to stop wait until this many epochs are done.'),
  minSteps: optionalCount('Requests to stop wait until this many updates are done.'),
  limitTrainBatches: limit('Training batches of an epoch that are used.'),
  limitValBatches: limit('Validation batches that are used, for each loader; 0 skips validation.'),
  limitTestBatches: limit('Test batches that are used, for each loader.'),
  limitPredictBatches: limit('Prediction batches that are used, for each loader.'),
  overfitBatches: limit(
    'Trains on the same first batches in every epoch and validates on as many of its own.',
  ),
  fastDevRun: z
    .union([z.boolean(), z.int().nonnegative()])
    .default(false)
    .describe(
      'Tries everything on this many batches (true: 1), without loggers, checkpoints and sanity check.',
    ),
  valCheckInterval: z
    .union([z.string(), z.number()])
    .superRefine(noted((value) => parseDuration(value, 'val_check_interval')))
    .nullable()
    .default(null)
    .describe(
      'Validate every "100 updates", "800 batches", "2 epochs", "10 min" or "25%" of an epoch. ' +
        'Default: at the end of each epoch.',
    ),
  checkValEveryNEpoch: z.int().positive().default(1).describe('Validate in every n-th epoch only.'),
  numSanityValSteps: z
    .int()
    .min(-1)
    .default(2)
    .describe('Validation batches tried before training, for each loader; -1: all, 0: none.'),
  validateAtStart: z
    .boolean()
    .default(false)
    .describe('Validate, and log it as step 0, before the first update.'),
  accumulateGradBatches: z
    .int()
    .positive()
    .default(1)
    .describe(
      'Batches averaged into one update, weighted by their sample counts. A short group at the ' +
        'end of an epoch is an update of its own.',
    ),
  gradientClipVal: z
    .number()
    .positive()
    .nullable()
    .default(null)
    .describe('Largest gradient norm (or value) that reaches the optimizer.'),
  gradientClipAlgorithm: z
    .enum(['norm', 'value'])
    .default('norm')
    .describe('norm: scales all gradients by their common 2-norm; value: clamps each number.'),
  terminateOnNan: z
    .boolean()
    .default(true)
    .describe('End with an error when a loss is NaN or infinite.'),
  onNan: z
    .enum(['raise', 'skip', 'dump'])
    .default('raise')
    .describe(
      'What terminate_on_nan does. raise: ends the run. dump: and writes weights, batch and ' +
        'random state into the folder dumps, for replayDump. skip: leaves such batches out.',
    ),
  nanCheck: z
    .enum(['loss', 'gradients'])
    .default('loss')
    .describe('What is looked at: losses, which costs nothing, or gradients too.'),
  logEveryNSteps: optionalCount(
    'Log training values every n updates. Default: 50, or once an epoch or a run when that is shorter.',
  ),
  enableProgressBar: z.boolean().default(true).describe('Show progress.'),
  enableCheckpointing: z
    .boolean()
    .default(true)
    .describe('Keep the last checkpoint when no ModelCheckpoint is among the callbacks.'),
  onSaveError: z
    .enum(['continue', 'stop'])
    .default('continue')
    .describe(
      'When a regular checkpoint cannot be written (full disk, no permission): continue says so ' +
        'once, trains on and tries again at the next; stop ends with the error. A run whose ' +
        'last checkpoint is missing always ends with the error.',
    ),
  enableModelSummary: z.boolean().default(true).describe('Print the table of weights at start.'),
  barebones: z
    .boolean()
    .default(false)
    .describe(
      'For measuring: no callbacks, loggers but metrics.jsonl, bar, summary, checkpoints or sanity check, and rows of epochs only.',
    ),
  detectAnomaly: z
    .boolean()
    .default(false)
    .describe(
      'Looks at the result of every operation of a training step and ends the run at the first ' +
        'that made a NaN or infinity, by name. Many times slower.',
    ),
  profiler: z
    .string()
    .superRefine((value, context) => {
      const refusal = profilerRefusal(value);
      if (refusal !== null) refuse(context, refusal);
    })
    .nullable()
    .default(null)
    .describe('simple: a table of where the time went, printed at the end.'),
  defaultRootDir: z.string().default('runs').describe('Folder that gets a folder for each run.'),
  runName: z
    .string()
    .nullable()
    .default(null)
    .describe('Name of the run and of its folder. Default: that of the model class.'),
  accelerator: z
    .string()
    .default('auto')
    .describe(
      'What computes: auto, ort (ONNX Runtime on the CPU), a device that it runs on (webgpu, cuda, ' +
        'tensorrt, dml, coreml), or another back end of TensorFlow.js (wasm, cpu, tfjs-node, ' +
        'tfjs-node-gpu). auto is ort unless a graphics card answers and is clearly faster.',
    ),
  threads: optionalCount('Threads of the back end. Default: all cores.'),
  devices: z
    .union([z.number(), z.string(), z.array(z.number())])
    .default(1)
    .superRefine(refuseDevices)
    .describe('Always 1: a run uses one device.'),
  strategy: z
    .string()
    .default('auto')
    .superRefine(refuseStrategy)
    .describe('Always auto: there is no distributed training.'),
  syncBatchnorm: z
    .boolean()
    .default(false)
    .superRefine(refuseSyncBatchnorm)
    .describe('Always false: it means something with several devices only.'),
  precision: z
    .union([z.string(), z.number()])
    .default('32-true')
    .superRefine(refusePrecision)
    .describe('Number format of weights and gradients; only 32-true.'),
  deterministic: z
    .boolean()
    .default(true)
    .describe('Equal seed and threads give equal bits. Always kept, whatever is said here.'),
  seed: z
    .int()
    .nonnegative()
    .default(() => seededWith() ?? 42)
    .describe('Seed of everything random in the run: 42, or that of seedEverything().'),
  compile: z
    .enum(['default', 'reduce-overhead', 'max-autotune'])
    .nullable()
    .default(null)
    .describe(
      'Adds the CompileCallback in this mode. default: steps are recorded, their graphs compiled ' +
        'once; reduce-overhead: known steps are replayed without their JavaScript; max-autotune: ' +
        'and compiled in the way that the clock finds quickest.',
    ),
  callbacks: z
    .array(z.custom<Callback>((value) => typeof value === 'object' && value !== null))
    .default([])
    .describe('Callbacks, in the order in which they are called.'),
  logger: z
    .union([z.boolean(), z.array(z.custom<Logger>(isLogger)), z.custom<Logger>(isLogger)])
    .default(true)
    .describe(
      'Loggers beside metrics.jsonl, which is always written. true: the CSV logger, false: none.',
    ),
});

/** Options of `new Trainer(...)`. */
export type TrainerOptions = z.input<typeof trainerOptionsSchema>;

/** Options with every default filled in. */
export type ResolvedTrainerOptions = z.output<typeof trainerOptionsSchema>;

/** @throws UsageError ERR_OPTIONS listing everything that is wrong */
export function resolveTrainerOptions(options: TrainerOptions): ResolvedTrainerOptions {
  refuseFlags(options);
  return parseOptions(trainerOptionsSchema, options, 'Trainer options');
}

function refuseFlags(options: object): void {
  const refused = Object.keys(options).flatMap((name) => {
    const instead = refusedFlag(name);
    return instead === undefined ? [] : [`  ${name}: ${instead}.`];
  });
  if (refused.length === 0) return;
  throw new UsageError(
    'ERR_OPTIONS',
    `Trainer options that are not offered:\n${refused.join('\n')}`,
  );
}

function optionalCount(description: string) {
  return z.int().positive().nullable().default(null).describe(description);
}

function limit(description: string) {
  return z
    .union([z.number(), z.string()])
    .superRefine(checkLimit)
    .nullable()
    .default(null)
    .describe(`${description} A count, or a share such as "25%".`);
}

type Context = z.RefinementCtx;

function refuse(context: Context, message: string): void {
  context.addIssue({ code: 'custom', message });
}

/** Turns a parser that throws into a check. */
function noted(parse: (value: string) => unknown) {
  return (value: string | number, context: Context): void => {
    try {
      parse(value as string);
    } catch (error) {
      refuse(context, messageOf(error));
    }
  };
}

function checkLimit(value: string | number, context: Context): void {
  if (typeof value === 'number') {
    if (Number.isInteger(value) && value >= 0) return;
    const share = value > 0 && value < 1 ? value * 100 : 100;
    refuse(
      context,
      `expected a number of batches or a share, got ${String(value)}. ` +
        `Write "${String(Number(share.toFixed(6)))}%" for a share of the batches, or a whole number for a count.`,
    );
  } else if (!/^\d+(\.\d+)?%$/.test(value) || Number.parseFloat(value) > 100) {
    refuse(context, `expected a number of batches or a share such as "25%", got "${value}".`);
  }
}

function refuseDevices(value: number | string | number[], context: Context): void {
  const one = value === 1 || value === 'auto' || value === '1';
  if (one || (Array.isArray(value) && value.length === 1)) return;
  refuse(
    context,
    `several devices are not available (got ${JSON.stringify(value)}): a run uses one, with ` +
      'several threads. Set threads, and accumulate_grad_batches for larger batches.',
  );
}

function refuseStrategy(value: string, context: Context): void {
  if (value === 'auto') return;
  refuse(context, `strategy "${value}" is not available: runs are not distributed. Leave it out.`);
}

function refuseSyncBatchnorm(value: boolean, context: Context): void {
  if (value) refuse(context, 'there is one device, so nothing to synchronise. Leave it out.');
}

function refusePrecision(value: string | number, context: Context): void {
  const refusal = precisionRefusal(value);
  if (refusal !== null) refuse(context, refusal);
}

function isLogger(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'logMetrics' in value;
}

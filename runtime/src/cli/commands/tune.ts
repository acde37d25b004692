import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { freemem, tmpdir } from 'node:os';
import { dirname, join, relative, resolve } from 'node:path';
import type { TopLevelSpec } from 'vega-lite';
import type { PreparedConfig } from '../../config/prepare.ts';
import { didYouMean, messageOf, UsageError } from '../../errors.ts';
import {
  chooseBatchSize,
  nextBatchSize,
  type BatchSizeTrial,
} from '../../tuning/batchSizeSearch.ts';
import { LrCurve, suggestRates } from '../../tuning/lrCurve.ts';
import { renderSvg } from '../../tuning/renderSvg.ts';
import { batchSizeChart, lrChart } from '../../tuning/tuneCharts.ts';
import {
  batchSizeCandidates,
  lrCandidates,
  overlayYaml,
  tunedPath,
} from '../../tuning/tuneOverlay.ts';
import { exitCodes } from '../exitCodes.ts';
import { readRunConfig } from '../openRun.ts';
import { shellQuote } from '../shellQuote.ts';
import { serveTuneTask } from '../tuneChild.ts';
import { runTuneProcess, taskVariable, type TuneTask } from '../tuneProcess.ts';
import type { Command, CommandContext } from './command.ts';
import { requestOf } from './configured.ts';
import {
  batchSizeLimitsOf,
  goalOf,
  lrMethodOf,
  lrSweepOf,
  refuseOtherFlags,
  stepsPerTrialOf,
  tuneFlags,
} from './tuneFlags.ts';

const kinds = ['lr', 'batch-size'] as const;

/** Finds a learning rate or a batch size, and writes it into a configuration of its own. */
export const tune: Command = {
  describe:
    'tune lr, tune batch-size: find a good value with short trainings in processes of their own.',
  flags: tuneFlags,
  words: 1,
  async run(context) {
    const kind = kindOf(context);
    refuseOtherFlags(kind, context.args.options);
    refuseCheckpoint(context);
    const task = context.host.env[taskVariable];
    if (task !== undefined) {
      return serveTuneTask(JSON.parse(task) as TuneTask, requestOf(context), context.host);
    }
    const folder = mkdtempSync(join(tmpdir(), 'lightbox-tune-'));
    try {
      return await (kind === 'lr' ? tuneLr(context, folder) : tuneBatchSize(context, folder));
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  },
};

function kindOf({ args }: CommandContext): (typeof kinds)[number] {
  const word = args.words.at(1)?.replaceAll('_', '-');
  const kind = kinds.find((one) => one === word);
  if (kind !== undefined) return kind;
  const got = word === undefined ? '' : `, got "${word}".${didYouMean(word, kinds)}`;
  throw new UsageError(
    'ERR_CLI_COMMAND',
    `tune needs what to tune: tune lr or tune batch-size${got}`,
  );
}

function refuseCheckpoint({ args }: CommandContext): void {
  if (!args.overrides.some(({ path }) => path[0] === 'ckpt_path')) return;
  throw new UsageError('ERR_CLI_FLAG', 'tune starts from new weights: leave --ckpt_path out.');
}

async function tuneLr(context: CommandContext, folder: string): Promise<number> {
  const { host, args } = context;
  const sweep = lrSweepOf(args.options);
  const method = lrMethodOf(args.options);
  const config = await readRunConfig(requestOf(context), host);
  const path = tunedPath(config, keyOf(context), lrCandidates);
  const curve = new LrCurve(sweep.threshold);
  const { failure, interrupted } = await runTuneProcess(
    { type: 'lr', folder, sweep },
    host,
    (message) => {
      if (message.type === 'point') curve.add(message.lr, Number(message.loss));
    },
  );
  if (interrupted) return 130;
  if (failure !== null) {
    host.warn(`error: the training failed: ${failure}`);
    return exitCodes.error;
  }
  const suggestions = suggestRates(curve.points);
  // Rates are guesses: digits beyond the third would only look like knowledge.
  const rounded = (rate: number | null): number | null => rate && Number(rate.toPrecision(3));
  const best = rounded(suggestions[method]);
  const chart = lrChart(curve.points, best, sweep.mode === 'exponential');
  const shown = (rate: number | null): string => String(rounded(rate) ?? 'none');
  host.terminal.line(
    `${String(curve.points.length)} updates; steepest ${shown(suggestions.steepest)}, valley ${shown(suggestions.valley)}`,
  );
  return report(context, config, { name: 'lr', path, value: best, chart });
}

async function tuneBatchSize(context: CommandContext, folder: string): Promise<number> {
  const { host, args } = context;
  const limits = batchSizeLimitsOf(args.options, freemem());
  const steps = stepsPerTrialOf(args.options);
  const goal = goalOf(args.options);
  const config = await readRunConfig(requestOf(context), host);
  const path = tunedPath(config, keyOf(context), batchSizeCandidates);
  const trials: BatchSizeTrial[] = [];
  for (let next = nextBatchSize(trials, limits); ; next = nextBatchSize(trials, limits)) {
    if (next.type === 'end') {
      host.terminal.line(`Ended: ${next.reason}.`);
      break;
    }
    const { size } = next;
    const task = { type: 'batch-size', folder, path: path.join('.'), size, steps } as const;
    let measure: BatchSizeTrial['measure'] = null;
    const { failure, interrupted } = await runTuneProcess(task, host, (message) => {
      if (message.type === 'measure') measure = message.measure;
    }).catch((error: unknown) => {
      // What is refused for the first size is wrong; a later one may just be too large.
      if (trials.length === 0) throw error;
      return { failure: messageOf(error), interrupted: false };
    });
    if (interrupted) return 130;
    trials.push(failure === null ? { size, measure } : { size, measure: null, failure });
    host.terminal.line(trialText(trials[trials.length - 1]));
  }
  const best = chooseBatchSize(trials, goal);
  const chart = batchSizeChart(trials, best);
  return report(context, config, { name: 'batch-size', path, value: best, chart });
}

function trialText({ size, measure }: BatchSizeTrial): string {
  const name = `batch_size ${String(size).padEnd(6)}`;
  if (measure === null) return `${name} failed`;
  const { samplesPerSecond, peakBytes } = measure;
  return `${name} ${samplesPerSecond.toFixed(0).padStart(8)} samples/s  ${(peakBytes / 2 ** 20).toFixed(0).padStart(6)} MB`;
}

interface Found {
  readonly name: string;
  readonly path: readonly string[];
  readonly value: number | null;
  readonly chart: TopLevelSpec;
}

/** Writes the overlay and the plot, and says how to use them. */
async function report(
  { host, args }: CommandContext,
  config: PreparedConfig,
  { name, path, value, chart }: Found,
): Promise<number> {
  const trainer = config.values.trainer as { default_root_dir: string };
  const given = args.options.get('output');
  const output = resolve(
    host.cwd,
    typeof given === 'string' ? given : join(trainer.default_root_dir, 'tune', `${name}.yaml`),
  );
  const plot = output.replace(/\.(ya?ml|json)$/, '') + '.svg';
  mkdirSync(dirname(output), { recursive: true });
  writeFileSync(plot, await renderSvg(chart));
  const shown = (file: string): string => relative(host.cwd, file) || file;
  if (value === null) {
    throw new UsageError(
      'ERR_TUNE_NOTHING',
      name === 'lr'
        ? `No learning rate stands out; look at ${shown(plot)}. Try --min_lr, --max_lr and more --num_training.`
        : `No batch size could be trained; begin smaller with --init_val, or look at the error above.`,
    );
  }
  const comment = [`Found by tune ${name}; use it as one more --config.`];
  writeFileSync(output, overlayYaml(path, value, comment));
  host.print(`${path.filter((key) => key !== 'init_args').join('.')}: ${String(value)}`);
  host.terminal.line(`Written to ${shown(output)}, the curve to ${shown(plot)}. Train with it:`);
  host.terminal.line(`  npm run train -- --config ${shellQuote(shown(output))}`);
  return 0;
}

function keyOf({ args }: CommandContext): string | undefined {
  const key = args.options.get('key');
  return typeof key === 'string' ? key : undefined;
}

import { writeFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { fnmatch } from '../../core/fnmatch.ts';
import { didYouMean, UsageError } from '../../errors.ts';
import { readMetrics } from '../../loggers/index.ts';
import { renderSvg } from '../../tuning/renderSvg.ts';
import { newestRunIn } from '../checkpointSource.ts';
import { metricsChart, type MetricsChart, type RunMetrics } from '../metricsChart.ts';
import type { Command, CommandContext } from './command.ts';

const metricsFile = 'metrics.jsonl';

const axes = ['step', 'epoch', 'time'] as const;

/** Draws logged values of runs. */
export const plot: Command = {
  describe: 'Draw metrics of runs as SVG: plot [run folder ...]. Default: the newest run.',
  flags: {
    metrics: {
      takes: 'value',
      describe: 'Names or patterns, with commas: train/loss,"val/*". Default: every loss.',
    },
    x: { takes: 'value', describe: 'step, epoch or time. Default step.' },
    log: { takes: 'switch', describe: 'Logarithmic values.' },
    output: { takes: 'value', describe: 'File to write. Default: plot.svg in the first run.' },
  },
  words: Infinity,
  configured: false,
  async run(context) {
    const { host, args } = context;
    const folders = args.words.length > 1 ? args.words.slice(1) : ['runs'];
    const dirs = await Promise.all(
      folders.map((folder) => newestRunIn(folder, metricsFile, host.cwd)),
    );
    const runs = await Promise.all(dirs.map((dir) => readRun(dir, host.cwd)));
    const chart = chartOf(context, runs);
    const given = args.options.get('output');
    const output = typeof given === 'string' ? resolve(host.cwd, given) : join(dirs[0], 'plot.svg');
    writeFileSync(output, await renderSvg(metricsChart(runs, chart)));
    host.print(relative(host.cwd, output));
    return 0;
  },
};

async function readRun(dir: string, cwd: string): Promise<RunMetrics> {
  const name = relative(cwd, dir) || dir;
  const rows = await readMetrics(join(dir, metricsFile)).catch(() => []);
  if (rows.length > 0) return { name, rows };
  throw new UsageError('ERR_PLOT_EMPTY', `${name} has no ${metricsFile} with values in it.`);
}

function chartOf({ args }: CommandContext, runs: readonly RunMetrics[]): MetricsChart {
  const known = [...new Set(runs.flatMap(({ rows }) => rows.flatMap(namesOf)))];
  const wanted = args.options.get('metrics');
  const x = args.options.get('x') ?? 'step';
  const axis = axes.find((one) => one === x);
  if (axis === undefined) {
    throw new UsageError('ERR_CLI_FLAG', `--x: expected ${axes.join(', ')}, got ${String(x)}.`);
  }
  const log = args.options.has('log');
  if (typeof wanted !== 'string') {
    const losses = known.filter((name) => /loss/.test(name));
    return { metrics: losses.length > 0 ? losses : known, x: axis, log };
  }
  const metrics = wanted.split(',').flatMap((pattern) => {
    const found = known.filter(fnmatch(pattern.trim()));
    if (found.length > 0) return found;
    throw new UsageError(
      'ERR_PLOT_METRIC',
      `--metrics: nothing was logged as ${pattern}.${didYouMean(pattern, known)} There are: ${known.join(', ')}.`,
    );
  });
  return { metrics: [...new Set(metrics)], x: axis, log };
}

function namesOf({ values }: RunMetrics['rows'][number]): string[] {
  return Object.keys(values);
}

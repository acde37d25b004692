import { describeDistribution, type Distribution } from '../hpo/distribution.ts';
import type { FrozenTrial } from '../hpo/frozenTrial.ts';
import type { Direction, TrialState } from '../hpo/trialState.ts';
import { bestFirst } from './retention.ts';
import { timeText } from './timeText.ts';
import { reasonOf, secondsOf } from './trialRecord.ts';

/** What a report is about. */
export interface ReportInput {
  readonly study: string;
  readonly monitor: string;
  readonly direction: Direction;
  readonly sampler: string;
  readonly pruner: string;
  readonly seed: number;
  readonly storage: string;
  readonly trials: readonly FrozenTrial[];
  /** Commands that train with the best parameters, with what they are for. */
  readonly commands: readonly (readonly [purpose: string, command: string])[];
}

/** A study as Markdown: the best trial, how to train it, the space, all trials, the failures. */
export function studyReport(input: ReportInput): string {
  const { study, monitor, direction, trials } = input;
  const best = bestFirst(trials, direction)[0] as FrozenTrial | undefined;
  const lines = [
    `# Study ${study}`,
    '',
    `${direction === 'minimize' ? 'Smallest' : 'Largest'} \`${monitor}\`; ${stateCounts(trials)}.`,
    `Sampler ${input.sampler}, pruner ${input.pruner}, seed ${input.seed}, journal \`${input.storage}\`.`,
    '',
    '## Best',
    '',
    ...(best === undefined ? ['No trial is complete yet.'] : bestLines(best, input)),
    '',
    '## Search space',
    '',
    '| parameter | distribution |',
    '| --- | --- |',
    ...[...lastDistributions(trials)].map(
      ([name, distribution]) => `| ${cell(name)} | ${cell(describeDistribution(distribution))} |`,
    ),
    '',
    '## Trials',
    '',
    ...historyTable(trials, direction),
  ];
  const failures = trials.filter((trial) => trial.state === 'FAIL');
  if (failures.length > 0) {
    lines.push('', '## Failures', '');
    for (const trial of failures) {
      lines.push(`- trial ${trial.number}: ${cell(reasonOf(trial) || 'no reason')}`);
    }
  }
  return `${lines.join('\n')}\n`;
}

/** `12 finished: 7 complete, 3 pruned, 2 failed; 1 running`. */
export function stateCounts(trials: readonly FrozenTrial[]): string {
  const count = (state: TrialState): number =>
    trials.filter((trial) => trial.state === state).length;
  const [complete, pruned, failed] = [count('COMPLETE'), count('PRUNED'), count('FAIL')];
  const open = (['RUNNING', 'WAITING'] as const)
    .filter((state) => count(state) > 0)
    .map((state) => `; ${count(state)} ${state.toLowerCase()}`);
  const finished = complete + pruned + failed;
  return `${finished} finished: ${complete} complete, ${pruned} pruned, ${failed} failed${open.join('')}`;
}

function bestLines(best: FrozenTrial, { monitor, commands }: ReportInput): string[] {
  return [
    `Trial ${best.number}: \`${monitor}\` = ${best.values?.[0] ?? 'none'}`,
    '',
    '| parameter | value |',
    '| --- | --- |',
    ...Object.entries(best.params).map(
      ([name, value]) => `| ${cell(name)} | ${cell(JSON.stringify(value))} |`,
    ),
    ...commands.flatMap(([purpose, command]) => ['', `${purpose}:`, '', '```sh', command, '```']),
  ];
}

function historyTable(trials: readonly FrozenTrial[], direction: Direction): string[] {
  const names = [...lastDistributions(trials).keys()];
  const header = ['trial', 'state', 'value', 'best so far', 'reports', 'time', ...names, 'why'];
  let best: number | undefined;
  const rows = trials.map((trial) => {
    const value = trial.values?.[0];
    if (trial.state === 'COMPLETE' && value !== undefined) {
      best =
        best === undefined
          ? value
          : direction === 'minimize'
            ? Math.min(best, value)
            : Math.max(best, value);
    }
    const seconds = secondsOf(trial);
    return [
      String(trial.number),
      trial.state,
      value === undefined ? '' : shortNumber(value),
      best === undefined ? '' : shortNumber(best),
      String(trial.intermediateValues.size),
      seconds === null ? '' : timeText(seconds),
      ...names.map((name) =>
        Object.hasOwn(trial.params, name) ? cell(shortValue(trial.params[name])) : '',
      ),
      cell(reasonOf(trial).slice(0, 80)),
    ];
  });
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [line(header.map(cell)), line(header.map(() => '---')), ...rows.map(line)];
}

function lastDistributions(trials: readonly FrozenTrial[]): Map<string, Distribution> {
  return new Map(trials.flatMap((trial) => Object.entries(trial.distributions)));
}

/** Six digits are enough to read; exact values are in the journal and in best.yaml. */
export function shortNumber(value: number): string {
  return String(Number(value.toPrecision(6)));
}

/** A parameter's value for people. */
export function shortValue(value: unknown): string {
  return typeof value === 'number'
    ? shortNumber(value)
    : typeof value === 'string'
      ? value
      : JSON.stringify(value);
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll(/\s*\n\s*/g, ' ');
}

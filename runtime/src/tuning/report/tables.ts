import { describeDistribution, type Distribution } from '../../hpo/distribution.ts';
import type { FrozenTrial } from '../../hpo/frozenTrial.ts';
import { type Direction, isBetter } from '../../hpo/trialState.ts';
import { timeText } from '../timeText.ts';
import { OUTPUT_FILE } from '../trialProcess.ts';
import { reasonOf, secondsOf } from '../trialRecord.ts';
import { shortNumber } from '../../hpo/shortNumber.ts';
import { shortValue } from '../trialText.ts';
import type { Block, Cell } from './sections.ts';

/** Longer messages are in the trial's output. */
const MOST_LETTERS = 300;

type Table = Extract<Block, { kind: 'table' }>;

/** The parameters with what they were last suggested from. */
export function spaceTable(trials: readonly FrozenTrial[]): Table {
  const rows = [...lastDistributions(trials)].map(([name, distribution]) => [
    name,
    describeDistribution(distribution),
  ]);
  return { kind: 'table', header: ['parameter', 'distribution'], rows };
}

/** A row for each trial, in their order. */
export function trialsTable(
  trials: readonly FrozenTrial[],
  objectives: readonly { readonly name: string; readonly direction: Direction }[],
): Table {
  const names = [...lastDistributions(trials).keys()];
  const single = objectives.length === 1;
  const values = single ? ['value', 'best so far'] : objectives.map(({ name }) => name);
  let best: number | undefined;
  const rows = trials.map((trial) => {
    const value = trial.values?.[0];
    if (trial.state === 'COMPLETE' && value !== undefined) {
      if (best === undefined || isBetter(objectives[0].direction, value, best)) best = value;
    }
    const numbers = single ? [value, best] : objectives.map((_, at) => trial.values?.[at]);
    const seconds = secondsOf(trial);
    return [
      String(trial.number),
      trial.state,
      ...numbers.map((number) => (number === undefined ? '' : shortNumber(number))),
      String(trial.intermediateValues.size),
      seconds === null ? '' : timeText(seconds),
      ...paramCells(trial, names),
      shortened(reasonOf(trial), 80),
    ];
  });
  const header = ['trial', 'state', ...values, 'reports', 'time', ...names, 'why'];
  return { kind: 'table', header, rows };
}

/** The given trials with values and parameters. */
export function chosenTable(
  chosen: readonly FrozenTrial[],
  objectives: readonly { readonly name: string }[],
): Table {
  const names = [...lastDistributions(chosen).keys()];
  const rows = chosen.map((trial) => {
    const seconds = secondsOf(trial);
    return [
      String(trial.number),
      ...objectives.map((_, at) => shortNumber(trial.values?.[at] ?? NaN)),
      ...paramCells(trial, names),
      seconds === null ? '' : timeText(seconds),
    ];
  });
  const header = ['trial', ...objectives.map(({ name }) => name), ...names, 'time'];
  return { kind: 'table', header, rows };
}

/** How many trials failed in each way. */
export function failureKinds(failed: readonly FrozenTrial[]): string {
  const counts = new Map<string, number>();
  for (const trial of failed) {
    const { kind } = failureOf(trial);
    counts.set(kind, (counts.get(kind) ?? 0) + 1);
  }
  return [...counts].map(([kind, count]) => `${kind} ${count}`).join(', ');
}

/** A row for each failed trial, with a link to what it printed. */
export function failureTable(failed: readonly FrozenTrial[]): Table {
  const rows = failed.map((trial): Cell[] => {
    const { kind, message } = failureOf(trial);
    const href = `trial_${trial.number}/${OUTPUT_FILE}`;
    return [
      String(trial.number),
      kind,
      shortened(message, MOST_LETTERS),
      // Only a trial of the command line has a folder.
      kind === UNKNOWN ? '' : { text: href, href },
    ];
  });
  return { kind: 'table', header: ['trial', 'kind', 'message', 'output'], rows };
}

/** The parameters that trials have, with what each was last suggested from. */
export function lastDistributions(trials: readonly FrozenTrial[]): Map<string, Distribution> {
  return new Map(trials.flatMap((trial) => Object.entries(trial.distributions)));
}

const UNKNOWN = 'unknown';

function failureOf(trial: FrozenTrial): { kind: string; message: string } {
  const reason = reasonOf(trial);
  const match = /^failed:([\w-]+): ([^]*)$/.exec(reason);
  return match === null
    ? { kind: UNKNOWN, message: reason === '' ? 'no reason' : reason }
    : { kind: match[1], message: match[2] };
}

function paramCells(trial: FrozenTrial, names: readonly string[]): string[] {
  return names.map((name) =>
    Object.hasOwn(trial.params, name) ? shortValue(trial.params[name]) : '',
  );
}

function shortened(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length)}...`;
}

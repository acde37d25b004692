import { join } from 'node:path';
import { writeFileAtomic } from '../core/atomicFile.ts';
import type { FrozenTrial } from '../hpo/frozenTrial.ts';
import { paretoFront } from '../hpo/pareto.ts';
import { chartSections, type Objective } from './report/charts.ts';
import { type Comparison, comparisonBlocks } from './report/comparison.ts';
import { html } from './report/html.ts';
import { markdown } from './report/markdown.ts';
import type { Block, Section } from './report/sections.ts';
import {
  chosenTable,
  failureKinds,
  failureTable,
  spaceTable,
  trialsTable,
} from './report/tables.ts';
import { bestFirst } from './retention.ts';
import { timeText } from './timeText.ts';
import { secondsOf } from './trialRecord.ts';
import { shortValue, stateCounts } from './trialText.ts';

const BEST_TRIALS = 10;

/** What a report is about. */
export interface ReportInput {
  readonly study: string;
  /** One for each value of a trial. */
  readonly objectives: readonly Objective[];
  /** Name and value of what the search was run with. */
  readonly settings: readonly (readonly [name: string, value: string])[];
  readonly trials: readonly FrozenTrial[];
  /** Commands for the study, with what they are for. */
  readonly commands: readonly (readonly [purpose: string, command: string])[];
  readonly comparison?: Comparison;
}

/**
 * Writes `report.md` and, with charts, `report.html` of the same content.
 * @returns the paths
 */
export async function writeReport(
  folder: string,
  input: ReportInput,
  charts = true,
): Promise<string[]> {
  const sections = reportSections(input);
  const title = `Study ${input.study}`;
  const [text, page] = ['report.md', 'report.html'].map((name) => join(folder, name));
  await writeFileAtomic(text, markdown(title, sections));
  if (!charts) return [text];
  await writeFileAtomic(page, await html(title, sections));
  return [text, page];
}

/** A study for people: the best, how it came about, what decides, all trials, the failures. */
export function reportSections(input: ReportInput): Section[] {
  const { trials, objectives, comparison } = input;
  const failed = trials.filter((trial) => trial.state === 'FAIL');
  return [
    { title: '', blocks: [{ kind: 'text', text: summary(input) }] },
    { title: 'Best', blocks: bestBlocks(input) },
    {
      title: 'Compared with other searches',
      blocks: comparison === undefined ? [] : comparisonBlocks(comparison),
    },
    ...chartSections(trials, objectives),
    {
      title: 'Failures',
      blocks:
        failed.length === 0
          ? []
          : [{ kind: 'text', text: `${failureKinds(failed)}.` }, failureTable(failed)],
    },
    { title: 'Search space', blocks: trials.length === 0 ? [] : [spaceTable(trials)] },
    {
      title: 'Settings',
      blocks: [
        {
          kind: 'table',
          header: ['setting', 'value'],
          rows: [...input.settings, ...times(trials)],
        },
      ],
    },
    { title: 'Trials', blocks: trials.length === 0 ? [] : [trialsTable(trials, objectives)] },
  ];
}

function summary({ objectives, trials }: ReportInput): string {
  const goals = objectives.map(
    ({ name, direction }) => `${direction === 'minimize' ? 'smallest' : 'largest'} ${name}`,
  );
  const goal = goals.join(' and ');
  return `${goal.charAt(0).toUpperCase()}${goal.slice(1)}; ${stateCounts(trials)}.`;
}

function bestBlocks(input: ReportInput): Block[] {
  const { trials, objectives } = input;
  const commands = input.commands.flatMap(([purpose, command]): Block[] => [
    { kind: 'text', text: `${purpose}:` },
    { kind: 'code', text: command },
  ]);
  if (objectives.length > 1) {
    const directions = objectives.map(({ direction }) => direction);
    const front = paretoFront(trials, directions);
    const none: Block = { kind: 'text', text: 'No trial is complete yet.' };
    const text = `${front.length} trials that no other one beats in all objectives.`;
    if (front.length === 0) return [none, ...commands];
    return [{ kind: 'text', text }, chosenTable(front, objectives), ...commands];
  }
  const ranked = bestFirst(trials, objectives[0].direction);
  if (ranked.length === 0)
    return [{ kind: 'text', text: 'No trial is complete yet.' }, ...commands];
  const [best] = ranked;
  const params = Object.entries(best.params).map(([name, value]) => [name, exact(value)]);
  const value = best.values?.[0] ?? 'none';
  const blocks: Block[] = [
    { kind: 'text', text: `Trial ${best.number}: ${objectives[0].name} = ${value}` },
    { kind: 'table', header: ['parameter', 'value'], rows: params },
    ...commands,
  ];
  if (ranked.length < 2) return blocks;
  const few = ranked.slice(0, BEST_TRIALS);
  blocks.push(
    { kind: 'text', text: `The best ${few.length} trials:` },
    chosenTable(few, objectives),
  );
  return blocks;
}

function exact(value: unknown): string {
  return typeof value === 'number' ? String(value) : shortValue(value);
}

function times(trials: readonly FrozenTrial[]): [string, string][] {
  const seconds = trials.map((trial) => secondsOf(trial) ?? 0).reduce((sum, each) => sum + each, 0);
  const moments = trials.flatMap(({ datetimeStart, datetimeComplete }) =>
    [datetimeStart, datetimeComplete].flatMap((text) => (text === null ? [] : [text])),
  );
  if (moments.length === 0) return [];
  const readable = (text: string): string => `${text.slice(0, 19).replace('T', ' ')} UTC`;
  const sorted = moments.toSorted();
  return [
    ['time in trials', timeText(seconds)],
    ['from', readable(sorted[0])],
    ['to', readable(sorted[sorted.length - 1])],
  ];
}

import type { FrozenTrial } from '../../hpo/frozenTrial.ts';
import { paramImportances } from '../../hpo/importance/paramImportances.ts';
import { bestOf } from '../../hpo/pareto.ts';
import type { Direction } from '../../hpo/trialState.ts';
import { measured } from './chartStyle.ts';
import { historyChart } from './historyChart.ts';
import { importanceChart } from './importanceChart.ts';
import { learningCurves, MOST_CURVES } from './learningCurves.ts';
import { pairChart } from './pairChart.ts';
import { MOST_LINES, parallelChart } from './parallelChart.ts';
import { paretoChart } from './paretoChart.ts';
import type { Block, Section } from './sections.ts';
import { sliceChart } from './sliceChart.ts';
import { timelineChart } from './timelineChart.ts';

/** What a search makes small or large. */
export interface Objective {
  readonly name: string;
  readonly direction: Direction;
}

const MOST_SLICES = 12;
const MOST_AXES = 7;

/** The pictures of a study, as far as its trials are enough for them. */
export function chartSections(
  trials: readonly FrozenTrial[],
  objectives: readonly Objective[],
): Section[] {
  const indexed = objectives.map((objective, index) => ({ ...objective, index }));
  return [
    { title: 'Pareto front', blocks: fronts(trials, objectives) },
    { title: 'History', blocks: indexed.flatMap((objective) => history(trials, objective)) },
    { title: 'Importance', blocks: importance(trials, objectives) },
    ...indexed.map((objective) => ({
      title: objectives.length === 1 ? 'Parameters' : `Parameters and ${objective.name}`,
      blocks: parameters(trials, objective, objectives),
    })),
    { title: 'Learning curves', blocks: curves(trials, objectives) },
    { title: 'Timeline', blocks: timeline(trials) },
  ];
}

function history(trials: readonly FrozenTrial[], objective: Objective & { index: number }) {
  if (measured(trials, objective.index).length === 0) return [];
  const parts = ['Dots: complete trials; line: the best so far'];
  if (trials.some(({ state }) => state === 'PRUNED')) {
    parts.push('triangles: pruned, at their last report');
  }
  if (trials.some(({ state }) => state === 'FAIL')) parts.push('crosses at the bottom: failed');
  const caption = `${parts.join('; ')}. What lies far out is drawn at the edge.`;
  return [{ kind: 'chart' as const, caption, spec: historyChart(trials, objective) }];
}

function importance(trials: readonly FrozenTrial[], objectives: readonly Objective[]): Block[] {
  const importances = importancesOf(trials, objectives);
  if (importances === undefined) {
    return [{ kind: 'text', text: 'Too few complete trials to tell parameters apart.' }];
  }
  const caption =
    'How much a parameter decides whether a trial is among the best tenth (PED-ANOVA, the sum is 100 %).';
  const rows = Object.entries(importances).map(([name, share]) => [
    name,
    `${(100 * share).toFixed(1)} %`,
  ]);
  return [
    { kind: 'chart', caption, spec: importanceChart(importances) },
    { kind: 'table', header: ['parameter', 'importance'], rows },
  ];
}

function parameters(
  trials: readonly FrozenTrial[],
  objective: Objective & { index: number },
  objectives: readonly Objective[],
): Block[] {
  const names = Object.keys(importancesOf(trials, objectives) ?? {});
  if (names.length === 0) return [];
  const few = names.slice(0, MOST_SLICES);
  const of =
    names.length > few.length ? `, the ${few.length} most important of ${names.length}` : '';
  const slices: Block = {
    kind: 'chart',
    caption: `${objective.name} of complete trials over each parameter${of}; later trials are darker.`,
    spec: sliceChart(trials, few, objective),
  };
  // A line needs all of its parameters: those that only some trials have would leave few lines.
  const complete = measured(trials, objective.index);
  const common = names.filter((name) =>
    complete.every(({ params }) => Object.hasOwn(params, name)),
  );
  if (common.length < 2) return [slices];
  const axes = common.slice(0, MOST_AXES);
  const best =
    complete.length > MOST_LINES ? `the best ${MOST_LINES} complete trials` : 'complete trials';
  return [
    slices,
    {
      kind: 'chart',
      caption: `Parallel coordinates of ${best}, the most important parameter first.`,
      spec: parallelChart(trials, axes, objective),
    },
    {
      kind: 'chart',
      caption: `The two most important parameters together.`,
      spec: pairChart(trials, [axes[0], axes[1]], objective),
    },
  ];
}

function curves(trials: readonly FrozenTrial[], objectives: readonly Objective[]): Block[] {
  if (objectives.length > 1) return [];
  const reported = trials.filter(({ intermediateValues }) => intermediateValues.size > 1);
  if (reported.length === 0) return [];
  const best = bestOf(trials, objectives[0].direction);
  const shown = reported.slice(-MOST_CURVES);
  if (best !== undefined && reported.includes(best) && !shown.includes(best)) shown.push(best);
  const last = shown.length < reported.length ? ` of the last ${MOST_CURVES} trials` : '';
  return [
    {
      kind: 'chart',
      caption: `Reports${last}: complete blue, pruned yellow, failed red, the best black.`,
      spec: learningCurves(shown, objectives[0].name, best?.number),
    },
  ];
}

function timeline(trials: readonly FrozenTrial[]): Block[] {
  const begun = trials.filter(({ datetimeStart }) => datetimeStart !== null);
  if (begun.length === 0) return [];
  const caption =
    'Each trial from its start to its end; trials in different rows ran side by side. Dashed: a pause that was cut out.';
  return [{ kind: 'chart', caption, spec: timelineChart(begun) }];
}

function fronts(trials: readonly FrozenTrial[], objectives: readonly Objective[]): Block[] {
  if (!trials.some(({ state }) => state === 'COMPLETE')) return [];
  const blocks: Block[] = [];
  for (let second = 1; second < objectives.length; second++) {
    for (let first = 0; first < second; first++) {
      const caption = `${objectives[first].name} and ${objectives[second].name}: red are the trials that none beats.`;
      const spec = paretoChart(trials, objectives, [first, second]);
      blocks.push({ kind: 'chart', caption, spec });
    }
  }
  return blocks;
}

function importancesOf(
  trials: readonly FrozenTrial[],
  objectives: readonly Objective[],
): Record<string, number> | undefined {
  const able = trials.filter(
    ({ state, values }) => state === 'COMPLETE' && values !== null && values.every(Number.isFinite),
  );
  const varied = able.some(({ params }) => Object.keys(params).length > 0);
  const directions = objectives.map(({ direction }) => direction);
  return able.length < 2 || !varied ? undefined : paramImportances(trials, directions);
}

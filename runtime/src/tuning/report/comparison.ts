import type { FrozenTrial } from '../../hpo/frozenTrial.ts';
import { bestOf } from '../../hpo/pareto.ts';
import { type Direction, isBetter, isFinished } from '../../hpo/trialState.ts';
import { shortNumber } from '../../hpo/shortNumber.ts';
import type { Block } from './sections.ts';

/** Another study that a search is compared with. */
export interface Compared {
  readonly study: string;
  /** Null where no search of this program has noted it. */
  readonly sampler: string | null;
  readonly trials: readonly FrozenTrial[];
  /** How its trials were cut short otherwise than this study's; empty when they were not. */
  readonly differences: readonly string[];
}

/** What a comparison comes to. */
export interface Comparison {
  /** Finished trials of each study that count: those the compared search has. */
  readonly budget: number;
  readonly best: number | undefined;
  /** One for each compared study, in their order. */
  readonly others: readonly (Compared & {
    readonly count: number;
    readonly best: number | undefined;
  })[];
  /** Of the bests of the compared studies that have one. */
  readonly median: number | undefined;
  readonly verdict: 'better' | 'equal' | 'worse' | undefined;
}

/**
 * The best of a study against the median best of others, each by its first so many finished trials
 * as the study has.
 */
export function compareStudies(
  trials: readonly FrozenTrial[],
  compared: readonly Compared[],
  direction: Direction,
): Comparison {
  const budget = trials.filter((trial) => isFinished(trial.state)).length;
  const others = compared.map((other) => {
    const counted = other.trials.filter((trial) => isFinished(trial.state)).slice(0, budget);
    return { ...other, count: counted.length, best: bestOf(counted, direction)?.values?.[0] };
  });
  const best = bestOf(trials, direction)?.values?.[0];
  const median = medianOf(others.flatMap((other) => other.best ?? []));
  const verdict =
    best === undefined || median === undefined
      ? undefined
      : best === median
        ? 'equal'
        : isBetter(direction, best, median)
          ? 'better'
          : 'worse';
  return { budget, best, others, median, verdict };
}

/**
 * `best 0.912; median best of 5 random searches of the same budget (100 trials) 0.905: not worse`.
 */
export function comparisonLine({ budget, best, others, median, verdict }: Comparison): string {
  if (best === undefined) return 'nothing to compare: no trial is complete yet';
  if (median === undefined) return 'nothing to compare with: the other studies have no best trial';
  const samplers = new Set(others.map(({ sampler }) => sampler));
  const [only] = samplers;
  const kind = samplers.size === 1 && only !== null ? `${only} ` : '';
  const searches = others.length === 1 ? `a ${kind}search` : `${others.length} ${kind}searches`;
  const same = others.every(
    ({ count, differences }) => count === budget && differences.length === 0,
  );
  const size = same ? ` of the same budget (${budget} trials)` : ' of another budget';
  const judged =
    verdict === 'worse' ? 'worse' : `not worse${verdict === 'better' ? ' (better)' : ''}`;
  const middle = others.length === 1 ? 'best' : 'median best';
  return `best ${shortNumber(best)}; ${middle} of ${searches}${size} ${shortNumber(median)}: ${judged}`;
}

/** The comparison for the report: its line, and each of the other studies. */
export function comparisonBlocks(comparison: Comparison): Block[] {
  const rows = comparison.others.map(({ study, sampler, count, best, differences }) => [
    study,
    sampler ?? 'unknown',
    count === comparison.budget ? String(count) : `${count} of ${comparison.budget}`,
    best === undefined ? 'none' : shortNumber(best),
    differences.join('; '),
  ]);
  return [
    { kind: 'text', text: `${capitalized(comparisonLine(comparison))}.` },
    { kind: 'table', header: ['study', 'sampler', 'trials', 'best', 'differs in'], rows },
  ];
}

function medianOf(values: readonly number[]): number | undefined {
  const sorted = values.toSorted((a, b) => a - b);
  if (sorted.length === 0) return undefined;
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

function capitalized(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

import { checkOptions, whole, within } from '../optionChecks.ts';
import type { PruneDecision, Pruner, PrunerContext } from './pruner.ts';

/** Options of {@link PatientPruner}. */
export interface PatientPrunerOptions {
  /** So many reports without improvement are borne. */
  readonly patience: number;
  /** What counts as an improvement. Default 0. */
  readonly minDelta?: number;
}

const CHECKS = { patience: whole(0), minDelta: within(0) };

/** Asks another pruner only about trials that have not improved for a while. */
export class PatientPruner implements Pruner {
  readonly name = 'patient';
  readonly #inner: Pruner | undefined;
  readonly #patience: number;
  readonly #minDelta: number;

  /**
   * @param inner undefined: such trials are pruned
   * @throws UsageError ERR_HPO_PRUNER for wrong options
   */
  constructor(inner: Pruner | undefined, options: PatientPrunerOptions) {
    checkOptions<PatientPrunerOptions>('pruner', 'patient', options, CHECKS, ['patience']);
    const { patience, minDelta = 0 } = options;
    this.#inner = inner;
    this.#patience = patience;
    this.#minDelta = minDelta;
  }

  decide(context: PrunerContext): PruneDecision {
    const { direction, trial } = context;
    const reports = [...trial.intermediateValues].sort(([a], [b]) => a - b);
    const recent = this.#patience + 1;
    if (reports.length <= recent) return { prune: false, reason: 'too few reports to judge' };
    const sign = direction === 'minimize' ? 1 : -1;
    const best = (part: typeof reports): number => {
      const values = part.map(([, value]) => sign * value).filter((value) => !Number.isNaN(value));
      return values.length === 0 ? NaN : Math.min(...values);
    };
    const [before, after] = [best(reports.slice(0, -recent)), best(reports.slice(-recent))];
    if (!(before + this.#minDelta < after)) return { prune: false, reason: 'still improving' };
    if (this.#inner !== undefined) return this.#inner.decide(context);
    return { prune: true, reason: `no improvement in ${recent} reports` };
  }
}

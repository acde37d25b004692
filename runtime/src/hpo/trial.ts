import { LightboxError } from '../errors.ts';
import { constraintAttr } from './constraints.ts';
import {
  categoricalDistribution,
  containsInternal,
  type Distribution,
  floatDistribution,
  incompatibility,
  intDistribution,
  isSingle,
  type ParamValue,
  type RangeOptions,
  singleValue,
  toExternal,
  toInternal,
} from './distribution.ts';
import type { FrozenTrial } from './frozenTrial.ts';
import { ofParam } from './ofParam.ts';
import type { Plain } from './plain.ts';
import type { PruneDecision } from './pruners/pruner.ts';
import type { Sampler, SamplerContext } from './samplers/sampler.ts';
import type { ParamEntry, TrialChanges } from './storages/storage.ts';
import type { TrialLike } from './trialLike.ts';

/** What a trial needs of its study; made by `Study.ask`. */
export interface TrialHost {
  readonly sampler: Sampler;
  readonly context: SamplerContext;
  /** What the sampler decided together. */
  readonly relative: Readonly<Record<string, ParamValue>>;
  update(trialId: number, changes: TrialChanges): Promise<FrozenTrial>;
  decide(trialId: number): Promise<PruneDecision>;
}

/**
 * A running trial. Suggestions are made at once and recorded together, at the next `report`,
 * `flush`, attribute or `tell`.
 */
export class Trial implements TrialLike {
  readonly id: number;
  readonly number: number;
  readonly #host: TrialHost;
  readonly #fixed: Readonly<Record<string, Plain>>;
  readonly #params: Record<string, ParamValue>;
  readonly #distributions: Record<string, Distribution>;
  readonly #reported: Set<number>;
  #pending: ParamEntry[] = [];

  constructor(frozen: FrozenTrial, host: TrialHost) {
    this.id = frozen.id;
    this.number = frozen.number;
    this.#host = host;
    this.#fixed = fixedParams(frozen);
    this.#params = { ...frozen.params };
    this.#distributions = { ...frozen.distributions };
    this.#reported = new Set(frozen.intermediateValues.keys());
  }

  /** What has been suggested so far. */
  get params(): Readonly<Record<string, ParamValue>> {
    return { ...this.#params };
  }

  get distributions(): Readonly<Record<string, Distribution>> {
    return { ...this.#distributions };
  }

  suggestFloat(name: string, low: number, high: number, options?: RangeOptions): number {
    const distribution = ofParam(name, () => floatDistribution(low, high, options));
    return this.suggest(name, distribution) as number;
  }

  suggestInt(name: string, low: number, high: number, options?: RangeOptions): number {
    const distribution = ofParam(name, () => intDistribution(low, high, options));
    return this.suggest(name, distribution) as number;
  }

  suggestCategorical<const T extends ParamValue>(name: string, choices: readonly T[]): T {
    const distribution = ofParam(name, () => categoricalDistribution(choices));
    return this.suggest(name, distribution) as T;
  }

  /**
   * The parameter's value; the same again when it was suggested before.
   * @throws LightboxError ERR_HPO_SPACE_CHANGED when it was suggested from another kind of space
   */
  suggest(name: string, distribution: Distribution): ParamValue {
    const before = this.#distributions[name] as Distribution | undefined;
    if (before !== undefined) {
      const reason = incompatibility(before, distribution);
      if (reason === undefined) return this.#params[name];
      throw new LightboxError('ERR_HPO_SPACE_CHANGED', `parameter "${name}": ${reason}`);
    }
    const internal = toInternal(distribution, this.#choose(name, distribution));
    // By way of the stored number, so that a resumed trial sees exactly what this one saw.
    const value = toExternal(distribution, internal);
    this.#pending.push({ name, internal, distribution });
    this.#params[name] = value;
    this.#distributions[name] = distribution;
    return value;
  }

  /**
   * Records an intermediate value for the pruner. A step counts once: a second report of it is
   * left out, as in Optuna (a continued trial repeats its reports).
   * @param step 0 or more; here the number of optimizer updates
   */
  async report(value: number, step: number): Promise<void> {
    if (!Number.isSafeInteger(step) || step < 0) {
      throw new LightboxError('ERR_HPO_REPORT', `step must be 0, 1, 2, ..., got ${step}`);
    }
    if (this.#reported.has(step)) return;
    this.#reported.add(step);
    await this.#host.update(this.id, this.takePending({ reports: [{ step, value }] }));
  }

  /** True when the pruner gives the trial up; ask after a report, and then tell `PRUNED`. */
  async shouldPrune(): Promise<boolean> {
    return (await this.pruneDecision()).prune;
  }

  /** The pruner's decision with its reason. */
  async pruneDecision(): Promise<PruneDecision> {
    await this.flush();
    return this.#host.decide(this.id);
  }

  async setUserAttr(key: string, value: Plain): Promise<void> {
    await this.#host.update(this.id, this.takePending({ userAttrs: { [key]: value } }));
  }

  async setSystemAttr(key: string, value: Plain): Promise<void> {
    await this.#host.update(this.id, this.takePending({ systemAttrs: { [key]: value } }));
  }

  /** Records a constraint: the trial is feasible when none of its constraints is above 0. */
  async setConstraint(key: string, value: number): Promise<void> {
    if (Number.isNaN(value)) {
      throw new LightboxError('ERR_HPO_PARAM', `constraint "${key}" is NaN`);
    }
    await this.setSystemAttr(constraintAttr(key), value);
  }

  /** Records the suggestions made so far. */
  async flush(): Promise<void> {
    if (this.#pending.length > 0) await this.#host.update(this.id, this.takePending({}));
  }

  /** Used by `Study.tell`: the unrecorded suggestions, ahead of `changes`. */
  takePending(changes: TrialChanges): TrialChanges {
    const params = this.#pending;
    this.#pending = [];
    return params.length === 0 ? changes : { ...changes, params };
  }

  #choose(name: string, distribution: Distribution): ParamValue {
    if (Object.hasOwn(this.#fixed, name)) return this.#fixed[name] as ParamValue;
    if (isSingle(distribution)) return singleValue(distribution);
    const { relative } = this.#host;
    if (Object.hasOwn(relative, name) && fits(distribution, relative[name])) return relative[name];
    const { sampler, context } = this.#host;
    return sampler.sampleIndependent(context, name, distribution, this.#params);
  }
}

/** False for a value decided when the parameter was described otherwise. */
function fits(distribution: Distribution, value: ParamValue): boolean {
  if (distribution.kind === 'categorical') {
    return distribution.choices.some((choice) => Object.is(choice, value));
  }
  return typeof value === 'number' && containsInternal(distribution, value);
}

function fixedParams(trial: FrozenTrial): Readonly<Record<string, Plain>> {
  const fixed = trial.systemAttrs.fixed_params as Plain | undefined;
  return typeof fixed === 'object' && fixed !== null && !Array.isArray(fixed)
    ? (fixed as Readonly<Record<string, Plain>>)
    : {};
}

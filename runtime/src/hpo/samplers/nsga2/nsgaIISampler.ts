import type { Rng } from '../../../random/rng.ts';
import type { Distribution, ParamValue } from '../../distribution.ts';
import type { FrozenTrial } from '../../frozenTrial.ts';
import { checkOptions, oneOf, whole, within } from '../../optionChecks.ts';
import type { Plain } from '../../plain.ts';
import { relativeParamsAttrs } from '../../relativeParams.ts';
import type { Direction } from '../../trialState.ts';
import { intersectionSpace, withoutSingles } from '../intersectionSpace.ts';
import { RandomSampler } from '../randomSampler.ts';
import type { Sampler, SamplerContext } from '../sampler.ts';
import { cross } from './crossover.ts';
import { dominates, selectElite } from './elite.ts';

/** Options of {@link NsgaIISampler}; the defaults are Optuna's. */
export interface NsgaIISamplerOptions {
  /** Trials of a generation, and parents of the next. Default 50. */
  readonly populationSize?: number;
  /** Probability that a parameter is drawn anew. Default 1 / number of parameters. */
  readonly mutationProb?: number;
  /** Probability that a child has two parents. Default 0.9. */
  readonly crossoverProb?: number;
  /** Uniform crossover: probability of the second parent's value. Default 0.5. */
  readonly swappingProb?: number;
  /** `uniform` takes each value from either parent, `sbx` numbers near to them. Default `uniform`. */
  readonly crossover?: 'uniform' | 'sbx';
  /** How near, for `sbx`. Default 20 with several objectives, 2 with one. */
  readonly eta?: number;
}

type Params = Readonly<Record<string, ParamValue>>;
type Space = Readonly<Record<string, Distribution>>;

const CHECKS = {
  populationSize: whole(2),
  mutationProb: within(0, 1),
  crossoverProb: within(0, 1),
  swappingProb: within(0, 1),
  crossover: oneOf('uniform', 'sbx'),
  eta: within(0),
};
const GENERATION = 'NSGAIISampler:generation';

/**
 * NSGA-II: each generation's children have as parents the best of all before, by Pareto front and
 * then by how alone they are on it; constraints come before objectives. Trials say in which
 * generation they were made, in Optuna's notation. For several objectives and many trials.
 */
export class NsgaIISampler implements Sampler {
  readonly name = 'nsgaii';
  readonly #options: NsgaIISamplerOptions;
  readonly #size: number;
  readonly #random = new RandomSampler();
  readonly #elites: { from: readonly FrozenTrial[]; elite: readonly FrozenTrial[] }[] = [];

  /** @throws UsageError ERR_HPO_SAMPLER for wrong options */
  constructor(options: NsgaIISamplerOptions = {}) {
    checkOptions<NsgaIISamplerOptions>('sampler', 'nsgaii', options, CHECKS);
    this.#options = options;
    this.#size = options.populationSize ?? 50;
  }

  inferRelativeSearchSpace({ trials }: SamplerContext): Space {
    return withoutSingles(intersectionSpace(trials));
  }

  sampleRelative(context: SamplerContext, space: Space): Record<string, ParamValue> {
    const parents = this.#parents(context, this.#generation(context));
    if (parents.length === 0) return {};
    const rng = context.rng.fold('nsgaii');
    const child = this.#child(space, parents, context.directions, rng);
    const names = Object.keys(child);
    const { mutationProb = 1 / Math.max(1, names.length) } = this.#options;
    // What is left out is drawn anew.
    const kept = names.filter(() => rng.uniform() >= mutationProb);
    return Object.fromEntries(kept.map((name) => [name, child[name]]));
  }

  sampleIndependent(context: SamplerContext, name: string, distribution: Distribution): ParamValue {
    return this.#random.sampleIndependent(context, name, distribution);
  }

  relativeAttrs(params: Params, context: SamplerContext): Record<string, Plain> {
    const shared = Object.keys(params).length === 0 ? {} : relativeParamsAttrs(params);
    return { ...shared, [GENERATION]: this.#generation(context) };
  }

  #child(
    space: Space,
    parents: readonly FrozenTrial[],
    directions: readonly Direction[],
    rng: Rng,
  ): Record<string, ParamValue> {
    const { crossoverProb = 0.9, swappingProb = 0.5, crossover = 'uniform' } = this.#options;
    const { eta = directions.length > 1 ? 20 : 2 } = this.#options;
    const select = (from: readonly FrozenTrial[]): FrozenTrial => {
      const [one, other] = [from[rng.int(from.length)], from[rng.int(from.length)]];
      return dominates(one, other, directions) ? one : other;
    };
    if (rng.uniform() >= crossoverProb || parents.length < 2) {
      const { params } = parents[rng.int(parents.length)];
      return Object.fromEntries(Object.keys(space).map((name) => [name, params[name]]));
    }
    const first = select(parents);
    const second = select(parents.filter((trial) => trial !== first));
    return cross(space, [first.params, second.params], { crossover, swappingProb, eta }, rng);
  }

  /** The latest one, or the next when that has enough complete trials. */
  #generation({ trials }: SamplerContext): number {
    let latest = 0;
    let count = 0;
    for (const trial of trials) {
      const generation = generationOf(trial);
      if (generation === undefined || generation < latest) continue;
      count = generation > latest ? 1 : count + 1;
      latest = generation;
    }
    return count < this.#size ? latest : latest + 1;
  }

  /** Selected from the generation before and its own parents. */
  #parents({ trials, directions }: SamplerContext, generation: number): readonly FrozenTrial[] {
    const populations: FrozenTrial[][] = Array.from({ length: generation }, () => []);
    for (const trial of trials) populations[generationOf(trial) ?? -1]?.push(trial);
    let elite: readonly FrozenTrial[] = [];
    for (const [number, population] of populations.entries()) {
      const from = [...population, ...elite];
      const known = this.#elites.at(number);
      const same =
        known?.from.length === from.length && known.from.every((trial, at) => trial === from[at]);
      elite = same ? known.elite : selectElite(from, directions, this.#size);
      this.#elites[number] = { from, elite };
    }
    return elite;
  }
}

/** Of a complete trial. */
function generationOf({ state, systemAttrs, values }: FrozenTrial): number | undefined {
  const generation: unknown = systemAttrs[GENERATION];
  if (state !== 'COMPLETE' || values === null) return undefined;
  return Number.isSafeInteger(generation) ? (generation as number) : undefined;
}

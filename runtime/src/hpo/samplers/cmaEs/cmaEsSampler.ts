import { LightboxError } from '../../../errors.ts';
import type {
  Distribution,
  FloatDistribution,
  IntDistribution,
  ParamValue,
} from '../../distribution.ts';
import { distributionToJson } from '../../distributionJson.ts';
import type { FrozenTrial } from '../../frozenTrial.ts';
import { checkOptions, flag, whole, within } from '../../optionChecks.ts';
import type { Plain } from '../../plain.ts';
import { crc32 } from '../../pruners/crc32.ts';
import { relativeParamsAttrs } from '../../relativeParams.ts';
import { intersectionSpace, withoutSingles } from '../intersectionSpace.ts';
import { RandomSampler } from '../randomSampler.ts';
import type { Sampler, SamplerContext } from '../sampler.ts';
import { fromUnit, toUnit } from '../unitInterval.ts';
import { CmaEs } from './cmaEs.ts';

/** Options of {@link CmaEsSampler}. */
export interface CmaEsSamplerOptions {
  /** Random suggestions until so many trials are COMPLETE. Default 1. */
  readonly nStartupTrials?: number;
  /** Trials of a generation. Default 4 + 3 ln(number of parameters). */
  readonly popsize?: number;
  /** The first step as a share of each range. Default 1/6. */
  readonly sigma0?: number;
  /** Learn from pruned trials too, by their last report. Default false. */
  readonly considerPrunedTrials?: boolean;
}

type Params = Readonly<Record<string, ParamValue>>;
type Space = Readonly<Record<string, Distribution>>;
type Axes = readonly (readonly [string, FloatDistribution | IntDistribution])[];

const CHECKS = {
  nStartupTrials: whole(0),
  popsize: whole(4),
  sigma0: within(1e-10, 1),
  considerPrunedTrials: flag,
};
const GENERATION = 'cma:generation';
const SPACE = 'cma:space';

/**
 * CMA-ES on the numbers that all trials have in common, in ranges brought to [0, 1] (logarithms
 * where `log` is set, half a step more at both ends of integers and grids). Choices, and
 * parameters that only some trials have, are random. Its state follows from the trials: each says
 * in which generation it was drawn. When the common space changes, it begins anew in the new one.
 */
export class CmaEsSampler implements Sampler {
  readonly name = 'cmaes';
  readonly #options: CmaEsSamplerOptions;
  readonly #random = new RandomSampler();
  #latest: { key: string; told: readonly FrozenTrial[]; optimizer: CmaEs } | undefined;

  /** @throws UsageError ERR_HPO_SAMPLER for wrong options */
  constructor(options: CmaEsSamplerOptions = {}) {
    checkOptions<CmaEsSamplerOptions>('sampler', 'cmaes', options, CHECKS);
    this.#options = options;
  }

  /** @throws LightboxError ERR_HPO_DIRECTIONS with several objectives */
  inferRelativeSearchSpace({ directions, trials }: SamplerContext): Space {
    if (directions.length > 1) {
      const message = `sampler "cmaes" takes one objective, not ${directions.length}; use nsgaii or tpe`;
      throw new LightboxError('ERR_HPO_DIRECTIONS', message);
    }
    const { nStartupTrials = 1 } = this.#options;
    if (trials.filter(({ state }) => state === 'COMPLETE').length < nStartupTrials) return {};
    return Object.fromEntries(axesOf(withoutSingles(intersectionSpace(trials))));
  }

  sampleRelative(context: SamplerContext, space: Space): Record<string, ParamValue> {
    const axes = axesOf(space);
    if (axes.length === 0) return {};
    const point = this.#optimizer(context, axes).sample(context.rng.fold('cmaes'));
    // After very many trials the distribution may have shrunk to nothing.
    if (!point.every(Number.isFinite)) return {};
    return Object.fromEntries(
      axes.map(([name, distribution], axis) => [name, fromUnit(distribution, point[axis])]),
    );
  }

  sampleIndependent(context: SamplerContext, name: string, distribution: Distribution): ParamValue {
    return this.#random.sampleIndependent(context, name, distribution);
  }

  relativeAttrs(params: Params, context: SamplerContext): Record<string, Plain> {
    if (Object.keys(params).length === 0) return {};
    const axes = axesOf(this.inferRelativeSearchSpace(context));
    const { generation } = this.#optimizer(context, axes);
    const attrs = { [GENERATION]: generation, [SPACE]: keyOf(axes) };
    return { ...relativeParamsAttrs(params), ...attrs };
  }

  /** The distribution after all whole generations among the trials. */
  #optimizer({ directions, trials }: SamplerContext, axes: Axes): CmaEs {
    const key = keyOf(axes);
    const generations = this.#generations(trials, key);
    const { popsize, sigma0 } = this.#options;
    const fresh = { key, told: [], optimizer: new CmaEs(axes.length, popsize, sigma0) };
    const known = this.#latest;
    const { population } = fresh.optimizer;
    const whole = generations.findIndex((group) => group.length < population);
    const groups = generations
      .slice(0, whole < 0 ? generations.length : whole)
      .map((group) => group.slice(0, population));
    const told = groups.flat();
    const goesOn = known?.key === key && known.told.every((trial, at) => trial === told[at]);
    const { optimizer } = goesOn ? known : fresh;
    const sign = directions[0] === 'maximize' ? -1 : 1;
    for (const group of groups.slice(optimizer.generation)) {
      optimizer.tell(
        group.map(({ params, values }) => ({
          point: axes.map(([name, distribution]) => toUnit(distribution, Number(params[name]))),
          loss: sign * (values?.[0] ?? Infinity),
        })),
      );
    }
    this.#latest = { key, told, optimizer };
    return optimizer;
  }

  /** Each generation's trials in the order of their ends, so that late ones change nothing. */
  #generations(trials: readonly FrozenTrial[], key: string): FrozenTrial[][] {
    const generations: FrozenTrial[][] = [];
    const states = this.#options.considerPrunedTrials ? ['COMPLETE', 'PRUNED'] : ['COMPLETE'];
    for (const trial of trials) {
      const generation = Number(trial.systemAttrs[GENERATION]);
      if (!states.includes(trial.state) || trial.values === null) continue;
      if (trial.systemAttrs[SPACE] !== key || !(generation >= 0)) continue;
      while (generations.length <= generation) generations.push([]);
      generations[generation].push(trial);
    }
    for (const group of generations) group.sort(byEnd);
    return generations;
  }
}

function axesOf(space: Space): Axes {
  return Object.entries(space).flatMap(([name, distribution]) =>
    distribution.kind === 'categorical' ? [] : [[name, distribution] as const],
  );
}

/** The same for the same space only. */
function keyOf(axes: Axes): string {
  const text = axes.map(([name, distribution]) => `${name} ${distributionToJson(distribution)}`);
  return crc32(text.join('\n')).toString(16);
}

function byEnd(a: FrozenTrial, b: FrozenTrial): number {
  const [one, other] = [a.datetimeComplete ?? '', b.datetimeComplete ?? ''];
  return one < other ? -1 : one > other ? 1 : a.number - b.number;
}

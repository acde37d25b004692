import { didYouMean, UsageError } from '../errors.ts';
import { HyperbandPruner, type HyperbandOptions } from './pruners/hyperbandPruner.ts';
import { MedianPruner } from './pruners/medianPruner.ts';
import { NonePruner } from './pruners/nonePruner.ts';
import { PatientPruner, type PatientPrunerOptions } from './pruners/patientPruner.ts';
import { PercentilePruner, type PercentilePrunerOptions } from './pruners/percentilePruner.ts';
import type { Pruner } from './pruners/pruner.ts';
import {
  SuccessiveHalvingPruner,
  type SuccessiveHalvingOptions,
} from './pruners/successiveHalvingPruner.ts';
import { ThresholdPruner, type ThresholdPrunerOptions } from './pruners/thresholdPruner.ts';
import { checkOptions } from './optionChecks.ts';
import {
  BruteForceSampler,
  type BruteForceSamplerOptions,
} from './samplers/bruteForce/bruteForceSampler.ts';
import { CmaEsSampler, type CmaEsSamplerOptions } from './samplers/cmaEs/cmaEsSampler.ts';
import { GridSampler, type GridSamplerOptions } from './samplers/gridSampler.ts';
import { NsgaIISampler, type NsgaIISamplerOptions } from './samplers/nsga2/nsgaIISampler.ts';
import { QmcSampler, type QmcSamplerOptions } from './samplers/qmc/qmcSampler.ts';
import { RandomSampler } from './samplers/randomSampler.ts';
import type { Sampler } from './samplers/sampler.ts';
import { TpeSampler, type TpeSamplerOptions } from './samplers/tpe/tpeSampler.ts';

/** A sampler by name, with its options. */
export type SamplerSettings =
  | ({ readonly name?: 'tpe' } & TpeSamplerOptions)
  | ({ readonly name: 'tpe-group' } & TpeSamplerOptions)
  | { readonly name: 'random' }
  | ({ readonly name: 'grid' } & GridSamplerOptions)
  | ({ readonly name: 'brute_force' } & BruteForceSamplerOptions)
  | ({ readonly name: 'qmc' } & QmcSamplerOptions)
  | ({ readonly name: 'cmaes' } & CmaEsSamplerOptions)
  | ({ readonly name: 'nsgaii' } & NsgaIISamplerOptions);

/** A pruner by name, with its options. */
export type PrunerSettings =
  | ({ readonly name?: 'median' } & PercentilePrunerOptions)
  | ({ readonly name: 'percentile'; readonly percentile: number } & PercentilePrunerOptions)
  | ({ readonly name: 'successive_halving' } & SuccessiveHalvingOptions)
  | ({ readonly name: 'hyperband' } & HyperbandOptions)
  | ({ readonly name: 'threshold' } & ThresholdPrunerOptions)
  | ({ readonly name: 'patient' } & PatientPrunerOptions & {
        /** Asked about trials that no longer improve; default: they are pruned. */
        readonly pruner?: PrunerSettings;
      })
  | { readonly name: 'none' };

/** Every constructor checks its options itself, so whatever a configuration says may go there. */
type Makers<T> = Readonly<Record<string, (options: never) => T>>;

const SAMPLERS: Makers<Sampler> = {
  tpe: (options: TpeSamplerOptions) => new TpeSampler(options),
  'tpe-group': (options: TpeSamplerOptions) => new TpeSampler({ group: true, ...options }),
  random: (options: object) => {
    checkOptions('sampler', 'random', options, {});
    return new RandomSampler();
  },
  grid: (options: GridSamplerOptions) => new GridSampler(options),
  brute_force: (options: BruteForceSamplerOptions) => new BruteForceSampler(options),
  qmc: (options: QmcSamplerOptions) => new QmcSampler(options),
  cmaes: (options: CmaEsSamplerOptions) => new CmaEsSampler(options),
  nsgaii: (options: NsgaIISamplerOptions) => new NsgaIISampler(options),
};

const PRUNERS: Makers<Pruner> = {
  median: (options: PercentilePrunerOptions) => new MedianPruner(options),
  percentile: ({ percentile, ...rest }: PercentilePrunerOptions & { percentile: number }) =>
    new PercentilePruner(percentile, rest),
  successive_halving: (options: SuccessiveHalvingOptions) => new SuccessiveHalvingPruner(options),
  hyperband: (options: HyperbandOptions) => new HyperbandPruner(options),
  threshold: (options: ThresholdPrunerOptions) => new ThresholdPruner(options),
  patient: ({ pruner, ...rest }: PatientPrunerOptions & { pruner?: PrunerSettings }) =>
    new PatientPruner(pruner === undefined ? undefined : prunerOf(null, pruner), rest),
  none: (options: object) => {
    checkOptions('pruner', 'none', options, {});
    return new NonePruner();
  },
};

/** Known from Optuna, not offered; refused by name instead of as a misspelling. */
const LATER_SAMPLERS = ['gp', 'nsgaiii', 'partial_fixed'];
const LATER_PRUNERS = ['wilcoxon'];

/** The names that {@link createSampler} knows. */
export const samplerNames: readonly string[] = Object.keys(SAMPLERS);

/** The names that {@link createPruner} knows. */
export const prunerNames: readonly string[] = Object.keys(PRUNERS);

/**
 * The sampler of that name.
 * @throws UsageError ERR_HPO_SAMPLER naming those there are, or the wrong option
 */
export function createSampler(name: string, options: object = {}): Sampler {
  return choose('sampler', name, SAMPLERS, LATER_SAMPLERS)(options as never);
}

/**
 * The pruner of that name; `patient` takes another one's settings as its option `pruner`.
 * @throws UsageError ERR_HPO_PRUNER naming those there are, or the wrong option
 */
export function createPruner(name: string, options: object = {}): Pruner {
  return choose('pruner', name, PRUNERS, LATER_PRUNERS)(options as never);
}

/**
 * The sampler of a project's settings.
 * @param name the command line's; another one than the settings' gets no options
 * @throws UsageError ERR_HPO_SAMPLER as {@link createSampler}
 */
export function samplerOf(name: string | null, settings: SamplerSettings = {}): Sampler {
  const [chosen, options] = chosenOf('sampler', name, 'tpe', settings);
  return createSampler(chosen, options);
}

/** As {@link samplerOf}; ERR_HPO_PRUNER. */
export function prunerOf(name: string | null, settings: PrunerSettings = {}): Pruner {
  const [chosen, options] = chosenOf('pruner', name, 'median', settings);
  return createPruner(chosen, options);
}

function chosenOf(
  kind: 'sampler' | 'pruner',
  flag: string | null,
  usual: string,
  settings: SamplerSettings | PrunerSettings,
): [string, object] {
  const given: unknown = settings;
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    const message = `${kind}: expected settings such as { name: '${usual}' }, got ${JSON.stringify(given)}`;
    throw new UsageError(`ERR_HPO_${kind.toUpperCase()}`, message);
  }
  const { name = usual, ...options } = settings;
  return flag === null || flag === name ? [name, options] : [flag, {}];
}

function choose<T>(
  kind: 'sampler' | 'pruner',
  name: string,
  known: Readonly<Record<string, T>>,
  later: readonly string[],
): T {
  if (Object.hasOwn(known, name)) return known[name];
  const names = Object.keys(known);
  const problem = later.includes(name)
    ? `the ${kind} "${name}" is not available in this version.`
    : `unknown ${kind} "${name}".${didYouMean(name, [...names, ...later])}`;
  throw new UsageError(
    `ERR_HPO_${kind.toUpperCase()}`,
    `${problem} Available: ${names.join(', ')}`,
  );
}

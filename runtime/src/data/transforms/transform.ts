import { UsageError } from '../../errors.ts';
import type { Rng } from '../../random/rng.ts';
import type { BatchReader } from '../batchReader.ts';
import type { Dataset } from '../dataset.ts';
import { recipeUnlessOverridden, type Recipe } from '../workers/recipe.ts';

/**
 * A named change of a sample. Name, version and parameters identify what it does (caches use them),
 * so raise `version` when the same parameters give other values.
 */
export interface Transform<Input = unknown, Output = Input> {
  readonly name: string;
  readonly version: number;
  readonly parameters: Readonly<Record<string, unknown>>;
  /** True when `apply` draws from `rng`; such a transform is for training only. */
  readonly random: boolean;
  /** Returns a new sample; never changes the one it gets. */
  apply(sample: Input, rng: Rng): Output;
  /** The same change made while whole batches are read, or undefined when `dataset` cannot. */
  fuse?(dataset: Dataset): BatchReader | undefined;
  /** How loader threads (`num_workers`) rebuild it. */
  recipe?(): Recipe | undefined;
}

/** What loaders accept: a transform or a plain function of a sample and its random numbers. */
// Input any: a function of a specific sample type is not assignable to one of unknown samples.
// eslint-disable-next-line @typescript-eslint/no-explicit-any
export type TransformLike = Transform<any, unknown> | ((sample: any, rng: Rng) => unknown);

/** Applies transforms one after the other; random if one of them is. */
export class Compose implements Transform {
  readonly name = 'compose';
  readonly version = 1;
  readonly random: boolean;
  readonly parameters: Readonly<Record<string, unknown>>;
  readonly steps: readonly Transform[];

  constructor(steps: readonly TransformLike[]) {
    this.steps = steps.map(asTransform);
    this.random = this.steps.some((step) => step.random);
    this.parameters = {
      steps: this.steps.map(({ name, version, parameters }) => ({ name, version, parameters })),
    };
  }

  apply(sample: unknown, rng: Rng): unknown {
    let value = sample;
    for (const step of this.steps) value = step.apply(value, rng);
    return value;
  }

  recipe(): Recipe | undefined {
    return recipeUnlessOverridden<Compose>(this, Compose, ['apply'], () => ({
      module: import.meta.url,
      name: 'Compose',
      args: [this.steps],
    }));
  }
}

/** Gives a function a place among transforms; as nobody knows what it does, it has no parameters. */
export function asTransform(transform: TransformLike): Transform {
  if (typeof transform !== 'function') return transform;
  return {
    name: transform.name === '' ? 'function' : transform.name,
    version: 0,
    parameters: {},
    random: false,
    apply: (sample, rng): unknown => transform(sample, rng),
  };
}

/**
 * Random numbers for evaluation: there are none. Drawing from them is an error that names the
 * transform, so an evaluation pipeline cannot become random by accident.
 */
export function evaluationRng(rng: Rng, transform: string, stage: string): Rng {
  const refuse = (): never => {
    throw randomInEvaluation(transform, stage);
  };
  const methods = ['bits', 'uniform', 'int', 'normal', 'fold'] as const;
  const traps = Object.fromEntries(methods.map((method) => [method, { value: refuse }]));
  return Object.create(rng, traps) as Rng;
}

/** The error for a random transform outside training. */
export function randomInEvaluation(transform: string, stage: string): UsageError {
  return new UsageError(
    'ERR_DATA_RANDOM_EVALUATION',
    `The transform "${transform}" is random, but its loader is for stage "${stage}". ` +
      'Evaluation must give the same numbers every time: use a transform without randomness there.',
  );
}

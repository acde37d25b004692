import {
  asTransform,
  Compose,
  type Transform,
  type TransformLike,
} from '../transforms/transform.ts';
import { isNamed } from './cacheKey.ts';

/** A transform in two parts: what a cache can hold, and what runs for each sample after it. */
export interface SplitTransform {
  readonly cached: Transform | undefined;
  readonly rest: TransformLike | undefined;
}

/** Takes the steps up to the first that is random or a plain function. */
export function splitTransform(transform: TransformLike | undefined): SplitTransform {
  if (transform === undefined) return { cached: undefined, rest: undefined };
  const step = asTransform(transform);
  if (!step.random && isNamed(step)) return { cached: step, rest: undefined };
  if (!(step instanceof Compose)) return { cached: undefined, rest: transform };
  const { steps } = step;
  const count = steps.findIndex((inner) => inner.random || !isNamed(inner));
  if (count === 0) return { cached: undefined, rest: transform };
  return { cached: compose(steps.slice(0, count)), rest: compose(steps.slice(count)) };
}

function compose(steps: readonly Transform[]): Transform {
  return steps.length === 1 ? steps[0] : new Compose(steps);
}

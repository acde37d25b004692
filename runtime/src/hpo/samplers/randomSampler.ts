import type { Distribution, ParamValue } from '../distribution.ts';
import { fromUnit } from './unitInterval.ts';
import type { Sampler, SamplerContext } from './sampler.ts';

/** Draws every parameter by itself, uniformly (by magnitude where `log` is set). */
export class RandomSampler implements Sampler {
  readonly name = 'random';

  inferRelativeSearchSpace(): Record<string, Distribution> {
    return {};
  }

  sampleRelative(): Record<string, ParamValue> {
    return {};
  }

  sampleIndependent(context: SamplerContext, name: string, distribution: Distribution): ParamValue {
    return fromUnit(distribution, context.rng.fold('param', name).uniform());
  }
}

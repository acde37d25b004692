import type { ParamValue } from './distribution.ts';
import type { Plain } from './plain.ts';
import type { Sampler, SamplerContext } from './samplers/sampler.ts';

/** What the sampler decided together for one trial, and how other processes learn of it. */
export interface Draft {
  readonly params: Readonly<Record<string, ParamValue>>;
  readonly attrs: Readonly<Record<string, Plain>>;
}

/** Asks the sampler for the parameters it decides together. */
export function draftOf(sampler: Sampler, context: SamplerContext): Draft {
  const space = sampler.inferRelativeSearchSpace(context);
  const params = sampler.sampleRelative(context, space);
  const attrs = sampler.relativeAttrs?.(params, context) ?? {};
  return { params, attrs };
}

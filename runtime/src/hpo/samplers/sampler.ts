import type { Rng } from '../../random/rng.ts';
import type { Distribution, ParamValue } from '../distribution.ts';
import type { FrozenTrial } from '../frozenTrial.ts';
import type { Plain } from '../plain.ts';
import type { Direction } from '../trialState.ts';

/** What a sampler may look at. */
export interface SamplerContext {
  readonly directions: readonly Direction[];
  /** The study's trials at the moment of asking, by number, without the one being asked for. */
  readonly trials: readonly FrozenTrial[];
  /** The number of the trial being asked for. */
  readonly number: number;
  /**
   * Keyed by (study seed, trial number), so it is the same in every process and after every
   * resume. Fold it by purpose rather than drawing from it in an order that may change.
   */
  readonly rng: Rng;
  /** Keyed by the study seed alone, for what all trials share; fold it too. */
  readonly studyRng: Rng;
}

/**
 * Decides the parameters of trials. Holds no state that has to be saved: everything follows from
 * the context. Check yours with `samplerSuite` of `lightbox-runtime/testing`.
 */
export interface Sampler {
  readonly name: string;
  /** The parameters that {@link sampleRelative} will decide together. */
  inferRelativeSearchSpace(context: SamplerContext): Readonly<Record<string, Distribution>>;
  /** Values for some or all of `space`, or for others; called once for each trial. */
  sampleRelative(
    context: SamplerContext,
    space: Readonly<Record<string, Distribution>>,
  ): Readonly<Record<string, ParamValue>>;
  /**
   * The value of a parameter that was not decided together with others.
   * @param params what the trial has been suggested before this one
   */
  sampleIndependent(
    context: SamplerContext,
    name: string,
    distribution: Distribution,
    params: Readonly<Record<string, ParamValue>>,
  ): ParamValue;
  /**
   * System attributes, recorded when the trial is created, that tell the samplers of other
   * processes what {@link sampleRelative} decided. Default: none.
   */
  relativeAttrs?(
    params: Readonly<Record<string, ParamValue>>,
    context: SamplerContext,
  ): Readonly<Record<string, Plain>>;
  /**
   * True when there is nothing left to try, which ends `Study.optimize`. Default: never.
   * @param running whether what running trials try counts as tried
   */
  isExhausted?(context: Pick<SamplerContext, 'trials'>, running: boolean): boolean;
}

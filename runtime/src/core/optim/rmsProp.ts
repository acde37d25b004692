import { z } from 'zod';
import { rmsprop } from '../../engine/wasm/updateRules.ts';
import { Optimizer } from './optimizer.ts';
import { paramGroupSchema, type ParamGroup, type Range } from './paramGroups.ts';

/** Hinton's RMSProp in torch.optim.RMSprop's form: eps is added after the root. */
export class RMSProp extends Optimizer {
  static override readonly writesAside: boolean = true;
  static readonly schema = z.strictObject({
    lr: z.number().nonnegative().default(1e-2).describe('Learning rate'),
    alpha: z.number().min(0).lte(1).default(0.99).describe('Decay of the mean of the squares'),
    eps: z
      .number()
      .nonnegative()
      .default(1e-8)
      .describe('Added to the root, against division by 0'),
    weightDecay: z.number().nonnegative().default(0).describe('L2, added to the gradient'),
    momentum: z.number().nonnegative().default(0).describe('Share of the last direction kept'),
    centered: z.boolean().default(false).describe('Divide by the estimated standard deviation'),
    groups: z.array(paramGroupSchema).default([]).describe('Parameters with other options'),
  });
  override readonly name = 'RMSProp';
  protected override readonly slotNames: readonly string[];
  declare readonly options: z.output<typeof RMSProp.schema>;
  readonly #rule: ReturnType<typeof rmsprop>;

  constructor(options: z.input<typeof RMSProp.schema> = {}) {
    super(RMSProp.schema.parse(options));
    const { centered } = this.options;
    const momentum = this.options.momentum > 0;
    this.#rule = rmsprop({ centered, momentum });
    this.slotNames = [
      'square_avg',
      ...(centered ? ['grad_avg'] : []),
      ...(momentum ? ['momentum_buffer'] : []),
    ];
  }

  protected override update(group: ParamGroup, range: Range): void {
    const { alpha, eps, momentum, centered } = this.options;
    const slots = {
      squareAvg: 'square_avg',
      ...(centered ? { gradAvg: 'grad_avg' } : {}),
      ...(momentum > 0 ? { momentumBuffer: 'momentum_buffer' } : {}),
    };
    this.apply(this.#rule, range, slots, {
      lr: group.currentLr,
      weightDecay: group.weightDecay,
      alpha,
      oneMinusAlpha: 1 - alpha,
      eps,
      momentum,
    });
  }
}

import { z } from 'zod';
import { sgd, sgdMomentum } from '../../engine/wasm/updateRules.ts';
import { Optimizer } from './optimizer.ts';
import { paramGroupSchema, type ParamGroup, type Range } from './paramGroups.ts';

/** Stochastic gradient descent with optional (Nesterov) momentum, as torch.optim.SGD. */
export class SGD extends Optimizer {
  static override readonly writesAside: boolean = true;
  static readonly schema = z
    .strictObject({
      lr: z.number().nonnegative().default(1e-3).describe('Learning rate'),
      momentum: z.number().nonnegative().default(0).describe('Share of the last direction kept'),
      dampening: z.number().default(0).describe('Share of the gradient left out of the momentum'),
      weightDecay: z.number().nonnegative().default(0).describe('L2, added to the gradient'),
      nesterov: z.boolean().default(false).describe("Nesterov's momentum"),
      groups: z.array(paramGroupSchema).default([]).describe('Parameters with other options'),
    })
    .refine(({ nesterov, momentum, dampening }) => !nesterov || (momentum > 0 && dampening === 0), {
      message: 'expected momentum above 0 and dampening 0 with nesterov',
      path: ['nesterov'],
    });
  override readonly name = 'SGD';
  protected override readonly slotNames: readonly string[];
  declare readonly options: z.output<typeof SGD.schema>;

  constructor(options: z.input<typeof SGD.schema> = {}) {
    super(SGD.schema.parse(options));
    this.slotNames = this.options.momentum > 0 ? ['momentum_buffer'] : [];
  }

  protected override update(group: ParamGroup, range: Range): void {
    const { momentum, dampening, nesterov } = this.options;
    const { weightDecay, currentLr: lr } = group;
    if (momentum === 0) {
      this.apply(sgd, range, {}, { lr, weightDecay });
      return;
    }
    this.apply(
      sgdMomentum,
      range,
      { momentumBuffer: 'momentum_buffer' },
      {
        lr,
        weightDecay,
        momentum,
        // As in torch, the first gradient enters the buffer whole.
        gradientScale: this.stepsOf(range) === 1 ? 1 : 1 - dampening,
        fromGradient: nesterov ? 1 : 0,
        fromBuffer: nesterov ? momentum : 1,
      },
    );
  }
}

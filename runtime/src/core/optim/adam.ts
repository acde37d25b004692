import { z } from 'zod';
import { adam, adamw } from '../../engine/wasm/updateRules.ts';
import { Optimizer } from './optimizer.ts';
import { paramGroupSchema, type ParamGroup, type Range } from './paramGroups.ts';

const adamSlots = { expAvg: 'exp_avg', expAvgSq: 'exp_avg_sq' } as const;

const betaSchema = z.number().min(0).lt(1);

function adamSchema(weightDecay: number, decayMeaning: string) {
  return z.strictObject({
    lr: z.number().nonnegative().default(1e-3).describe('Learning rate'),
    betas: z
      .tuple([betaSchema, betaSchema])
      .default([0.9, 0.999])
      .describe('Decay of the running means of the gradient and of its square'),
    eps: z
      .number()
      .nonnegative()
      .default(1e-8)
      .describe('Added to the root, against division by 0'),
    weightDecay: z.number().nonnegative().default(weightDecay).describe(decayMeaning),
    groups: z.array(paramGroupSchema).default([]).describe('Parameters with other options'),
  });
}

/** Kingma and Ba, "Adam: a method for stochastic optimization" (2015), as torch.optim.Adam. */
export class Adam extends Optimizer {
  static override readonly writesAside: boolean = true;
  static readonly schema = adamSchema(0, 'L2 regularisation, added to the gradient');
  override readonly name: string = 'Adam';
  protected override readonly slotNames = ['exp_avg', 'exp_avg_sq'];
  declare readonly options: z.output<typeof Adam.schema>;

  constructor(options: z.input<typeof Adam.schema> = {}) {
    super(Adam.schema.parse(options));
  }

  protected override update(group: ParamGroup, range: Range): void {
    this.adamUpdate(adam, group.weightDecay, group, range);
  }

  protected adamUpdate(rule: typeof adam, decay: number, group: ParamGroup, range: Range): void {
    const { betas, eps } = this.options;
    const steps = this.stepsOf(range);
    this.apply(rule, range, adamSlots, {
      weightDecay: decay,
      oneMinusBeta1: 1 - betas[0],
      beta2: betas[1],
      oneMinusBeta2: 1 - betas[1],
      stepSize: group.currentLr / (1 - betas[0] ** steps),
      inverseRootCorrection2: 1 / Math.sqrt(1 - betas[1] ** steps),
      eps,
    });
  }
}

/** Loshchilov and Hutter, "Decoupled weight decay regularization" (2019), as torch.optim.AdamW. */
export class AdamW extends Adam {
  static override readonly writesAside: boolean = true;
  static override readonly schema = adamSchema(
    1e-2,
    'Decoupled decay: each update takes lr * weightDecay of the value away',
  );
  override readonly name = 'AdamW';

  constructor(options: z.input<typeof AdamW.schema> = {}) {
    super(AdamW.schema.parse(options));
  }

  protected override update(group: ParamGroup, range: Range): void {
    this.adamUpdate(adamw, group.currentLr * group.weightDecay, group, range);
  }
}

import { z } from 'zod';
import { epochIntervalSchema, intervalSchema, progress } from './interval.ts';
import type { Scheduler } from './scheduler.ts';

const gammaSchema = z.number().positive().describe('Factor of each decay');

/** `gamma` at every `stepSize` positions, as torch's StepLR. */
export class Step implements Scheduler {
  static readonly schema = z.strictObject({
    interval: epochIntervalSchema,
    stepSize: z.number().int().positive().describe('Positions between decays'),
    gamma: gammaSchema.default(0.1),
  });
  readonly name = 'step';
  readonly interval: Scheduler['interval'];
  readonly options: z.output<typeof Step.schema>;

  constructor(options: z.input<typeof Step.schema>) {
    this.options = Step.schema.parse(options);
    this.interval = this.options.interval;
  }

  factor(position: number): number {
    return this.options.gamma ** Math.floor(position / this.options.stepSize);
  }
}

/** `gamma` at each milestone, as torch's MultiStepLR. */
export class MultiStep implements Scheduler {
  static readonly schema = z.strictObject({
    interval: epochIntervalSchema,
    milestones: z.array(z.number().int().nonnegative()).describe('Positions of the decays'),
    gamma: gammaSchema.default(0.1),
  });
  readonly name = 'multiStep';
  readonly interval: Scheduler['interval'];
  readonly options: z.output<typeof MultiStep.schema>;

  constructor(options: z.input<typeof MultiStep.schema>) {
    this.options = MultiStep.schema.parse(options);
    this.interval = this.options.interval;
  }

  factor(position: number): number {
    const passed = this.options.milestones.filter((milestone) => milestone <= position);
    return this.options.gamma ** passed.length;
  }
}

/** `gamma` at every position, as torch's ExponentialLR. */
export class Exponential implements Scheduler {
  static readonly schema = z.strictObject({ interval: epochIntervalSchema, gamma: gammaSchema });
  readonly name = 'exponential';
  readonly interval: Scheduler['interval'];
  readonly options: z.output<typeof Exponential.schema>;

  constructor(options: z.input<typeof Exponential.schema>) {
    this.options = Exponential.schema.parse(options);
    this.interval = this.options.interval;
  }

  factor(position: number): number {
    return this.options.gamma ** position;
  }
}

/** (1 - progress) ^ power over the whole run, as torch's PolynomialLR. */
export class Polynomial implements Scheduler {
  static readonly schema = z.strictObject({
    interval: intervalSchema,
    power: z.number().positive().default(1).describe('1 is a straight line to zero'),
  });
  readonly name = 'polynomial';
  readonly interval: Scheduler['interval'];
  readonly options: z.output<typeof Polynomial.schema>;

  constructor(options: z.input<typeof Polynomial.schema> = {}) {
    this.options = Polynomial.schema.parse(options);
    this.interval = this.options.interval;
  }

  factor(position: number, total: number): number {
    return (1 - progress(position, total)) ** this.options.power;
  }
}

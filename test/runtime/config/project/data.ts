import { z } from 'zod';
import { DataModule } from '../../../../runtime/src/core/dataModule.ts';
import type { Loader } from '../../../../runtime/src/core/loader.ts';

const schema = z.strictObject({
  batchSize: z.int().positive().default(8),
  folder: z.string().default('data'),
});

export class Data extends DataModule {
  static readonly schema = schema;
  readonly options: z.output<typeof schema>;

  constructor(options: z.output<typeof schema>) {
    super(options);
    this.options = options;
  }

  override trainDataloader(): Loader {
    throw new Error('not trained here');
  }
}

/** A callback of the project's own. */
export class Counter {
  static readonly schema = z.strictObject({ every: z.int().positive().default(1) });
  readonly every: number;

  constructor({ every }: { every: number }) {
    this.every = every;
  }

  onTrainEnd(): void {
    // Only its presence is looked at.
  }
}

import { z } from 'zod';

const key = z.string().regex(/^[\x21-\x7E]$/u, 'one printable character');

export const pauseSchema = z.strictObject({
  enablePause: z.boolean().default(true).describe('False: no keys, no file, no signals.'),
  pauseAt: z
    .enum(['batch', 'update', 'validation', 'epoch'])
    .default('update')
    .describe(
      'Where a pause takes place: after the batch, the optimizer update, the next validation (at the latest the end of the epoch), or the epoch.',
    ),
  pauseKey: key.default('p').describe('Pauses: saves and ends. Once more takes it back.'),
  uploadKey: key
    .default('w')
    .describe('Cycles what a pause uploads: nothing, its checkpoint, all.'),
  saveKey: key.default('s').describe('Saves and goes on.'),
  validateKey: key.default('v').describe('Validates now and goes on.'),
  stopKey: key.default('q').describe('Ends training after the current update.'),
  debounceInterval: z
    .number()
    .nonnegative()
    .default(0.3)
    .describe('Seconds in which the same key counts once.'),
  upload: z
    .enum(['none', 'this', 'all'])
    .default('none')
    .describe('What a pause uploads at first, with a logger that keeps checkpoints.'),
  pauseFile: z
    .string()
    .min(1)
    .nullable()
    .default('PAUSE')
    .describe('A file of this name in the folder of the run pauses it; null: none does.'),
  sigusr1: z
    .enum(['pause', 'save'])
    .nullable()
    .default(null)
    .describe("What SIGUSR1 does; by default it starts Node's debugger."),
});

export type PauseCallbackOptions = z.input<typeof pauseSchema>;
export type PauseSettings = z.output<typeof pauseSchema>;

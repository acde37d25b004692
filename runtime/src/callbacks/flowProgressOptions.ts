import { z } from 'zod';

const patterns = z.array(z.string().min(1));

export const flowProgressSchema = z.strictObject({
  globalBarMetrics: patterns
    .default(['lr*'])
    .describe(
      'Metrics beside the bar of the whole run: shell patterns, shown in this order; !pattern leaves out. Also epoch, step, batch_idx, loss.',
    ),
  intervalBarMetrics: patterns
    .nullable()
    .default(null)
    .describe(
      'The same beside the bar up to the next validation; null: what was logged with progBar, or else the loss.',
    ),
  refreshRate: z
    .int()
    .nonnegative()
    .default(1)
    .describe('Batches from one redraw to the next at least; 0: never draws.'),
  refreshPerSecond: z
    .number()
    .positive()
    .max(10)
    .default(10)
    .describe('Most redraws a second in a terminal.'),
  plainEverySeconds: z
    .number()
    .positive()
    .default(10)
    .describe('Without a terminal: seconds between two lines.'),
  leave: z.boolean().default(true).describe('Each validation leaves a line behind.'),
  barColour: z
    .string()
    .regex(/^#[0-9a-fA-F]{6}$/u, 'expected a colour such as "#fcac17"')
    .nullable()
    .default(null)
    .describe('Colour of the bars, "#rrggbb"; null: that of the terminal.'),
});

export type FlowProgressBarOptions = z.input<typeof flowProgressSchema>;

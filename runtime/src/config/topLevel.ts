import { z } from 'zod';

const section = z.record(z.string(), z.unknown());
const namedClass = z
  .record(z.string(), z.unknown())
  .describe('class_path and init_args of the class.');

/** The keys at the top of a configuration. */
export const topLevelSchema = z.strictObject({
  seedEverything: z
    .union([z.boolean(), z.int().nonnegative()])
    .optional()
    .describe('Seed of everything random. true: draw one and keep it in the saved configuration.'),
  trainer: section.optional().describe('Options of the trainer.'),
  model: namedClass.optional().describe('The module to train.'),
  data: namedClass.optional().describe('The data module.'),
  environment: z
    .record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()]))
    .optional()
    .describe(
      'Environment variables, set before project modules are imported. Secrets are never saved.',
    ),
  ckptPath: z
    .string()
    .nullable()
    .optional()
    .describe('Checkpoint to go on from (fit) or to take the weights of (the others).'),
  hpo: section.optional().describe('Options of the hyper-parameter search.'),
});

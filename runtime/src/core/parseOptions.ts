import type { z } from 'zod';
import { UsageError } from '../errors.ts';

/**
 * Checks options against a schema and fills in defaults.
 * @param owner whose options they are, for the message
 * @throws UsageError ERR_OPTIONS listing everything that is wrong
 */
export function parseOptions<Schema extends z.ZodType>(
  schema: Schema,
  options: unknown,
  owner: string,
): z.output<Schema> {
  const result = schema.safeParse(options);
  if (result.success) return result.data;
  const lines = result.error.issues.map(
    ({ path, message }) => `  ${path.length > 0 ? `${path.join('.')}: ` : ''}${message}`,
  );
  throw new UsageError('ERR_OPTIONS', `${owner}:\n${lines.join('\n')}`);
}

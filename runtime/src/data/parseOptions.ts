import type { z } from 'zod';
import { didYouMean, UsageError } from '../errors.ts';

/**
 * Options of a class, checked and with defaults.
 * @throws UsageError (ERR_DATA_OPTIONS) naming the class, each wrong option and the nearest known name
 */
export function parseOptions<Shape extends z.ZodRawShape>(
  schema: z.ZodObject<Shape>,
  options: unknown,
  owner: string,
): z.output<z.ZodObject<Shape>> {
  const result = schema.safeParse(options);
  if (result.success) return result.data;
  const problems = result.error.issues.map((issue) => {
    if (issue.code === 'unrecognized_keys') {
      return issue.keys
        .map((key) => `unknown option "${key}".${didYouMean(key, Object.keys(schema.shape))}`)
        .join(' ');
    }
    const path = issue.path.map(String).join('.');
    return `${path === '' ? '' : `${path}: `}${issue.message}`;
  });
  throw new UsageError('ERR_DATA_OPTIONS', `${owner}: ${problems.join('; ')}`);
}

import { readFileSync } from 'node:fs';
import { UsageError } from '../common/errors.ts';

/**
 * Reads an answers file, or standard input for `-`; its keys are checked later, like all answers.
 * @throws UsageError ERR_ANSWERS_FILE
 */
export function readAnswersFile(path: string): { content: unknown; origin: string } {
  const origin = path === '-' ? 'Answers on standard input' : `Answers file ${path}`;
  let text;
  try {
    text = readFileSync(path === '-' ? 0 : path, 'utf8');
  } catch (error) {
    throw new UsageError(
      'ERR_ANSWERS_FILE',
      `${origin}: cannot be read: ${(error as Error).message}`,
    );
  }
  try {
    return { content: JSON.parse(text) as unknown, origin };
  } catch (error) {
    throw new UsageError(
      'ERR_ANSWERS_FILE',
      `${origin}: expected JSON, got ${JSON.stringify(text.slice(0, 40))}: ${(error as Error).message}`,
    );
  }
}

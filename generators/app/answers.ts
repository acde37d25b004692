import { z } from 'zod';
import { didYouMean, UsageError } from '../common/errors.ts';
import { modelNameProblem, projectNameProblem, type NameProblem } from '../common/names.ts';

/** Tasks, in the order in which the question lists them. */
export const taskIds = [
  'image-classification',
  'tabular-regression',
  'char-lm',
  'autoencoder',
  'gan',
  'blank',
] as const;
export type TaskId = (typeof taskIds)[number];

/** Features, in the order in which their parts are joined into shared files. */
export const featureIds = ['hpo', 'dataporter', 'compile'] as const;
export type FeatureId = (typeof featureIds)[number];

const named = (problemOf: (name: string) => NameProblem) =>
  z.string().superRefine((value, context) => {
    const problem = problemOf(value);
    if (problem !== null) context.addIssue({ code: 'custom', message: problem });
  });

const oneLine = (limit: number) =>
  z
    .string()
    .max(limit, `has more than ${String(limit)} characters.`)
    .refine(
      (text) => !/[\p{Cc}\p{Zl}\p{Zp}\p{Cs}]/u.test(text),
      'holds a line break or control character.',
    );

/** Everything that decides what is rendered. Flags, prompts and files all end here. */
export const answersSchema = z.strictObject({
  name: named(projectNameProblem).describe('Name of the project: its folder and its npm package'),
  model: named(modelNameProblem).describe('Name of the model: its files, classes and config'),
  task: z.enum(taskIds).describe('What the model does'),
  features: z
    .array(z.enum(featureIds))
    .transform((list) => featureIds.filter((id) => list.includes(id)))
    .describe('Parts to include'),
  author: oneLine(100).default('').describe('Author in package.json'),
  description: oneLine(200).default('').describe('Description in package.json and the config'),
});

export type Answers = z.output<typeof answersSchema>;
export type AnswerName = keyof Answers;

export const answerNames = Object.keys(answersSchema.shape) as AnswerName[];

/** Checks one answer; returns it in its final form. @throws UsageError ERR_ANSWER */
export function checkAnswer<Name extends AnswerName>(
  name: Name,
  value: unknown,
  origin: string,
): Answers[Name] {
  const result = answersSchema.shape[name].safeParse(value);
  if (result.success) return result.data as Answers[Name];
  throw new UsageError('ERR_ANSWER', `${origin}: ${explain(name, value, result.error)}`);
}

/** The message for a bad answer, or true: the form that prompts want. */
export function answerProblem(name: AnswerName, value: unknown): string | true {
  const result = answersSchema.shape[name].safeParse(value);
  return result.success || explain(name, value, result.error);
}

/**
 * Takes an object from outside (an answers file) apart: only known keys, each checked.
 * @throws UsageError ERR_ANSWERS_SHAPE, ERR_ANSWERS_UNKNOWN_KEY, ERR_ANSWER
 */
export function checkAnswers(value: unknown, origin: string): Partial<Answers> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new UsageError(
      'ERR_ANSWERS_SHAPE',
      `${origin}: expected an object such as {"name": "my-net", "task": "${taskIds[0]}"}, ` +
        `got ${show(value)}.`,
    );
  }
  const known: Partial<Answers> = {};
  for (const [key, answer] of Object.entries(value)) {
    const name = answerNames.find((candidate) => candidate === key);
    if (name === undefined) {
      throw new UsageError(
        'ERR_ANSWERS_UNKNOWN_KEY',
        `${origin}: unknown key ${show(key)}.${didYouMean(key, answerNames)} ` +
          `Known: ${answerNames.join(', ')}.`,
      );
    }
    Object.assign(known, { [name]: checkAnswer(name, answer, `${origin}, key "${name}"`) });
  }
  return known;
}

function explain(name: AnswerName, value: unknown, error: z.ZodError): string {
  const [issue] = error.issues;
  if (name === 'task' || (name === 'features' && issue.path.length > 0)) {
    const choices: readonly string[] = name === 'task' ? taskIds : featureIds;
    const wrong = name === 'task' ? value : (value as unknown[])[Number(issue.path[0])];
    const hint = typeof wrong === 'string' ? didYouMean(wrong, choices) : '';
    return `expected one of ${choices.join(', ')}, got ${show(wrong)}.${hint}`;
  }
  if (issue.code === 'invalid_type') return `expected ${issue.expected}, got ${show(value)}.`;
  return `${show(value)} ${issue.message}`;
}

function show(value: unknown): string {
  const text = JSON.stringify(value) as string | undefined;
  if (text === undefined) return String(value);
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}

import { UsageError } from '../common/errors.ts';
import {
  checkAnswer,
  checkAnswers,
  featureIds,
  type AnswerName,
  type Answers,
  type FeatureId,
} from './answers.ts';
import { defaultFeatures, defaultModel, defaultTask } from './options.ts';
import type { FeatureFlags, ParsedArguments } from './parseArguments.ts';

/** Puts a question to a person; the reply is checked afterwards like every other answer. */
export type Prompter = (
  answer: AnswerName,
  initial?: string | readonly string[],
) => Promise<unknown>;

/** Where missing answers come from. */
export type MissingAnswers =
  { from: 'prompts'; prompter: Prompter } | { from: 'defaults' } | { from: 'nobody' };

/**
 * Completes the answers: flags before the answers file before prompts or defaults.
 * @param file the parsed answers file, if there is one, and what to call it in errors
 * @throws UsageError ERR_ANSWER_MISSING naming the flag when nobody can be asked
 */
export async function collectAnswers(
  flags: Pick<ParsedArguments, 'answers' | 'features'>,
  file: { content: unknown; origin: string } | null,
  missing: MissingAnswers,
): Promise<Answers> {
  const given = {
    ...(file === null ? {} : checkAnswers(file.content, file.origin)),
    ...flags.answers,
  };
  const decided = decideFeatures(given.features ?? null, flags.features);
  const ask = async <Name extends AnswerName>(name: Name, initial?: Answers[Name]) => {
    if (missing.from === 'prompts') {
      // Checked again: front ends may skip the check that goes with a prompt.
      return checkAnswer(name, await missing.prompter(name, initial), 'Answer');
    }
    if (missing.from === 'defaults' && initial !== undefined) return initial;
    throw missingAnswer(name);
  };
  const name = given.name ?? (await ask('name'));
  const task = given.task ?? (await ask('task', defaultTask));
  const model = given.model ?? (await ask('model', defaultModel(task)));
  const initial = featureIds.filter((id) => decided[id] ?? defaultFeatures.includes(id));
  const complete = featureIds.every((id) => decided[id] !== undefined);
  const features = complete ? initial : await ask('features', initial);
  const { author = '', description = '' } = given;
  return { name, model, task, features, author, description };
}

function decideFeatures(
  fromFile: readonly FeatureId[] | null,
  flags: FeatureFlags,
): Partial<Record<FeatureId, boolean>> {
  const list = flags.list ?? fromFile;
  const base =
    list === null ? {} : Object.fromEntries(featureIds.map((id) => [id, list.includes(id)]));
  return { ...base, ...flags.single };
}

function missingAnswer(flag: string): UsageError {
  const example = flag === 'name' ? 'Give it as the first argument' : `Give it with --${flag}`;
  const yes = flag === 'name' ? '' : ', or take the defaults with --yes';
  return new UsageError(
    'ERR_ANSWER_MISSING',
    `--${flag} is missing, and there is no terminal to ask in. ${example}${yes}.`,
  );
}

import { UsageError } from '../shared/errors.ts';
import { checkAnswers, featureIds, type Answers, type FeatureId, type TaskId } from './answers.ts';
import { defaultFeatures, defaultModel, defaultTask } from './options.ts';
import type { FeatureFlags, ParsedArguments } from './parseArguments.ts';

/** Asks people; null where nobody can answer. */
export interface Prompter {
  name(): Promise<string>;
  task(initial: TaskId): Promise<TaskId>;
  model(initial: string): Promise<string>;
  features(initial: readonly FeatureId[]): Promise<FeatureId[]>;
}

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
  const ask = <T>(flag: string, prompt: (prompter: Prompter) => Promise<T>, fallback: () => T) => {
    if (missing.from === 'prompts') return prompt(missing.prompter);
    if (missing.from === 'defaults') return Promise.resolve(fallback());
    throw missingAnswer(flag);
  };
  const name =
    given.name ??
    (await ask(
      'name',
      (prompter) => prompter.name(),
      () => {
        throw missingAnswer('name');
      },
    ));
  const task =
    given.task ??
    (await ask(
      'task',
      (prompter) => prompter.task(defaultTask),
      () => defaultTask,
    ));
  const suggested = defaultModel(task);
  const model =
    given.model ??
    (await ask(
      'model',
      (prompter) => prompter.model(suggested),
      () => suggested,
    ));
  const initial = featureIds.filter((id) => decided[id] ?? defaultFeatures.includes(id));
  const complete = featureIds.every((id) => decided[id] !== undefined);
  const features = complete
    ? initial
    : await ask(
        'features',
        (prompter) => prompter.features(initial),
        () => initial,
      );
  return {
    name,
    model,
    task,
    features,
    author: given.author ?? '',
    description: given.description ?? '',
  };
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

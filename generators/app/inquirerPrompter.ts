import { answerProblem, type FeatureId, type TaskId } from './answers.ts';
import type { Prompter } from './collectAnswers.ts';
import { featureChoices, questions, taskChoices } from './options.ts';

/** Asks in a terminal. The library is loaded here only: most of the start-up time is its. */
export async function inquirerPrompter(): Promise<Prompter> {
  const { default: inquirer } = await import('inquirer');
  const label = (answer: string): string =>
    questions.find((question) => question.answer === answer)?.prompt ?? answer;
  const input = async (answer: 'name' | 'model', initial?: string): Promise<string> => {
    const reply = await inquirer.prompt<{ value: string }>([
      {
        type: 'input',
        name: 'value',
        message: label(answer),
        default: initial,
        validate: (value: string) => answerProblem(answer, value),
      },
    ]);
    return reply.value;
  };
  return {
    name: () => input('name'),
    model: (initial) => input('model', initial),
    task: async (initial) => {
      const choices = taskChoices.map(({ id, title }) => ({ name: title, value: id }));
      const reply = await inquirer.prompt<{ value: TaskId }>([
        { type: 'select', name: 'value', message: label('task'), choices, default: initial },
      ]);
      return reply.value;
    },
    features: async (initial) => {
      const choices = featureChoices.map(({ id, title }) => ({
        name: title,
        value: id,
        checked: initial.includes(id),
      }));
      const reply = await inquirer.prompt<{ value: FeatureId[] }>([
        { type: 'checkbox', name: 'value', message: label('features'), choices },
      ]);
      return reply.value;
    },
  };
}

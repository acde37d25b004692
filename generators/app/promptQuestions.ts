import { answerProblem, type AnswerName } from './answers.ts';
import { featureChoices, questions, taskChoices } from './options.ts';

/** A question as inquirer takes it, which Yeoman's prompts are too. */
export function promptQuestion(answer: AnswerName, initial?: string | readonly string[]) {
  const shared = {
    name: answer,
    message: questions.find((question) => question.answer === answer)?.prompt ?? answer,
  };
  if (answer === 'task') {
    const choices = taskChoices.map(({ id, title }) => ({ name: title, value: id }));
    return { ...shared, type: 'select' as const, choices, default: initial };
  }
  if (answer === 'features') {
    const choices = featureChoices.map(({ id, title }) => ({
      name: title,
      value: id,
      checked: initial?.includes(id) ?? false,
    }));
    return { ...shared, type: 'checkbox' as const, choices };
  }
  return {
    ...shared,
    type: 'input' as const,
    default: typeof initial === 'string' ? initial : undefined,
    validate: (value: string) => answerProblem(answer, value),
  };
}

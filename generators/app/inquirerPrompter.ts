import type { Prompter } from './collectAnswers.ts';
import { promptQuestion } from './promptQuestions.ts';

/** Asks in a terminal. The library is loaded when the first question is put. */
export const inquirerPrompter: Prompter = async (answer, initial) => {
  const { default: inquirer } = await import('inquirer');
  const reply: Record<string, unknown> = await inquirer.prompt([promptQuestion(answer, initial)]);
  return reply[answer];
};

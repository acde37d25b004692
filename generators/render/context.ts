import type { Answers } from '../app/answers.ts';
import { wordsOf } from '../common/names.ts';

/** What templates may insert; computed once from the answers, nothing else. */
export interface TemplateContext {
  readonly project: string;
  readonly author: string;
  readonly description: string;
  /** The model's name as given: configs/<model>.yaml. */
  readonly model: string;
  /** camelCase: src/models/<modelFile>.ts. */
  readonly modelFile: string;
  readonly dataFile: string;
  readonly modelClass: string;
  readonly dataClass: string;
  readonly config: string;
  readonly title: string;
  readonly generatorVersion: string;
  readonly runtimeSpec: string;
}

export function templateContext(
  answers: Answers,
  { runtimeFile, generatorVersion }: { runtimeFile: string; generatorVersion: string },
): TemplateContext {
  const words = wordsOf(answers.model);
  const pascal = words.map(capitalised).join('');
  const modelFile = words
    .map((word, index) => (index === 0 ? lowered(word) : capitalised(word)))
    .join('');
  return {
    project: answers.name,
    author: answers.author,
    description: answers.description,
    model: answers.model,
    modelFile,
    dataFile: `${modelFile}Data`,
    modelClass: withSuffix(pascal, 'Model'),
    dataClass: withSuffix(pascal, 'Data'),
    config: `configs/${answers.model}.yaml`,
    title: words.join(' '),
    generatorVersion,
    runtimeSpec: `file:vendor/${runtimeFile}`,
  };
}

// The suffix keeps classes apart from globals (`Map`) and from the runtime's own names.
function withSuffix(name: string, suffix: string): string {
  return name.endsWith(suffix) && name !== suffix ? name : `${name}${suffix}`;
}

function capitalised(word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1);
}

function lowered(word: string): string {
  return word === word.toUpperCase()
    ? word.toLowerCase()
    : word.charAt(0).toLowerCase() + word.slice(1);
}

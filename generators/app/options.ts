import { featureIds, type AnswerName, type FeatureId, type TaskId } from './answers.ts';

/** How an answer is asked for and given; prompts, flags, help and defaults come from this table. */
export interface Question {
  readonly answer: AnswerName;
  /** Asked in a terminal; the others are flags only. */
  readonly prompt: string | null;
  readonly placeholder: string;
  readonly help: string;
}

export const questions: readonly Question[] = [
  {
    answer: 'name',
    prompt: 'Project name',
    placeholder: '<name>',
    help: 'project name, also the first argument',
  },
  { answer: 'task', prompt: 'Task', placeholder: '<task>', help: 'what the model does' },
  {
    answer: 'model',
    prompt: 'Model name',
    placeholder: '<name>',
    help: 'names files, classes and the config',
  },
  {
    answer: 'features',
    prompt: 'Features',
    placeholder: '<list>',
    help: `any of ${featureIds.join(',')}, or none`,
  },
  { answer: 'author', prompt: null, placeholder: '<text>', help: 'author in package.json' },
  {
    answer: 'description',
    prompt: null,
    placeholder: '<text>',
    help: 'one line for package.json and the config',
  },
];

export interface Choice<Id extends string> {
  readonly id: Id;
  readonly title: string;
}

export const taskChoices: readonly (Choice<TaskId> & { readonly defaultModel: string })[] = [
  {
    id: 'image-classification',
    title: 'Image classification: a small CNN on 70,000 handwritten digits',
    defaultModel: 'digits',
  },
  {
    id: 'tabular-regression',
    title: 'Tabular regression: an MLP on a table of cars',
    defaultModel: 'mileage',
  },
  {
    id: 'char-lm',
    title: 'Character language model: a small GPT on stories',
    defaultModel: 'writer',
  },
  {
    id: 'autoencoder',
    title: 'Autoencoder: handwritten digits in 16 numbers each, and back',
    defaultModel: 'coder',
  },
  {
    id: 'gan',
    title: 'GAN: two networks with two optimizers that learn to draw digits',
    defaultModel: 'artist',
  },
  {
    id: 'blank',
    title: 'Blank: a minimal model on made data, to put your own in',
    defaultModel: 'mine',
  },
];

export const featureChoices: readonly Choice<FeatureId>[] = [
  { id: 'hpo', title: 'HPO: hyper-parameter search with a study you can resume' },
  { id: 'dataporter', title: 'DataPorter: several data sets mixed by weight' },
  { id: 'compile', title: 'compile: training steps compiled and cached' },
];

export const defaultTask: TaskId = 'image-classification';
export const defaultFeatures: readonly FeatureId[] = ['hpo', 'compile'];

export function defaultModel(task: TaskId): string {
  return taskChoices.find((choice) => choice.id === task)?.defaultModel ?? 'model';
}

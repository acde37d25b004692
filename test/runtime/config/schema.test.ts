import { Ajv, type ValidateFunction } from 'ajv';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { render } from '../../../generators/render/render.ts';
import { configJsonSchema } from '../../../runtime/src/config/jsonSchema.ts';
import type { ConstructibleClass } from '../../../runtime/src/config/loadClass.ts';
import { toPlain } from '../../../runtime/src/config/node.ts';
import { templateCases } from '../../../scripts/templateCases.ts';
import { baseConfigs } from './fuzz/baseConfigs.ts';
import { load } from './inProject.ts';
import { Block, Net } from './project/net.ts';
import { Data } from './project/data.ts';

// The same validator that editors have, over draft 7. Strict about what no draft knows.
const ajv = new Ajv({ allErrors: true, strictTypes: false, strictRequired: false });
let general: ValidateFunction;
let ofProject: ValidateFunction;

beforeAll(async () => {
  general = ajv.compile(await configJsonSchema());
  const classes: [string, ConstructibleClass][] = [
    ['./net.ts#Net', Net],
    ['./net.ts#Block', Block],
    ['./data.ts#Data', Data],
  ];
  ofProject = ajv.compile(await configJsonSchema({ classes: new Map(classes) }));
});

function problems(validate: ValidateFunction, config: unknown): string[] {
  if (validate(config)) return [];
  return (validate.errors ?? []).map(
    ({ instancePath, message }) => `${instancePath} ${message ?? ''}`,
  );
}

describe('the JSON Schema', () => {
  it('is one, by its meta-schema', () => {
    expect(ajv.validateSchema(general.schema)).toBe(true);
    expect(ajv.validateSchema(ofProject.schema)).toBe(true);
  });

  it.each(templateCases.map((answers) => [answers.name, answers] as const))(
    'accepts the configuration of the generated project %s',
    (_, answers) => {
      const bytes = Buffer.from('not needed');
      const runtimeTarball = { file: 'lightbox-runtime-0.0.0.tgz', bytes, sha256: '' };
      const project = render(answers, { runtimeTarball, generatorVersion: '0.0.0' });
      const files = [...project].filter(([path]) => /^configs\/.*\.yaml$/.test(path));
      expect(files.length).toBeGreaterThan(0);
      for (const [, file] of files) {
        const text = Buffer.from(file.bytes).toString();
        expect(problems(general, parse(text))).toEqual([]);
      }
    },
  );

  it.each(baseConfigs)('accepts what the checker accepts', (text) => {
    expect(problems(ofProject, parse(text))).toEqual([]);
    expect(problems(ofProject, toPlain(load([text])))).toEqual([]);
  });

  it.each([
    [
      'an overlay of one callback',
      'trainer: {callbacks: {early_stopping: {init_args: {patience: 9}}}}',
    ],
    ['a callback taken out', 'trainer: {callbacks: {early_stopping: null}}'],
    ['callbacks by name alone', 'trainer: {callbacks: [EarlyStopping, ./x.ts#Mine]}'],
    ['references', 'trainer: {max_epochs: "${hpo.epochs}", fast_dev_run: "${hpo.quick}"}'],
    ['short arguments', 'model: {hidden_dim: 3}'],
    ['a seed to draw', 'seed_everything: true'],
  ])('accepts %s', (_, text) => {
    expect(problems(general, parse(text))).toEqual([]);
  });

  it.each([
    ['a mistyped section', 'trainr: {}'],
    ['a mistyped option', 'trainer: {max_epoch: 3}'],
    ['an option of the wrong type', 'trainer: {max_epochs: many}'],
    ['an option out of range', 'trainer: {max_epochs: 0}'],
    ['an unknown choice', 'trainer: {gradient_clip_algorithm: norms}'],
    ['an unknown callback', 'trainer: {callbacks: [{class_path: lightbox.callbacks.Stopping}]}'],
    ['a callback without a name', 'trainer: {callbacks: [{init_args: {patience: 3}}]}'],
    [
      'a mistyped option of a callback',
      'trainer: {callbacks: [{class_path: EarlyStopping, init_args: {monitor: a, patienc: 3}}]}',
    ],
    [
      'an option beside init_args',
      'trainer: {callbacks: [{class_path: EarlyStopping, patience: 3}]}',
    ],
    [
      'a mistyped option in an overlay',
      'trainer: {callbacks: {early_stopping: {init_args: {patienc: 9}}}}',
    ],
    ['an unknown logger', 'trainer: {logger: [{class_path: lightbox.loggers.None}]}'],
    ['a class path without a name', 'model: {class_path: ./net.ts}'],
    ['a text as seed', 'seed_everything: x'],
  ])('refuses %s', (_, text) => {
    expect(problems(general, parse(text))).not.toEqual([]);
  });

  it.each([
    ['a mistyped option of a class of the project', { hiden_dim: 3 }],
    ['a wrong value of it', { hidden_dim: -3 }],
    ['a wrong choice of it', { activation: 'rely' }],
  ])('refuses %s when it was loaded', (_, args) => {
    const config = { model: { class_path: './net.ts#Net', init_args: args } };
    expect(problems(ofProject, config)).not.toEqual([]);
    expect(problems(general, config)).toEqual([]);
  });
});

import { describe, expect, it } from '@jest/globals';
import { buildRun } from '../../../runtime/src/config/buildRun.ts';
import { configDifferences } from '../../../runtime/src/config/configDifferences.ts';
import {
  embedConfig,
  embeddedLayer,
  embeddedValues,
} from '../../../runtime/src/config/embedded.ts';
import { prepareConfig, type PreparedConfig } from '../../../runtime/src/config/prepare.ts';
import { printConfig, provenance } from '../../../runtime/src/config/printConfig.ts';
import { base, load, messageOf, prepare, projectRoot } from './inProject.ts';
import { Data } from './project/data.ts';
import { Block, Net } from './project/net.ts';

async function netOf(config: PreparedConfig): Promise<Net> {
  const { module } = await buildRun(config);
  if (module instanceof Net) return module;
  throw new Error('expected a Net');
}

describe('a checked configuration', () => {
  it('has every default, in snake_case', async () => {
    const { values, seed } = await prepare([base]);
    expect(seed).toBe(42);
    expect(values).toMatchObject({
      seed_everything: 42,
      trainer: { max_epochs: 3, accumulate_grad_batches: 1, limit_val_batches: null },
      model: {
        class_path: './net.ts#Net',
        init_args: { hidden_dim: 32, learning_rate: 1e-3, schedule: { warm_up: '10 updates' } },
      },
      data: { init_args: { batch_size: 8, folder: 'data' } },
    });
  });

  it('knows where each value comes from', async () => {
    const { tree } = await prepare([base, 'trainer: {max_steps: 4}'], ['--model.hidden_dim', '7']);
    expect(provenance(tree)).toMatchObject({
      'model.init_args.hidden_dim': '--model.hidden_dim',
      'trainer.max_epochs': 'a.yaml:8:15',
      'trainer.max_steps': 'b.yaml:1:22',
    });
  });

  it('prints as YAML that loads to the same', async () => {
    const text = `${base}  callbacks:
    count: {class_path: ./data.ts#Counter, init_args: {every: 2}}
environment: {WANDB_MODE: offline}
`;
    const first = await prepare(
      [text],
      ['--model.name', '"0001"', '--model.init_args.class_names', '{fooBar: 1}'],
    );
    const printed = printConfig(first.tree);
    expect(printed).toContain('learning_rate: 0.001 # default');
    const second = await prepare([printed]);
    expect(second.values).toEqual(first.values);
    const detailed = printConfig(first.tree, 'provenance');
    expect(detailed).toContain('hidden_dim: 32 # a.yaml:4:17');
    expect((await prepare([detailed])).values).toEqual(first.values);
  });

  it('prints and embeds text that looks like a reference so that it stays text', async () => {
    const text = '${seed_everything} and $${x}';
    const first = await prepare([base], ['--model.name', '$${seed_everything} and $$${x}']);
    expect((await netOf(first)).hparams.name).toBe(text);
    const again = await prepare([printConfig(first.tree)]);
    expect(again.values).toEqual(first.values);
    const embedded = embedConfig(first);
    const resumed = await prepare([], [], { embedded: embeddedLayer(embedded, 'x') });
    expect((await netOf(resumed)).hparams.name).toBe(text);
    expect(configDifferences(embeddedValues(embedded, 'x'), first.tree)).toEqual([]);
  });

  it.each([
    ['limit_train_batches: 1.0', '100%'],
    ['limit_val_batches: 1.', '100%'],
    ['overfit_batches: 1.00', '100%'],
    ['limit_test_batches: 1', 1],
    ['limit_predict_batches: 2.0', 2],
  ])('takes the share of all batches for one: %s', async (line, expected) => {
    const { values } = await prepare([base, `trainer: {${line}}`]);
    const trainer = values.trainer as Record<string, unknown>;
    expect(trainer[line.split(':')[0]]).toBe(expected);
  });

  it('takes it from a flag too', async () => {
    const { values } = await prepare([base], ['--trainer.limit_val_batches', '1.0']);
    expect(values.trainer).toMatchObject({ limit_val_batches: '100%' });
  });

  it('leaves secrets out of what it prints', async () => {
    const { tree } = await prepare([`${base}environment: {API_KEY: abc, MODE: x}\n`]);
    const printed = printConfig(tree);
    expect(printed).not.toContain('abc');
    expect(printed).toContain('MODE: x');
  });

  it('draws a seed when asked to and keeps it', async () => {
    const { values, seed } = await prepare([`seed_everything: true\n${base}`]);
    expect([values.seed_everything, seed]).toEqual([4711, 4711]);
  });

  it('takes classes given in code', async () => {
    const tree = load(['model: {hidden_dim: 5}\ntrainer: {max_epochs: 1}\n']);
    const options = { projectRoot, module: Net, dataModule: Data, drawSeed: () => 1 };
    const config = await prepareConfig(tree, options);
    expect(config.values.model).toMatchObject({ init_args: { hidden_dim: 5, name: 'net' } });
    expect(config.values.model).not.toHaveProperty('class_path');
    expect((await buildRun(config)).module).toBeInstanceOf(Net);
  });
});

describe('schema types', () => {
  const named = async (flags: string[]) => {
    const { values } = await prepare([base], flags);
    return (values.model as { init_args: Record<string, unknown> }).init_args;
  };

  it('keep text as typed where text is wanted', async () => {
    expect(await named(['--model.name', '0001'])).toMatchObject({ name: '0001' });
    const config = await prepare([base], ['--model.name', '0001']);
    expect((await netOf(config)).options.name).toBe('0001');
  });

  it('keep the keys of records and map those of objects', async () => {
    const config = await prepare([
      base.replace(
        'hidden_dim: 32',
        'class_names: {fooBar: 1, foo_bar: 2}\n    layers: [{output_dim: 3}]',
      ),
    ]);
    const { options } = await netOf(config);
    expect(options.classNames).toEqual({ fooBar: 1, foo_bar: 2 });
    expect(options.layers).toEqual([{ outputDim: 3 }]);
  });
});

describe('problems', () => {
  const broken = `model:
  class_path: ./net.ts#Net
  init_args:
    hiden_dim: 32
    learning_rate: fast
    activation: tanhh
    schedule: {warm: 1}
    layers: [{output_dim: 1.5}, {}]
data:
  class_path: ./data.ts#Data
  init_args: {batch_size: "8"}
trainer:
  max_epoch: 3
  accumulate_grad_batches: 0
  enable_progress_bar: yes
  val_check_interval: 100
  gpus: 2
modle: 1
compile: true
`;

  it('are listed all at once with file, line, key, expected and got', async () => {
    const message = await messageOf(() => prepare([broken], ['--trainer.max_steps', 'many']));
    expect(message.split('\n')).toEqual([
      '15 problems in the configuration:',
      '  a.yaml:18:1: modle: unknown key. Did you mean "model"?',
      '  a.yaml:19:1: compile: this key has no meaning here: write trainer.compile: reduce-overhead, or add lightbox.callbacks.CompileCallback to trainer.callbacks',
      '  a.yaml:13:3: trainer.max_epoch: unknown key. Did you mean "max_epochs"?',
      '  a.yaml:17:3: trainer.gpus: this key has no meaning here: write accelerator; a run uses one device',
      '  --trainer.max_steps: expected a whole number, more than 0 or null, got "many"',
      expect.stringMatching(
        /^ {2}a\.yaml:16:23: trainer\.val_check_interval: .*"100 updates" or "100 batches"/,
      ),
      '  a.yaml:14:28: trainer.accumulate_grad_batches: expected a whole number, more than 0, got 0',
      '  a.yaml:15:24: trainer.enable_progress_bar: expected true or false, got "yes" (YAML 1.2 has true and false only)',
      '  a.yaml:4:5: model.init_args.hiden_dim: unknown key. Did you mean "hidden_dim"?',
      '  a.yaml:7:16: model.init_args.schedule.warm: unknown key. Known here: warm_up, gamma',
      '  a.yaml:5:20: model.init_args.learning_rate: expected a number, more than 0, got "fast"',
      '  a.yaml:6:17: model.init_args.activation: expected "relu", "tanh", got "tanhh". Did you mean "tanh"?',
      '  a.yaml:8:27: model.init_args.layers.0.output_dim: expected a whole number, got 1.5',
      '  a.yaml:8:33: model.init_args.layers.1.output_dim: this key is required: expected a whole number',
      '  a.yaml:11:27: data.init_args.batch_size: expected a whole number, more than 0, got "8"',
    ]);
  });

  it.each([
    [
      './net.ts#Nett',
      /class_path: \.\/net\.ts has no export "Nett"\. Did you mean "Net"\? It exports: Block, Loose, Net, notAClass/,
    ],
    [
      './nett.ts#Net',
      /there is no file .*nett\.ts\. Did you mean "net\.ts"\? The folder holds: broken\.ts, data\.ts, net\.ts/,
    ],
    ['./none/net.ts#Net', /there is no folder .*none/],
    ['./net.ts#notAClass', /the export "notAClass" of \.\/net\.ts is not a class but number/],
    ['./net.ts', /name the export of that file after "#"/],
    ['./broken.ts#Never', /\.\/broken\.ts could not be loaded: this file does not load/],
    [
      'no-such-package#Net',
      /there is no package "no-such-package"\. Run: npm install no-such-package/,
    ],
    ['lightbox.dta.Mnist', /there is no lightbox\.dta\. Did you mean "data"\?/],
    [
      'mypackage.models.MyModel',
      /looks like a Python path; write the file and its export: "\.\/src\/models\.ts#MyModel"/,
    ],
    ['what ever', /is not a class path/],
    ['3', /expected a class path/],
  ])('of class_path %s say what there is', async (classPath, expected) => {
    const text = base.replace('./net.ts#Net', classPath);
    const message = await messageOf(() => prepare([text]));
    expect(message).toMatch(/^a\.yaml:2:15: model\.class_path: /);
    expect(message).toMatch(expected);
  });

  it.each([
    ['lightning.pytorch.callbacks.EarlyStopping', 'lightbox.callbacks.EarlyStopping'],
    ['pytorch_lightning.loggers.CSVLogger', 'lightbox.loggers.CSVLogger'],
    ['lightning_reflow.callbacks.PauseCallback', 'lightbox.callbacks.PauseCallback'],
    ['lightning_reflow.callbacks.TorchCompileCallback', 'lightbox.callbacks.CompileCallback'],
    ['dataporter.MultiDatasetModule', 'lightbox.data.MultiDatasetModule'],
  ])('of the Python path %s name %s', async (written, replacement) => {
    const text = `${base}  callbacks:\n    - class_path: ${written}\n`;
    expect(await messageOf(() => prepare([text]))).toBe(
      `a.yaml:10:19: trainer.callbacks.0.class_path: "${written}" is a Python class; write "${replacement}"`,
    );
  });

  it('are reported at any depth of classes', async () => {
    const text = `model:
  class_path: ./net.ts#Net
  init_args:
    encoder:
      class_path: ./net.ts#Block
      init_args: {hidden_dim: -1, droput: 0.5}
      hidden_dim: 4
data: {class_path: ./data.ts#Data}
`;
    const message = await messageOf(() => prepare([text]));
    expect(message.split('\n').slice(1)).toEqual([
      '  a.yaml:7:7: model.init_args.encoder.hidden_dim: unknown key beside class_path; the options of a class are below init_args (init_args.hidden_dim)',
      '  a.yaml:6:35: model.init_args.encoder.init_args.droput: unknown key. Did you mean "dropout"?',
      '  a.yaml:6:31: model.init_args.encoder.init_args.hidden_dim: expected a whole number, more than 0, got -1',
    ]);
  });

  it('name a keyed callback that nothing defines', async () => {
    const text = `${base}  callbacks: {stop: {init_args: {patience: 1}}}\n`;
    expect(await messageOf(() => prepare([text]))).toMatch(
      /trainer\.callbacks\.stop: expected a class: .*names no class that is defined before/,
    );
  });

  it.each([
    [{ module: Net }, 'data'],
    [{ dataModule: Data }, 'model'],
  ])('name a missing section', async (given, key) => {
    const tree = load(['trainer: {max_epochs: 1}']);
    const config = await prepareConfig(tree, { projectRoot, drawSeed: () => 1, ...given });
    expect(await messageOf(() => buildRun(config))).toMatch(`has no "${key}" section`);
  });

  it('name a section without a class', async () => {
    expect(await messageOf(() => prepare(['model: {hidden_dim: 1}']))).toMatch(
      /^a\.yaml:1:8: model\.class_path: this key is required/,
    );
  });
});

describe('buildRun', () => {
  it('constructs nested classes and passes options in camelCase', async () => {
    const text = base.replace(
      'hidden_dim: 32',
      'encoder: {class_path: ./net.ts#Block, init_args: {hidden_dim: 3}}',
    );
    const config = await prepare([text]);
    const { encoder } = (await netOf(config)).options;
    const { dataModule, trainerOptions } = await buildRun(config);
    expect(encoder).toBeInstanceOf(Block);
    expect(encoder?.options).toEqual({ hiddenDim: 3, dropout: 0.1 });
    expect(dataModule).toBeInstanceOf(Data);
    expect(dataModule.hparams).toMatchObject({ batchSize: 8 });
    expect(trainerOptions).toMatchObject({ maxEpochs: 3, seed: 42, callbacks: [], logger: true });
  });

  it('freezes what a class gets, and what is saved', async () => {
    const config = await prepare([base.replace('hidden_dim: 32', 'class_names: {cat: 1}')]);
    const { options } = await netOf(config);
    expect(Object.isFrozen(options.classNames)).toBe(true);
    expect(() => Object.assign(options, { hiddenDim: 9 })).toThrow(TypeError);
    expect(() => Object.assign(config.values.trainer as object, { max_epochs: 9 })).toThrow(
      TypeError,
    );
  });

  it('refuses an object of the wrong class', async () => {
    const text = base.replace('hidden_dim: 32', 'encoder: {class_path: ./data.ts#Counter}');
    const config = await prepare([text]);
    expect(await messageOf(() => buildRun(config))).toMatch(
      /model\.init_args\.encoder: expected .*got an object of another class/,
    );
  });

  it('gives a class without a schema its options as they are, in camelCase', async () => {
    const text = base
      .replace('#Net', '#Loose')
      .replace('hidden_dim: 32', 'out_dim: 3\n    keep: {a_b: 1}');
    const config = await prepare([text]);
    expect(await messageOf(() => buildRun(config))).toMatch(/Loose is not a TrainModule/);
    expect(config.values.model).toMatchObject({ init_args: { out_dim: 3, keep: { a_b: 1 } } });
  });

  it('draws initial weights from the seed alone', async () => {
    const weights = async (flags: string[]) => {
      const { kernel } = await netOf(await prepare([base], flags));
      return [...kernel.dataSync()];
    };
    const first = await weights([]);
    Math.random();
    expect(await weights(['--trainer.max_epochs', '9'])).toEqual(first);
    expect(await weights(['--seed_everything', '43'])).not.toEqual(first);
  });

  it('constructs keyed callbacks under their names', async () => {
    const text = `${base}  callbacks:
    counter: {class_path: ./data.ts#Counter}
    second: {class_path: ./data.ts#Counter, init_args: {every: 5}}
    gone: null
`;
    const { callbacks } = (await buildRun(await prepare([text]))).trainerOptions;
    expect(
      callbacks.map((callback) => [callback.id, (callback as { every?: number }).every]),
    ).toEqual([
      [undefined, 1],
      ['second', 5],
    ]);
  });
});

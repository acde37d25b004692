import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { readCheckpoint } from '../../../runtime/src/checkpoint/index.ts';
import { makeProject, runIn, type Heard } from './fakeHost.ts';

let cwd: string;
const config = ['--config', 'line.yaml'];
const run = (...args: string[]): Promise<Heard> => runIn(cwd, args);

beforeAll(() => {
  cwd = makeProject();
});

function newestCheckpoint(): string {
  const found = readdirSync(join(cwd, 'runs'), { recursive: true, encoding: 'utf8' });
  const name = found.filter((path) => /checkpoints.*\.safetensors$/.test(path)).at(-1);
  if (name === undefined) throw new Error('expected a checkpoint');
  return join('runs', name);
}

describe('mistakes', () => {
  it.each([
    [
      ['ft'],
      'error: unknown command "ft". Did you mean "fit"? There are: fit, resume, validate, test, predict, tune, replay-dump, data, doctor, inspect, plot, schema.',
    ],
    [
      ['--trainer.max_epochs', '1', 'fit'],
      'error: the command comes first, before --trainer.max_epochs There are',
    ],
    [
      ['dashboard'],
      'error: "dashboard" is not a command of this version: metrics.jsonl in the run folder holds every value. There are: fit',
    ],
    [['hpo'], 'npm run hpo'],
    [
      ['fit'],
      'error: nothing says what to run. Give a configuration: --config configs/<model>.yaml.',
    ],
    [
      ['fit', '--confg', 'line.yaml'],
      'error: unknown flag --confg. Did you mean --config? See --help.',
    ],
    [
      ['fit', '--optimizer=Adam'],
      'error: unknown flag --optimizer: optimizers are set in configureOptimizers() of the model.',
    ],
    [
      ['fit', ...config, '--ckpt_path', 'https://example.org/a.safetensors'],
      'error: https://example.org/a.safetensors is an address, and checkpoints are read from files',
    ],
    [
      ['fit', '--config', 'none.yaml'],
      'error: Cannot read the configuration none.yaml: there is no such file.',
    ],
    [['fit', 'line.yaml'], 'error: unexpected "line.yaml". Flags begin with --'],
    [
      ['fit', ...config, '--trainer.max_epoch', '1'],
      'error: --trainer.max_epoch: unknown key. Did you mean "max_epochs"?',
    ],
    [
      ['fit', ...config, '--model.learning_rate', 'x'],
      'error: --model.learning_rate: model.init_args.learning_rate: expected a number, more than 0, got "x"',
    ],
    [
      ['fit', ...config, '--trainer.max_epochs', '1e400'],
      'error: --trainer.max_epochs: expected a whole number, more than 0 or null, got Infinity',
    ],
    [
      ['fit', ...config, '--print_config=all'],
      'error: --print_config=all: expected --print_config or --print_config=provenance.',
    ],
    [['fit', ...config, '--ckpt_path', 'none.safetensors'], 'error: There is no checkpoint at'],
    [['resume'], 'error: resume needs the checkpoint to go on from'],
    [['resume', 'last'], 'error: "last": '],
    [['resume', 'x', '--ckpt_path', 'y'], 'error: resume: "x" and --ckpt_path: give one of them.'],
    [['resume', '.'], 'error: . holds no run with checkpoints. Give the folder of a run'],
    [['plot', 'none'], 'error: none holds no run with metrics.jsonl.'],
    [['plot', '--x', 'hour'], 'error: runs holds no run with metrics.jsonl.'],
    [['inspect'], 'error: inspect needs a checkpoint'],
    [['inspect', 'line.yaml'], 'error: Checkpoint'],
    [['fit', '--help=lightbox.callbacks.None'], 'error: --help: lightbox.callbacks has no "None".'],
  ])('%j ends with 2 and a message without a stack', async (args, expected) => {
    const { code, warned } = await run(...args);
    expect(warned).toContain(expected);
    expect(warned).not.toMatch(/^\s+at /m);
    expect(code).toBe(2);
  });

  it('of a project file end with 1 and a stack', async () => {
    const text = readFileSync(join(cwd, 'line.ts'), 'utf8');
    const broken = text.replace('const loss = this.#loss(batch);', 'const loss = missing(batch);');
    writeFileSync(join(cwd, 'broken.ts'), broken);
    const { code, warned } = await run('fit', ...config, '--model.class_path', './broken.ts#Line');
    expect(warned).toMatch(/error: ReferenceError: missing is not defined\n\s+at /);
    expect(warned).toContain('This was not expected');
    expect(code).toBe(1);
  });
});

describe('help', () => {
  it('lists commands and exit codes', async () => {
    const { code, printed } = await run('--help');
    expect(printed).toMatch(/^ {2}fit +Train\./m);
    expect(printed).toContain('130 / 143');
    expect(code).toBe(0);
  });

  it('lists every option of a command from the schemas', async () => {
    const { printed } = await run('fit', '--help');
    expect(printed).toMatch(
      /--trainer\.max_epochs +Stop after this many epochs\. \[a whole number/,
    );
    expect(printed).toContain('lightbox.callbacks.EarlyStopping');
  });

  it('lists the options of the classes that the configuration names', async () => {
    const { printed } = await run('fit', ...config, '--help');
    expect(printed).toMatch(/--model\.learning_rate +Step size\./);
    expect(printed).toContain('--data.batch_size');
  });

  it('is there for a configuration that is wrong', async () => {
    const { code, printed } = await run('fit', ...config, '--trainer.wrong', '1', '--help');
    expect(printed).toContain('--trainer.max_epochs');
    expect(code).toBe(0);
  });

  it('lists the options of one class', async () => {
    const { printed } = await run('fit', '--help=./line.ts#Line');
    expect(printed).toMatch(/learning_rate +Step size\. \[a number, more than 0; default 0\.1\]/);
  });
});

describe('print_config', () => {
  it('prints what loads again to the same', async () => {
    const first = await run('fit', ...config, '--trainer.max_epochs', '5', '--print_config');
    expect(first.printed).toContain('max_epochs: 5\n');
    writeFileSync(join(cwd, 'printed.yaml'), first.printed);
    const second = await run('fit', '--config', 'printed.yaml', '--print_config');
    const values = (text: string): string => text.replaceAll(/ +#.*$/gm, '');
    expect(values(second.printed)).toBe(values(first.printed));
  });

  it('shows where values come from', async () => {
    const { printed } = await runIn(
      cwd,
      ['fit', ...config, '--trainer.max_epochs', '5', '--print_config=provenance'],
      { LIGHTBOX__MODEL__LOG: 'mse' },
    );
    expect(printed).toContain('max_epochs: 5 # --trainer.max_epochs');
    expect(printed).toContain('learning_rate: 0.2 # line.yaml:4:20');
    expect(printed).toContain('log: mse # environment variable LIGHTBOX__MODEL__LOG');
  });
});

describe('a run', () => {
  it('trains, is inspected, goes on, is tested and predicts', async () => {
    const fitted = await run('fit', ...config, '--model.log', 'mse');
    expect(fitted.warned).toBe('');
    expect(fitted.code).toBe(0);
    const checkpoint = newestCheckpoint();

    const inspected = await run('inspect', checkpoint, ...config);
    expect(inspected.printed).toMatch(/update {5}16/);
    expect(inspected.printed).toContain('log: mse');
    expect(inspected.printed).toContain('model.init_args.log: "mse" -> "loss"');
    const json = JSON.parse((await run('inspect', checkpoint, '--json')).printed) as object;
    expect(json).toHaveProperty('info.config.provenance');

    const begun = await run('fit', ...config, '--ckpt_path', checkpoint, '--restore', 'weight');
    expect([begun.code, begun.warned]).toEqual([2, expect.stringMatching(/restore takes weights/)]);
    const faster = await run('resume', checkpoint, '--override-lr', 'fast');
    expect([faster.code, faster.warned]).toEqual([2, expect.stringMatching(/override_lr is NaN/)]);

    const resumed = await run(
      'resume',
      '--checkpoint-path',
      checkpoint,
      '--trainer.max_epochs',
      '3',
    );
    expect(resumed.warned).toBe('');
    expect(resumed.lines).toContain('trainer.max_epochs: 2 -> 3 (--trainer.max_epochs)');
    const after = await run('inspect', newestCheckpoint());
    expect(after.printed).toMatch(/update {5}24/);
    expect(after.printed).toContain('log: mse');

    const again = await run('resume', 'last', '--trainer.max_epochs', '4');
    expect(again.warned).toBe('');
    const folder = dirname(dirname(newestCheckpoint()));
    const moved = await run('resume', folder, '--trainer.max_epochs', '5');
    expect(moved.warned).toBe('');
    expect((await run('inspect', 'runs')).printed).toMatch(/update {5}40/);

    const plotted = await run('plot', folder, '--x', 'time');
    expect(plotted.warned).toBe('');
    expect(plotted.printed).toBe(join(folder, 'plot.svg'));
    expect(readFileSync(join(cwd, plotted.printed), 'utf8')).toMatch(/^<svg.*val\/loss/s);

    const tested = await run('test', '--ckpt_path', newestCheckpoint());
    expect(tested.printed).toMatch(/^test\/loss = 0\.\d+$/);
    const predicted = await run('predict', '--ckpt_path', newestCheckpoint());
    expect(predicted.code).toBe(0);
    expect(readFileSync(join(cwd, 'predictions.jsonl'), 'utf8').trim().split('\n')).toHaveLength(
      32,
    );
  });

  it('goes on from "last" like from a path: the checkpoint below the files, differences said', async () => {
    const own = makeProject();
    const fit = (...args: string[]) => runIn(own, ['fit', ...config, ...args]);
    expect((await fit('--model.log', 'mse')).warned).toBe('');
    for (const epochs of ['3', '4']) {
      const { lines, warned } = await fit('--ckpt_path', 'last', '--trainer.max_epochs', epochs);
      expect(warned).toBe('');
      expect(lines).toContain('Changed since the checkpoint:');
      expect(lines).toMatch(new RegExp(`trainer.max_epochs: \\d -> ${epochs}`));
      expect(lines).not.toContain('model.init_args.log');
    }
    const shown = await fit('--ckpt_path', 'last', '--print_config');
    expect(shown.printed).toContain('log: mse');
    const other = await fit('--ckpt_path', 'last', '--trainer.run_name', 'other');
    expect(other.warned).toMatch(/"last" needs a run|no run/);
  });

  it('keeps the seed that "true" drew', async () => {
    const own = makeProject();
    const fit = (...args: string[]) =>
      runIn(own, ['fit', ...config, '--seed_everything', 'true', ...args]);
    expect((await fit()).code).toBe(0);
    const { warned, lines, code } = await fit('--ckpt_path', 'last', '--trainer.max_epochs', '3');
    expect([warned, code]).toEqual(['', 0]);
    expect(lines).not.toContain('seed_everything');
  });

  it('saves the state before an error without being asked', async () => {
    const cwd = makeProject();
    const { code, lines } = await runIn(cwd, ['fit', ...config, '--model.learning_rate', '1e9']);
    expect(code).toBe(2);
    const [, path, step] =
      /Saved (\S+): the state after update (\d+), before the error/.exec(lines) ?? [];
    const { info } = await readCheckpoint(path);
    expect([info.step, info.step > 0]).toEqual([Number(step), true]);
  });

  it('ends in a dump that replay-dump computes again and explains', async () => {
    const flags = ['--model.learning_rate', '1e30', '--trainer.on_nan', 'dump'];
    const { code, warned } = await run('fit', ...config, ...flags);
    expect(code).toBe(1);
    const [dump] = /runs\S+dumps\S+\.safetensors/.exec(warned) ?? [''];
    const replayed = await run('replay-dump', dump);
    expect(replayed.warned).toBe('');
    expect(replayed.printed).toMatch(/^loss +Infinity then, Infinity now$/m);
    expect(replayed.printed).toMatch(/^operation .*SquaredDifference.* made Infinity/m);
    expect(replayed.printed).toMatch(/^weights +finite$/m);
    expect((await run('replay-dump', newestCheckpoint())).warned).toMatch(
      /is a checkpoint, not the dump of a step/,
    );
    expect((await run('replay-dump')).code).toBe(2);
  });

  it('sets variables before it imports the project', async () => {
    const text = `${readFileSync(join(cwd, 'line.yaml'), 'utf8')}environment: {LINE_MODE: quick, LINE_TOKEN: s3cret}\n`;
    writeFileSync(join(cwd, 'environment.yaml'), text);
    const { env, code } = await run(
      'fit',
      '--config',
      'environment.yaml',
      '--trainer.max_steps',
      '1',
    );
    expect(code).toBe(0);
    expect(env).toMatchObject({ LINE_MODE: 'quick', LINE_TOKEN: 's3cret' });
    const { printed } = await run('inspect', newestCheckpoint(), '--json');
    expect(printed).toContain('quick');
    expect(printed).not.toContain('s3cret');
  });

  it('lets no secret into a file of the run', async () => {
    const own = makeProject();
    const text = readFileSync(join(own, 'line.ts'), 'utf8').replace(
      'const schema = z.strictObject({',
      'const schema = z.strictObject({ apiKey: z.string(), mail: z.string(), logIn: z.string(),',
    );
    writeFileSync(join(own, 'line.ts'), text);
    const secrets = ['s3cret-of-file', 's3cret-of-flag', 's3cret-of-map'];
    const yaml = `${readFileSync(join(own, 'line.yaml'), 'utf8')}environment: {MY_TOKEN: ${secrets[0]}}\n`;
    writeFileSync(join(own, 'line.yaml'), yaml);
    const { code, warned, env } = await runIn(own, [
      'fit',
      ...config,
      '--model.api_key',
      secrets[1],
      '--model.mail=me',
      '--model.log_in=user:${environment.MY_TOKEN}',
      '--environment',
      `{"A_PASSWORD": "${secrets[2]}"}`,
    ]);
    expect([warned, code]).toEqual(['', 0]);
    expect(env).toMatchObject({ A_PASSWORD: secrets[2] });
    const files = readdirSync(join(own, 'runs'), { recursive: true, withFileTypes: true });
    const written = files
      .filter((file) => file.isFile())
      .map((file) => [file.name, readFileSync(join(file.parentPath, file.name), 'latin1')]);
    expect(written.map(([name]) => name)).toEqual(
      expect.arrayContaining(['run.json', 'config.yaml', 'hparams.json', 'last.safetensors']),
    );
    const leaks = written.filter(([, content]) =>
      secrets.some((secret) => content.includes(secret)),
    );
    expect(leaks.map(([name]) => name)).toEqual([]);
    expect(written.find(([name]) => name === 'hparams.json')?.[1]).toContain('"mail": "me"');
  });

  it.each([
    ['NODE_OPTIONS=--inspect=0', 'Node reads it'],
    ['UV_THREADPOOL_SIZE=8', "Node's threads are running by then. Set it in the shell: UV_THREAD"],
    ['LIGHTBOX_ENGINE_TRACE=trace', 'it is read before the configuration'],
    ['LIGHTBOX__TRAINER__MAX_EPOCHS=9', 'such variables are part of the configuration'],
  ])('refuses variables that come too late: %s', async (variable, because) => {
    const { warned, code } = await run('fit', ...config, `--environment.${variable}`);
    expect(warned).toContain(
      `environment.${variable.split('=')[0]} would have no effect: ${because}`,
    );
    expect(code).toBe(2);
  });
});

describe('schema', () => {
  it('has the keys of YAML and every class of the runtime', async () => {
    const { printed } = await run('schema');
    const schema = JSON.parse(printed) as {
      properties: Record<string, { properties: Record<string, unknown> }>;
      $defs: Record<string, unknown>;
    };
    expect(Object.keys(schema.properties)).toContain('seed_everything');
    expect(schema.properties.trainer.properties).toHaveProperty('accumulate_grad_batches');
    expect(JSON.stringify(schema.$defs.callbacks)).toContain('lightbox.callbacks.ModelCheckpoint');
    expect(JSON.stringify(schema.$defs.callbacks)).toContain('"save_top_k"');
  });
});

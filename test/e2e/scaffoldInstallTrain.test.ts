import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { packageRoot } from '../../generators/common/packageRoot.ts';
import { packRuntime } from '../../scripts/packRuntime.ts';

// Installs real packages and trains, which takes minutes: CI and `npm run test:full` only.
const minutes = 60_000;
const full = process.env.LIGHTBOX_TEST_FULL !== undefined;
const projects: [name: string, flags: string[]][] = [
  [
    'digits',
    ['--task', 'image-classification', '--model', 'digits', '--features', 'hpo,dataporter,compile'],
  ],
  ['cars', ['--task', 'tabular-regression', '--model', 'cars', '--features', 'hpo']],
  ['stories', ['--task', 'char-lm', '--model', 'writer', '--features', 'dataporter,compile']],
  ['own', ['--task', 'blank', '--model', 'mine', '--features', 'hpo,dataporter,compile']],
  ['codes', ['--task', 'autoencoder', '--model', 'coder', '--features', 'hpo']],
  ['drawn', ['--task', 'gan', '--model', 'artist', '--features', 'hpo,compile']],
];
// CI has forty minutes; its template gate checks this combination without installing it.
const bare = ['--task', 'image-classification', '--model', 'digits', '--features', 'none'];
if (full) projects.push(['plain', bare]);

/** What whole trainings reach at least; those of minutes in `npm run test:full` only. */
type Limit = readonly [metric: string, comparison: 'below' | 'above', limit: number];
const reached: Readonly<Record<string, readonly Limit[]>> = {
  cars: [['test/r2', 'above', 0.85]],
  own: [['test/loss', 'below', 0.015]],
  ...(full && { codes: [['test/loss', 'below', 0.013]] }),
  ...(full && {
    drawn: [
      ['test/distance', 'below', 0.015],
      ['test/digits', 'above', 7.5],
    ],
  }),
};

describe.each(projects)('the generated project "%s"', (name, flags) => {
  const folder = mkdtempSync(join(tmpdir(), 'lightbox-e2e-'));
  const project = join(folder, name);
  const npm = (...args: string[]): string => {
    const { status, stdout, stderr } = spawnSync('npm', args, { cwd: project, encoding: 'utf8' });
    if (status !== 0) throw new Error(`npm ${args.join(' ')}\n${stdout}\n${stderr}`);
    return stdout;
  };

  const wholeTraining = (): string => {
    npm('run', 'train', '--', '--trainer.run_name', 'whole');
    const last = 'runs/whole/version_0/checkpoints/last.safetensors';
    return npm('run', 'test:model', '--', '--ckpt_path', last);
  };
  const measure = name === 'drawn' ? 'distance' : 'loss';

  beforeAll(() => {
    packRuntime();
    const bin = join(packageRoot, 'dist/generators/bin.js');
    const { status } = spawnSync(process.execPath, [bin, name, ...flags, '--dir', project]);
    expect(status).toBe(0);
    npm('install', '--no-audit', '--no-fund', '--prefer-offline');
  }, 5 * minutes);

  afterAll(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  it('is clean by its own check', () => void npm('run', 'check'), 5 * minutes);

  it('passes its own tests', () => void npm('test'), 5 * minutes);

  it(
    'trains, pauses, resumes and tests',
    () => {
      npm('run', 'train', '--', '--trainer.max_steps', '8', '--trainer.run_name', 'first');
      const last = 'runs/first/version_0/checkpoints/last.safetensors';
      expect(existsSync(join(project, last))).toBe(true);
      npm('run', 'train', '--', '--trainer.max_steps', '12', '--ckpt_path', last);
      const record = JSON.parse(
        readFileSync(join(project, 'runs/first/version_0/run.json'), 'utf8'),
      ) as { sessions: { startStep: number }[] };
      expect(record.sessions.map(({ startStep }) => startStep)).toEqual([0, 8]);
      expect(npm('run', 'test:model', '--', '--ckpt_path', last)).toMatch(
        RegExp(`test/${measure} = \\d`),
      );
      expect(npm('run', 'validate', '--', '--ckpt_path', last)).toMatch(
        RegExp(`val/${measure} = \\d`),
      );
      expect(npm('run', 'predict', '--', '--ckpt_path', last)).toContain('predictions');
      expect(npm('run', 'inspect', '--', last)).toMatch(/update +12 /);
    },
    5 * minutes,
  );

  const limits = reached[name] ?? [];
  (limits.length > 0 ? it : it.skip)(
    // The demo proves the digits; the others take minutes, or state nothing.
    'reaches what its README says',
    () => {
      const output = wholeTraining();
      for (const [metric, comparison, limit] of limits) {
        const value = Number(new RegExp(`${metric} = (\\S+)`).exec(output)?.[1]);
        if (comparison === 'below') expect(value).toBeLessThan(limit);
        else expect(value).toBeGreaterThan(limit);
      }
    },
    20 * minutes,
  );

  const drawsPictures = ['codes', 'drawn'].includes(name);
  (drawsPictures ? it : it.skip)(
    // The other tasks have no pictures.
    'draws pictures into the folder of the run',
    () => {
      const media = join(project, 'runs/first/version_0/media');
      const pictures = readdirSync(media, { recursive: true, encoding: 'utf8' });
      expect(pictures.filter((path) => path.endsWith('step=8.png')).length).toBeGreaterThan(0);
    },
  );

  (name === 'own' || name === 'drawn' || (full && name === 'codes') ? it : it.skip)(
    // Other tests search in the other tasks, the full suite in codes too.
    'searches, and tries learning rates',
    () => {
      npm('run', 'hpo', '--', '--n-trials', '3', '--trial-steps', '6', '--test-mode');
      const best = readdirSync(join(project, 'runs/hpo'), { recursive: true, encoding: 'utf8' });
      expect(best.filter((path) => path.endsWith('best.yaml'))).toHaveLength(1);
      if (name === 'own') expect(npm('run', 'tune', '--', 'lr')).toContain('runs/tune/lr.yaml');
    },
    5 * minutes,
  );

  const metricsOf = (run: string): unknown[] =>
    readFileSync(join(project, `runs/${run}/version_0/metrics.jsonl`), 'utf8')
      .trim()
      .split('\n')
      .map((line) => ({ ...(JSON.parse(line) as object), time: 0 }));

  const compiles = flags.some((flag) => flag.includes('compile'));
  (compiles ? it : it.skip)(
    // The other projects were generated without the compile feature.
    'trains to the same numbers with and without compiling',
    () => {
      const train = (...args: string[]): string =>
        npm('run', 'train', '--', '--trainer.max_steps', '40', ...args);
      const report = train('--trainer.run_name', 'compiled');
      const replayed = /, (\d+) steps replayed,/.exec(report)?.[1];
      expect(Number(replayed)).toBeGreaterThanOrEqual(30);
      const recorded = train(
        '--trainer.run_name',
        'recorded',
        '--trainer.callbacks.compile_callback=null',
      );
      expect(recorded).not.toContain('steps replayed');
      expect(metricsOf('compiled').length).toBeGreaterThan(0);
      expect(metricsOf('recorded')).toEqual(metricsOf('compiled'));
    },
    5 * minutes,
  );

  it(
    'runs every command of its SKILL.md that needs no checkpoint',
    () => {
      const skill = readFileSync(join(project, 'SKILL.md'), 'utf8');
      expect(skill).toContain('npm run train -- --print_config');
      expect(npm('run', 'train', '--', '--print_config')).toContain('seed_everything: 42');
      expect(npm('run', 'doctor')).toContain('0.1.0');
    },
    5 * minutes,
  );
});

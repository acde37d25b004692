import { spawn, spawnSync, type SpawnSyncReturns } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { packageRoot } from '../../generators/common/packageRoot.ts';
import { ensurePackedRuntime } from './packedRuntime.ts';

const dist = join(packageRoot, 'dist/generators');
const bin = join(dist, 'bin.js');
const complete = [
  'my-net',
  '--task',
  'tabular-regression',
  '--model',
  'cars',
  '--features',
  'hpo,compile',
];
let folder: string;

beforeAll(ensurePackedRuntime);

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'lightbox-bin-'));
});

afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

function lightbox(args: readonly string[], input = ''): SpawnSyncReturns<string> {
  return spawnSync(process.execPath, [bin, ...args], { cwd: folder, input, encoding: 'utf8' });
}

describe('lightbox', () => {
  it('writes a project and says what comes next and how to repeat it', () => {
    const { status, stdout, stderr } = lightbox(complete);
    expect([status, stderr]).toEqual([0, '']);
    expect(stdout).toContain('cd my-net\n  npm install\n  npm run train');
    expect(stdout).toContain(
      'lightbox my-net --task tabular-regression --model cars --features hpo,compile\n',
    );
    expect(readdirSync(join(folder, 'my-net', 'vendor'))).toHaveLength(1);
  });

  it('makes the same bytes from flags, a file, standard input and the printed command', () => {
    const answers = {
      name: 'my-net',
      task: 'tabular-regression',
      model: 'cars',
      features: ['compile', 'hpo'],
    };
    writeFileSync(join(folder, 'a.json'), JSON.stringify(answers));
    const places = ['flags', 'file', 'stdin', 'again'].map((name) => join(folder, name));
    const runs = [
      lightbox([...complete, '--dir', places[0]]),
      lightbox(['--answers', 'a.json', '--dir', places[1]]),
      lightbox(['--answers=-', '--dir', places[2]], JSON.stringify(answers)),
    ];
    expect(runs.map(({ status }) => status)).toEqual([0, 0, 0]);
    const command = /\n {2}lightbox (.*) --dir/.exec(runs[1].stdout)?.[1].split(' ') ?? [];
    expect(lightbox([...command, '--dir', places[3]]).status).toBe(0);
    const prints = places.map((place) => fingerprint(place));
    expect(prints[0]).toMatch(/^[0-9a-f]{64}$/);
    expect(new Set(prints).size).toBe(1);
  });

  it('takes the name from --dir, and defaults with --yes', () => {
    expect(lightbox(['--dir', 'work/net-2', '--yes']).status).toBe(0);
    const manifest = JSON.parse(readFileSync(join(folder, 'work/net-2/package.json'), 'utf8')) as {
      name: string;
    };
    expect(manifest.name).toBe('net-2');
    expect(existsSync(join(folder, 'work/net-2/configs/digits.yaml'))).toBe(true);
  });

  it.each([
    [[], '--name is missing, and there is no terminal', 'ERR_ANSWER_MISSING'],
    [['my-net'], '--task is missing', 'ERR_ANSWER_MISSING'],
    [['../x', '--yes'], '--name: "../x" is a path', 'ERR_ANSWER'],
    [['con', '--yes'], 'reserved by Windows', 'ERR_ANSWER'],
    [['--dir', '/tmp/con', '--yes'], '--dir, last part of the path: "con"', 'ERR_ANSWER'],
    [['my-net', '--yes', '--featuers', 'hpo'], 'Did you mean "--features"', 'ERR_FLAG_UNKNOWN'],
    [['--answers', 'none.json'], 'Answers file none.json: cannot be read', 'ERR_ANSWERS_FILE'],
    [['--answers=-'], 'expected JSON', 'ERR_ANSWERS_FILE'],
    [['update'], 'comes with a later version', 'ERR_COMMAND_LATER'],
    [['check'], 'comes with a later version', 'ERR_COMMAND_LATER'],
  ])('%j fails in one line', (args, message, code) => {
    const { status, stdout, stderr } = lightbox(args);
    expect([status, stdout]).toEqual([1, '']);
    expect(stderr).toContain(message);
    expect(stderr).toMatch(new RegExp(`^lightbox: .*\\[${code}\\]\\n$`));
    expect(readdirSync(folder)).toEqual([]);
  });

  it('refuses a folder that is not empty', () => {
    mkdirSync(join(folder, 'my-net'));
    writeFileSync(join(folder, 'my-net', 'notes.txt'), 'mine');
    const { status, stderr } = lightbox(complete);
    expect(status).toBe(1);
    expect(stderr).toContain('is not empty (it holds "notes.txt")');
    expect(readdirSync(join(folder, 'my-net'))).toEqual(['notes.txt']);
  });

  it('points to updates when run again', () => {
    expect(lightbox(complete).status).toBe(0);
    expect(lightbox(complete).stderr).toContain('[ERR_TARGET_PROJECT]');
  });

  it.each(['--help', '-h'])('%s prints the flags', (flag) => {
    const { status, stdout } = lightbox([flag]);
    expect(status).toBe(0);
    expect(stdout).toMatch(/^Usage: lightbox \[name\]/);
  });

  it('--version prints the version of the package', () => {
    const manifest = JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8')) as {
      version: string;
    };
    expect(lightbox(['--version']).stdout).toBe(`${manifest.version}\n`);
  });

  it.each([0, 7, 19])('killed at file %i, leaves nothing under the name and recovers', (index) => {
    // Kills itself where the file's bytes are asked for, in the middle of the real writer.
    const script = `
      const [, dist, target, index] = process.argv;
      const { render } = await import(dist + '/render/render.js');
      const { writeProject } = await import(dist + '/write/writeProject.js');
      const { readRuntimeTarball } = await import(dist + '/common/runtimeTarball.js');
      const answers = { name: 'my-net', model: 'cars', task: 'tabular-regression', features: ['hpo', 'compile'], author: '', description: '' };
      const files = [...render(answers, { runtimeTarball: readRuntimeTarball(), generatorVersion: '0.1.0' })];
      const file = files[Number(index)][1];
      files[Number(index)][1] = { ...file, get bytes() { process.kill(process.pid, 'SIGKILL'); return file.bytes; } };
      await writeProject(target, new Map(files));`;
    const args = ['--input-type=module', '-e', script, dist, join(folder, 'my-net'), String(index)];
    const { signal, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
    expect([signal, stderr]).toEqual(['SIGKILL', '']);
    expect(readdirSync(folder)).toEqual([expect.stringMatching(/^\.my-net\.lightbox-/)]);
    expect(lightbox(complete).status).toBe(0);
    expect(readdirSync(folder)).toEqual(['my-net']);
  });

  it('interrupted at any moment, leaves nothing or the whole project', async () => {
    const project = join(folder, 'my-net');
    const start = performance.now();
    expect(lightbox(complete).status).toBe(0);
    const duration = performance.now() - start;
    const whole = fingerprint(project);
    for (const share of [0.5, 0.75, 0.9, 1]) {
      rmSync(project, { recursive: true, force: true });
      const child = spawn(process.execPath, [bin, ...complete], { cwd: folder, stdio: 'ignore' });
      const ended = new Promise((resolve) => child.once('exit', resolve));
      setTimeout(() => child.kill('SIGINT'), duration * share);
      await ended;
      const left = readdirSync(folder);
      expect([[], ['my-net']]).toContainEqual(left);
      if (left.length > 0) expect(fingerprint(project)).toBe(whole);
    }
  });
});

/** One hash of all paths and contents below a folder. */
function fingerprint(root: string): string {
  const hash = createHash('sha256');
  const paths = (readdirSync(root, { recursive: true }) as string[]).sort();
  for (const path of paths) {
    if (statSync(join(root, path)).isDirectory()) continue;
    hash.update(`${path}\n`).update(readFileSync(join(root, path)));
  }
  return hash.digest('hex');
}

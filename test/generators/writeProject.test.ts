import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { render } from '../../generators/render/render.ts';
import { checkTarget, writeProject } from '../../generators/write/writeProject.ts';
import { exampleAnswers, exampleInputs } from './exampleInputs.ts';

const project = render(exampleAnswers(), exampleInputs);
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'lightbox-write-'));
});

afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

describe('writeProject', () => {
  it('writes every file with its bytes, and nothing beside the target', async () => {
    const target = join(folder, 'deep', 'my-net');
    await writeProject(target, project);
    for (const [path, { bytes }] of project) {
      expect([path, readFileSync(join(target, path)).equals(bytes)]).toEqual([path, true]);
    }
    expect(readdirSync(join(folder, 'deep'))).toEqual(['my-net']);
  });

  it('takes an empty folder', async () => {
    mkdirSync(join(folder, 'my-net'));
    await writeProject(join(folder, 'my-net'), project);
    expect(existsSync(join(folder, 'my-net', 'package.json'))).toBe(true);
  });

  it.each([
    [
      'a folder with a file',
      'ERR_TARGET_NOT_EMPTY',
      (target: string) => {
        mkdirSync(target);
        writeFileSync(join(target, 'x'), 'mine');
      },
    ],
    [
      'a folder with a hidden file',
      'ERR_TARGET_NOT_EMPTY',
      (target: string) => {
        mkdirSync(target);
        writeFileSync(join(target, '.x'), 'mine');
      },
    ],
    [
      'a file',
      'ERR_TARGET_NOT_FOLDER',
      (target: string) => {
        writeFileSync(target, 'mine');
      },
    ],
    [
      'a link to a folder',
      'ERR_TARGET_NOT_FOLDER',
      (target: string) => {
        mkdirSync(join(target, '..', 'other'));
        symlinkSync('other', target);
      },
    ],
    [
      'a dangling link',
      'ERR_TARGET_NOT_FOLDER',
      (target: string) => {
        symlinkSync('/nowhere/at/all', target);
      },
    ],
    [
      'a project',
      'ERR_TARGET_PROJECT',
      (target: string) => {
        mkdirSync(join(target, '.lightbox'), { recursive: true });
        writeFileSync(join(target, '.lightbox/state.json'), '{}');
      },
    ],
  ])('refuses %s and leaves it alone', async (_, code, prepare) => {
    const target = join(folder, 'my-net');
    prepare(target);
    const before = readdirSync(folder, { recursive: true });
    await expect(writeProject(target, project)).rejects.toThrow(expect.objectContaining({ code }));
    expect(readdirSync(folder, { recursive: true })).toEqual(before);
  });

  it('points a project to what brings it up to date', () => {
    mkdirSync(join(folder, '.lightbox'));
    writeFileSync(join(folder, '.lightbox/state.json'), '{}');
    expect(() => checkTarget(folder)).toThrow('lightbox update');
  });

  it('explains a folder that cannot be made', async () => {
    // A file in the way fails for root as well, unlike missing permissions.
    writeFileSync(join(folder, 'file'), '');
    await expect(writeProject(join(folder, 'file', 'my-net'), project)).rejects.toThrow(
      expect.objectContaining({
        code: 'ERR_TARGET_WRITE',
        message: expect.stringContaining('a part of the path is a file'),
      }),
    );
  });

  it('removes everything when it is interrupted', async () => {
    const abort = new AbortController();
    const interrupted = new Map(
      [...project].map(([path, file], index) => [
        path,
        index === 5
          ? {
              ...file,
              get bytes() {
                abort.abort();
                return file.bytes;
              },
            }
          : file,
      ]),
    );
    await expect(writeProject(join(folder, 'my-net'), interrupted, abort.signal)).rejects.toThrow(
      expect.objectContaining({ code: 'ERR_INTERRUPTED' }),
    );
    expect(readdirSync(folder)).toEqual([]);
  });

  it('removes everything when a file cannot be written', async () => {
    const clash = new Map([
      ...project,
      ['package.json/x', { bytes: Buffer.from(''), mode: 0o644, class: 'seed' as const }],
    ]);
    await expect(writeProject(join(folder, 'my-net'), clash)).rejects.toThrow('Cannot write');
    expect(readdirSync(folder)).toEqual([]);
  });

  it('never writes outside, whatever a path says', async () => {
    const evil = new Map([
      ['../evil', { bytes: Buffer.from(''), mode: 0o644, class: 'seed' as const }],
    ]);
    await expect(writeProject(join(folder, 'my-net'), evil)).rejects.toThrow('leaves the project');
    expect(readdirSync(folder)).toEqual([]);
  });

  it('clears what a killed run left, and keeps what a living one is writing', async () => {
    const dead = join(folder, '.my-net.lightbox-999999999-0badcafe');
    const alive = join(folder, `.my-net.lightbox-${String(process.ppid)}-0badcafe`);
    mkdirSync(dead);
    mkdirSync(alive);
    await writeProject(join(folder, 'my-net'), project);
    expect(readdirSync(folder).sort()).toEqual([
      `.my-net.lightbox-${String(process.ppid)}-0badcafe`,
      'my-net',
    ]);
  });
});

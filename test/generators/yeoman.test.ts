import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import helpers from 'yeoman-test';
import LightboxGenerator from '../../generators/app/index.ts';
import { ensurePackedRuntime } from './packedRuntime.ts';

beforeAll(ensurePackedRuntime);

// yeoman-test leaves the process in its temporary folder, and jest's next file would start there.
const home = process.cwd();
afterEach(() => {
  process.chdir(home);
});

const run = (options: Record<string, unknown>, args: string[] = []) =>
  helpers
    // Its type asks for options without keys of their own.
    .run(LightboxGenerator as never, { namespace: 'lightbox:app' })
    .withArguments(args)
    .withOptions(options);

describe('the Yeoman generator', () => {
  it('asks, and writes what the answers say', async () => {
    const result = await run({ isInteractive: () => true }).withAnswers({
      name: 'my-net',
      task: 'tabular-regression',
      model: 'cars',
      features: ['hpo'],
    });
    const state = JSON.parse(
      readFileSync(join(result.cwd, 'my-net/.lightbox/state.json'), 'utf8'),
    ) as object;
    expect(state).toMatchObject({
      answers: { name: 'my-net', task: 'tabular-regression', model: 'cars' },
      features: ['hpo'],
    });
    expect(existsSync(join(result.cwd, 'my-net/src/hpo/searchSpace.ts'))).toBe(true);
  });

  it('takes everything from flags', async () => {
    const options = {
      task: 'image-classification',
      model: 'net',
      features: 'hpo,compile',
      hpo: false,
    };
    const result = await run(options, ['my-net']);
    const config = readFileSync(join(result.cwd, 'my-net/configs/net.yaml'), 'utf8');
    expect(config).toContain('lightbox.callbacks.CompileCallback');
    expect(existsSync(join(result.cwd, 'my-net/src/hpo'))).toBe(false);
  });

  it.each([
    [{}, [], '--name is missing, and there is no terminal'],
    [{ yes: true }, ['../x'], '"../x" is a path'],
    [{ yes: true, features: 'hop' }, ['x'], 'Did you mean "hpo"'],
  ])('refuses %j %j like the command', async (options, args, message) => {
    await expect(run({ isInteractive: () => false, ...options }, args)).rejects.toThrow(message);
  });

  it('checks replies that no prompt has checked', async () => {
    const wrong = run({ isInteractive: () => true, yes: false }).withAnswers({ name: 'con' });
    await expect(wrong).rejects.toThrow('"con" is reserved by Windows');
  });
});

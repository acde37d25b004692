import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import { JSONLLogger, readMetrics } from '../../../runtime/src/loggers/index.ts';
import { loggerSuite } from '../../../runtime/src/testing/loggerSuite.ts';
import { folders } from './folders.ts';

const makeFolder = folders();

describe('JSONLLogger', () => {
  const suite = loggerSuite({
    create: () => new JSONLLogger(),
    read: (dir) => readMetrics(join(dir, 'metrics.jsonl')),
    file: 'metrics.jsonl',
    makeFolder,
  });
  it.each(suite.map(({ name, run }) => [name, run] as const))('%s', async (_name, run) => {
    await run();
  });

  it('writes valid JSON whatever the numbers are', async () => {
    const dir = await makeFolder();
    const logger = new JSONLLogger();
    await logger.start({ name: 'a', dir, startStep: 0 });
    const values = { a: NaN, b: -Infinity, c: 1.5 };
    logger.logMetrics({ step: 1, epoch: 0, stage: 'train', time: 2, values });
    logger.logHyperparameters({ lr: 0.1, clip: Infinity });
    await logger.finish('finished');
    expect(await readFile(join(dir, 'metrics.jsonl'), 'utf8')).toBe(
      '{"step":1,"epoch":0,"stage":"train","time":2,' +
        '"values":{"a":"NaN","b":"-Infinity","c":1.5}}\n',
    );
    expect(JSON.parse(await readFile(join(dir, 'hparams.json'), 'utf8'))).toEqual({
      lr: 0.1,
      clip: 'Infinity',
    });
  });

  it('writes in the background without being flushed', async () => {
    const dir = await makeFolder();
    const logger = new JSONLLogger({ flushEverySeconds: 0.01 });
    await logger.start({ name: 'a', dir, startStep: 0 });
    logger.logMetrics({ step: 1, epoch: 0, stage: 'train', time: 0, values: { a: 1 } });
    const path = join(dir, 'metrics.jsonl');
    for (let tries = 0; tries < 200 && (await readMetrics(path)).length === 0; tries++) {
      await sleep(10);
    }
    expect(await readMetrics(path)).toHaveLength(1);
    await logger.finish('finished');
  });

  it('reads the whole rows of a file that is being written', async () => {
    const dir = await makeFolder();
    const path = join(dir, 'metrics.jsonl');
    const whole = '{"step":1,"epoch":0,"stage":"train","time":0,"values":{"a":1}}\n';
    await writeFile(path, `${whole}${whole.slice(0, 30)}`);
    expect(await readMetrics(path)).toHaveLength(1);
  });

  it('refuses options it does not know', () => {
    expect(() => new JSONLLogger({ flushSeconds: 1 } as object)).toThrow(/flushSeconds/);
  });
});

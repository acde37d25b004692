import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { CSVLogger } from '../../../runtime/src/loggers/index.ts';
import { loggerSuite } from '../../../runtime/src/testing/loggerSuite.ts';
import { folders, readCsv } from './folders.ts';

const makeFolder = folders();

describe('CSVLogger', () => {
  const suite = loggerSuite({
    create: () => new CSVLogger({ flushEverySeconds: 0.002 }),
    read: readCsv,
    file: 'metrics.csv',
    makeFolder,
  });
  it.each(suite.map(({ name, run }) => [name, run] as const))('%s', async (_name, run) => {
    await run();
  });

  it('has one column a metric, in the order of appearance', async () => {
    const dir = await makeFolder();
    const logger = new CSVLogger();
    await logger.start({ name: 'a', dir, startStep: 0 });
    logger.logMetrics({ step: 1, epoch: 0, stage: 'train', time: 0.5, values: { b: 1, a: NaN } });
    await logger.flush();
    logger.logMetrics({ step: 2, epoch: 0, stage: 'validate', time: 1, values: { c: -Infinity } });
    logger.logHyperparameters({ model: { lr: 0.1, clip: Infinity } });
    await logger.finish('finished');
    expect(await readFile(join(dir, 'metrics.csv'), 'utf8')).toBe(
      'step,epoch,stage,time,b,a,c\n1,0,train,0.5,1,NaN,\n2,0,validate,1,,,-Infinity\n',
    );
    expect(parse(await readFile(join(dir, 'hparams.yaml'), 'utf8'))).toEqual({
      model: { lr: 0.1, clip: Infinity },
    });
  });

  it('goes on with the columns of the session before', async () => {
    const dir = await makeFolder();
    for (const [startStep, values] of [
      [0, { 'x,y': 1, z: 2 }],
      [1, { z: 3, w: 4 }],
    ] as const) {
      const logger = new CSVLogger();
      await logger.start({ name: 'a', dir, startStep });
      logger.logMetrics({ step: startStep + 1, epoch: 0, stage: 'train', time: 0, values });
      await logger.finish('finished');
    }
    expect(await readFile(join(dir, 'metrics.csv'), 'utf8')).toBe(
      'step,epoch,stage,time,"x,y",z,w\n1,0,train,0,1,2,\n2,0,train,0,,3,4\n',
    );
  });
});

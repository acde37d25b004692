import { describe, expect, it } from '@jest/globals';
import { Study } from '../../../runtime/src/hpo/index.ts';
import { type HpoFlags, parseHpoFlags } from '../../../runtime/src/tuning/hpoFlags.ts';
import {
  asBefore,
  compareSettings,
  settingsOf,
} from '../../../runtime/src/tuning/studySettings.ts';

const config = { monitor: 'val/acc', mode: 'max' } as const;
const flags = (text: string): HpoFlags => parseHpoFlags(text.split(' ').filter((word) => word));
const first = '--config a.yaml --trial-steps 50 --val-interval=10% --data.limit 100 --workers 2';

async function studyOf(text: string): Promise<Study> {
  const study = await Study.create();
  expect(await compareSettings(study, config, flags(text))).toEqual([]);
  return study;
}

describe('what the trials of a study have in common', () => {
  it('is compared by the next search; how many run at a time is not part of it', async () => {
    const study = await studyOf(first);
    expect(await compareSettings(study, config, flags(`${first} --workers 1`))).toEqual([]);
    const other = flags('--config a.yaml --val-interval=10% --data.limit 200');
    expect(await compareSettings(study, config, other)).toEqual([
      '  overrides: ["data.limit=100"] -> ["data.limit=200"]',
      '  trialSteps: 50 -> null',
    ]);
  });

  it('includes the metric, which cannot change', async () => {
    const study = await studyOf('');
    const other = { monitor: 'val/f1', mode: 'max' } as const;
    await expect(compareSettings(study, other, flags(''))).rejects.toThrow(
      'searches for val/acc, not val/f1',
    );
  });

  it('is what --resume-from goes on with, unless flags say otherwise', async () => {
    const { systemAttrs } = await (await studyOf(first)).record();
    const resumed = asBefore(flags('--trial-steps 70 --data.seed 1'), settingsOf(systemAttrs));
    expect(resumed).toMatchObject({
      configFiles: ['a.yaml'],
      trialSteps: 70,
      valInterval: '10%',
      overrides: ['data.limit=100', 'data.seed=1'],
      workers: 1,
    });
    expect(asBefore(flags(''), settingsOf({}))).toEqual(flags(''));
  });
});

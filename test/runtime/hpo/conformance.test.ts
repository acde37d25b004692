import { mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, it } from '@jest/globals';
import {
  HyperbandPruner,
  JournalStorage,
  MedianPruner,
  MemoryStorage,
  NonePruner,
  PatientPruner,
  PercentilePruner,
  RandomSampler,
  SuccessiveHalvingPruner,
  ThresholdPruner,
  TpeSampler,
} from '../../../runtime/src/hpo/index.ts';
import { prunerSuite } from '../../../runtime/src/testing/prunerSuite.ts';
import { samplerSuite } from '../../../runtime/src/testing/samplerSuite.ts';
import { storageSuite } from '../../../runtime/src/testing/storageSuite.ts';

const api = { describe, it };
const folder = mkdtempSync(join(tmpdir(), 'lightbox-storages-'));
afterAll(() => rm(folder, { recursive: true }));
let count = 0;

storageSuite(api, 'memory', { open: () => Promise.resolve(new MemoryStorage()) });
storageSuite(api, 'journal', {
  open: () => Promise.resolve(new JournalStorage(join(folder, `${count++}.journal`))),
  reopen: (first) => Promise.resolve(new JournalStorage(first.location)),
});
samplerSuite(api, 'random', () => new RandomSampler());
samplerSuite(api, 'tpe', () => new TpeSampler());
samplerSuite(api, 'tpe in groups', () => new TpeSampler({ group: true }));
samplerSuite(api, 'tpe by parameter', () => new TpeSampler({ multivariate: false }));
prunerSuite(api, 'none', () => new NonePruner());
prunerSuite(api, 'median', () => new MedianPruner());
prunerSuite(api, 'percentile 25', () => new PercentilePruner(25));
prunerSuite(api, 'successive halving', () => new SuccessiveHalvingPruner());
prunerSuite(api, 'hyperband', () => new HyperbandPruner());
prunerSuite(api, 'threshold', () => new ThresholdPruner({ lower: -2000, upper: 2000 }));
prunerSuite(api, 'patient', () => new PatientPruner(new MedianPruner(), { patience: 1 }));

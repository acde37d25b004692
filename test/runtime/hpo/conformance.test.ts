import { mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, it } from '@jest/globals';
import {
  BruteForceSampler,
  categoricalDistribution,
  CmaEsSampler,
  floatDistribution,
  GridSampler,
  HyperbandPruner,
  intDistribution,
  JournalStorage,
  MedianPruner,
  MemoryStorage,
  NonePruner,
  NsgaIISampler,
  PatientPruner,
  PercentilePruner,
  QmcSampler,
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
samplerSuite(api, 'qmc', () => new QmcSampler());
samplerSuite(api, 'qmc of Halton', () => new QmcSampler({ qmcType: 'halton' }));
samplerSuite(api, 'cmaes', () => new CmaEsSampler(), { severalObjectives: false });
samplerSuite(api, 'nsgaii', () => new NsgaIISampler({ populationSize: 5 }));
samplerSuite(api, 'nsgaii with sbx', () => {
  return new NsgaIISampler({ populationSize: 5, crossover: 'sbx' });
});
const finite = {
  int: intDistribution(0, 4, { step: 2 }),
  grid: floatDistribution(0, 0.9, { step: 0.3 }),
  log: intDistribution(1, 3, { log: true }),
  choice: categoricalDistribution(['a', null]),
};
samplerSuite(api, 'brute force', () => new BruteForceSampler(), { space: finite });
const searchSpace = {
  int: [0, 2, 4],
  grid: [0.3, 0.6],
  log: [1, 3],
  choice: ['a', null],
  deep: [true, false],
  a: [0, 0.25, 1],
  b: [1, 2, 3],
};
samplerSuite(api, 'grid', () => new GridSampler({ searchSpace }), { space: finite });
prunerSuite(api, 'none', () => new NonePruner());
prunerSuite(api, 'median', () => new MedianPruner());
prunerSuite(api, 'percentile 25', () => new PercentilePruner(25));
prunerSuite(api, 'successive halving', () => new SuccessiveHalvingPruner());
prunerSuite(api, 'hyperband', () => new HyperbandPruner());
prunerSuite(api, 'threshold', () => new ThresholdPruner({ lower: -2000, upper: 2000 }));
prunerSuite(api, 'patient', () => new PatientPruner(new MedianPruner(), { patience: 1 }));

import { spawnSync } from 'node:child_process';
import { killRuns } from './killRuns.ts';
import { killTraining } from './killTraining.ts';

// `npm run test:data-resume`: every batch of tiny sets in-process, then real processes, killed
// while they read batches and while they train. An argument says how often; default 30.
const exhaustive = spawnSync(
  process.execPath,
  [
    '--experimental-vm-modules',
    '--disable-warning=ExperimentalWarning',
    'node_modules/jest/bin/jest.js',
    '--selectProjects',
    'runtime',
    '-i',
    'test/runtime/data/loader/(resume|ranks)',
    'test/runtime/data/(streams|multi/windows)',
    'test/runtime/data/order/(permutation|mix|sampleOrder|shardLayout|rankSlice|temporal|resume)',
  ],
  {
    stdio: ['ignore', 'inherit', 'inherit'],
    // Every batch behind every resume is read, not only the next few.
    env: { ...process.env, LIGHTBOX_TEST_FULL: '1' },
  },
);
const failures: string[] = exhaustive.status === 0 ? [] : ['in-process resume'];

const kills = Number(process.argv[2] ?? 30);
const end = 200 * kills;
const killed = await killRuns(kills, end, false);
console.log('killed process:', JSON.stringify(killed));
if (killed.mismatches > 0) failures.push('killed process');

// The same check with a broken key: it must find something, or it proves nothing.
const planted = await killRuns(3, 600, true);
console.log('planted error:', JSON.stringify(planted));
if (planted.mismatches === 0) failures.push('planted error was not found');

const trained = await killTraining(Math.max(1, Math.round(kills / 5)), false);
console.log('killed training:', JSON.stringify(trained));
if (!trained.equal) failures.push('killed training');

const plantedTraining = await killTraining(1, true);
console.log('planted error in training:', JSON.stringify(plantedTraining));
if (plantedTraining.equal) failures.push('planted error in training was not found');

console.log(
  failures.length === 0 ? 'data-resume: passed' : `data-resume: FAILED: ${failures.join(', ')}`,
);
process.exitCode = failures.length === 0 ? 0 : 1;

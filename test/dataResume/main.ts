import { spawnSync } from 'node:child_process';
import { killRuns } from './killRuns.ts';

// `npm run test:data-resume`: every batch of tiny sets in-process, then real processes, killed.
const exhaustive = spawnSync(
  process.execPath,
  [
    '--experimental-vm-modules',
    '--disable-warning=ExperimentalWarning',
    'node_modules/jest/bin/jest.js',
    '--selectProjects',
    'runtime',
    '-i',
    'test/runtime/data/loader/resume.test.ts',
    'test/runtime/data/order/(permutation|mixing|sampleOrder|rankSlice|temporalWindows)',
  ],
  { stdio: ['ignore', 'inherit', 'inherit'] },
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

console.log(
  failures.length === 0 ? 'data-resume: passed' : `data-resume: FAILED: ${failures.join(', ')}`,
);
process.exitCode = failures.length === 0 ? 0 : 1;

import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import path from 'node:path';

// `npm test`: jest over the quick projects; with --full also the end-to-end suite and the full
// counts. The last line is always `N passed, N failed`, which CI and people look for.
const full = process.argv.includes('--full');
const e2e = process.argv.includes('--e2e');
const rest = process.argv.slice(2).filter((arg) => arg !== '--full' && arg !== '--e2e');
const quick = ['runtime', 'generators', 'types', 'templates', 'interop'];
const projects = full ? [...quick, 'e2e'] : e2e ? ['e2e'] : quick;

const folder = mkdtempSync(path.join(tmpdir(), 'lightbox-test-'));
const report = path.join(folder, 'report.json');
const jest = spawn(
  process.execPath,
  [
    '--experimental-vm-modules',
    '--disable-warning=ExperimentalWarning',
    'node_modules/jest/bin/jest.js',
    '--selectProjects',
    ...projects,
    '--passWithNoTests',
    // jest leaves a core to itself, which on a machine of two would halve the speed.
    `--maxWorkers=${Math.max(2, availableParallelism() - 1)}`,
    '--json',
    `--outputFile=${report}`,
    ...rest,
  ],
  // stdout holds the JSON as well; people read the live report on stderr.
  {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: {
      ...process.env,
      ...(full ? { LIGHTBOX_TEST_FULL: '1', LIGHTBOX_KILL_ROUNDS: '8', ...softwareVulkan() } : {}),
    },
  },
);
const code = await new Promise<number>((resolve) => {
  jest.on('close', (status) => {
    resolve(status ?? 1);
  });
});
const { numPassedTests, numFailedTests, numFailedTestSuites, numPendingTests } = readReport();
rmSync(folder, { recursive: true, force: true });
// A suite that could not even load has no failed test of its own but is a failure.
const failures = Math.max(numFailedTests, numFailedTestSuites, code === 0 ? 0 : 1);
const skipped = numPendingTests === 0 ? '' : `, ${numPendingTests} skipped`;
console.log(`${numPassedTests} passed, ${failures} failed${skipped}`);
process.exitCode = failures === 0 ? 0 : 1;

/** Lets WebGPU run in software where nothing else is named: SwiftShader, of chromium-common. */
function softwareVulkan(): Record<string, string> {
  const driver = '/usr/lib/chromium/vk_swiftshader_icd.json';
  return 'VK_ICD_FILENAMES' in process.env || !existsSync(driver)
    ? {}
    : { VK_ICD_FILENAMES: driver };
}

interface Report {
  numPassedTests: number;
  numFailedTests: number;
  numFailedTestSuites: number;
  numPendingTests: number;
}

function readReport(): Report {
  try {
    return JSON.parse(readFileSync(report, 'utf8')) as Report;
  } catch {
    return { numPassedTests: 0, numFailedTests: 0, numFailedTestSuites: 1, numPendingTests: 0 };
  }
}

import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { bundleSuite } from './bundle.ts';
import { exclusions } from './exclusions.ts';
import { printCoverage } from './coverage.ts';
import { judge } from './report.ts';
import type { SuiteReport } from './report.ts';

// `npm run test:conformance`: tfjs-core's own tests against `ort`, with `cpu` as the reference.
// The last line is `N passed, N failed`, which CI and people look for.
const suite = await bundleSuite();
const reference = await runSuite('cpu');
const subject = await runSuite('ort');
const { passed, failed, excluded, notApplicable } = judge(reference, subject, exclusions);

for (const { name, failures } of failed) {
  console.log(`FAILED ${name}\n  ${failures.join('\n  ')}`);
}
for (const { name, reason } of excluded) console.log(`excluded ${name}: ${reason}`);
for (const { name, status } of notApplicable) console.log(`${status} with cpu as well: ${name}`);
printCoverage(subject);
const ofReference = reference.results.filter(({ status }) => status === 'passed').length;
console.log(
  `tfjs-core's tests: ort ${passed} passed, ${failed.length} failed, ${excluded.length} excluded, ` +
    `${notApplicable.length} not applicable; cpu ${ofReference} passed`,
);
console.log(`${passed} passed, ${failed.length} failed`);
process.exitCode = failed.length === 0 && passed > 0 ? 0 : 1;

async function runSuite(backend: string): Promise<SuiteReport> {
  const report = path.join(path.dirname(suite), `${backend}.json`);
  // Some tests print tables or provoke errors of the native library: only results matter.
  const run = spawn(process.execPath, [suite, backend, report], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let errors = '';
  run.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()));
  const code = await new Promise((resolve) => run.on('close', resolve));
  if (code !== 0) throw new Error(`The suite on ${backend} ended with ${String(code)}:\n${errors}`);
  return JSON.parse(readFileSync(report, 'utf8')) as SuiteReport;
}

// Bundled and run once per back end; the order of these imports matters.
import { environment } from './jasmine.ts';
import type { SpecResult } from './jasmine.ts';
import { backendName } from './backend.ts';
import '@tensorflow/tfjs-core/dist/tests.js';
import { writeFileSync } from 'node:fs';
import { kernelCalls } from './kernelCalls.ts';
import type { SuiteReport } from './report.ts';

const results: SpecResult[] = [];
environment.configure({ random: false });
environment.addReporter({ specDone: (result) => results.push(result) });
await environment.execute();

const report: SuiteReport = {
  backend: backendName,
  results: results.map(({ fullName, status, failedExpectations }) => ({
    name: fullName,
    status,
    failures: failedExpectations.map(({ message }) => message),
  })),
  kernels: kernelCalls,
};
writeFileSync(process.argv[3], JSON.stringify(report));

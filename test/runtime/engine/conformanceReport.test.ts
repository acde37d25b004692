import { expect, it } from '@jest/globals';
import { judge } from '../../conformance/report.ts';
import type { SuiteReport, TestResult } from '../../conformance/report.ts';

type Status = TestResult['status'];

function suite(backend: string, statuses: [string, Status][]): SuiteReport {
  const results = statuses.map(([name, status]) => ({ name, status, failures: [] }));
  return { backend, results, kernels: {} };
}

function verdictOn(reference: [string, Status][], subject: [string, Status][], excluded = ['']) {
  const exclusions = excluded.filter(Boolean).map((name) => ({ name, reason: 'because' }));
  const verdict = judge(suite('cpu', reference), suite('ort', subject), exclusions);
  return { passed: verdict.passed, failed: verdict.failed.map(({ name }) => name) };
}

it('demands what the reference passes, and nothing else', () => {
  const reference: [string, Status][] = [
    ['adds', 'passed'],
    ['subtracts', 'passed'],
    ['divides', 'failed'],
    ['draws', 'pending'],
  ];
  const subject: [string, Status][] = [
    ['adds', 'passed'],
    ['subtracts', 'failed'],
    ['divides', 'failed'],
    ['draws', 'pending'],
  ];
  expect(verdictOn(reference, subject)).toEqual({ passed: 1, failed: ['subtracts'] });
});

it('misses tests that did not run, each of several with one name', () => {
  const twice: [string, Status][] = [
    ['adds', 'passed'],
    ['adds', 'passed'],
  ];
  expect(verdictOn(twice, [['adds', 'passed']])).toEqual({ passed: 1, failed: ['adds (2)'] });
});

it('lets exclusions be, and refuses those that are out of date', () => {
  const reference: [string, Status][] = [['adds', 'passed']];
  expect(verdictOn(reference, [['adds', 'failed']], ['adds']).failed).toEqual([]);
  expect(verdictOn(reference, [['adds', 'passed']], ['adds']).failed).toEqual(['adds']);
  expect(verdictOn(reference, reference, ['multiplies']).failed).toEqual(['multiplies']);
});

import type { Calls } from './kernelCalls.ts';
import type { Exclusion } from './exclusions.ts';

/** The result of one test. */
export interface TestResult {
  readonly name: string;
  readonly status: 'passed' | 'failed' | 'pending' | 'excluded';
  readonly failures: readonly string[];
}

/** What one run of the suite wrote. */
export interface SuiteReport {
  readonly backend: string;
  readonly results: readonly TestResult[];
  readonly kernels: Readonly<Record<string, Calls>>;
}

/** How a back end did in comparison with the reference. */
export interface Verdict {
  readonly passed: number;
  /** Tests that must pass and do not, with the messages of jasmine. */
  readonly failed: readonly TestResult[];
  readonly excluded: readonly Exclusion[];
  /** Neither passed by the reference nor here, or pending in tfjs itself. */
  readonly notApplicable: readonly TestResult[];
}

/** A test must pass if the reference passes it, unless it is excluded. */
export function judge(
  reference: SuiteReport,
  subject: SuiteReport,
  exclusions: readonly Exclusion[],
): Verdict {
  const expected = byName(reference.results);
  const actual = byName(subject.results);
  const excluded = new Map(exclusions.map((exclusion) => [exclusion.name, exclusion]));
  const verdict = { passed: 0, failed: [] as TestResult[], notApplicable: [] as TestResult[] };
  for (const name of new Set([...expected.keys(), ...actual.keys()])) {
    const result = actual.get(name) ?? missing(name);
    const passes = result.status === 'passed';
    // An exclusion of a test that passes is out of date.
    if (excluded.has(name)) {
      if (passes) verdict.failed.push({ ...result, failures: ['Excluded, but it passes.'] });
    } else if (passes) verdict.passed++;
    else if (expected.get(name)?.status === 'passed') verdict.failed.push(result);
    else verdict.notApplicable.push(result);
  }
  for (const { name } of exclusions) {
    if (!expected.has(name)) verdict.failed.push(missing(name));
  }
  return { ...verdict, excluded: exclusions };
}

function missing(name: string): TestResult {
  return { name, status: 'failed', failures: ['There is no such result.'] };
}

/** Some names occur several times: they are told apart by a number. */
function byName(results: readonly TestResult[]): Map<string, TestResult> {
  const named = new Map<string, TestResult>();
  for (const result of results) {
    let name = result.name;
    for (let count = 2; named.has(name); count++) name = `${result.name} (${count})`;
    named.set(name, { ...result, name });
  }
  return named;
}

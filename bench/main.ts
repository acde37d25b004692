/**
 * Side-by-side benchmarks: `npm run bench -- <suite> [--json] [--case <name>]
 * [--subject <start of its name>] [--rounds <n>]`.
 * With `--json`, standard output has one JSON object a line and nothing else.
 */
import { parseArgs } from 'node:util';
import { didYouMean, messageOf, UsageError } from '../runtime/src/errors.ts';
import { Report, type Row } from './report.ts';
import type { Suite } from './suite.ts';
import { table } from './table.ts';

const suites: Record<string, () => Promise<Suite>> = {
  step: async () => (await import('./step/suite.ts')).stepSuite,
  lowerings: async () => (await import('./lowerings/suite.ts')).loweringsSuite,
  trainer: async () => (await import('./trainer/suite.ts')).trainerSuite,
  data: async () => (await import('./data/suite.ts')).dataSuite,
  checkpoint: async () => (await import('./checkpoint/suite.ts')).checkpointSuite,
  hpo: async () => (await import('./hpo/suite.ts')).hpoSuite,
  scaffold: async () => (await import('./scaffold/suite.ts')).scaffoldSuite,
};

async function main(args: readonly string[]): Promise<void> {
  const { name, json, cases, subjects, rounds } = parse(args);
  const suite = await suites[name]();
  const emit = (row: Row): void => {
    if (json) process.stdout.write(`${JSON.stringify(row)}\n`);
    else if ('unit' in row)
      process.stderr.write(`${row.case} ${row.subject}: ${String(row.median)}\n`);
  };
  const report = new Report(name, emit);
  await suite(report, { cases, subjects, rounds, python: process.env.LIGHTBOX_BENCH_PYTHON });
  if (!json) process.stdout.write(`${table(report.rows)}\n`);
}

function parse(args: readonly string[]): {
  name: string;
  json: boolean;
  cases: string[];
  subjects: string[];
  rounds: number | undefined;
} {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      json: { type: 'boolean', default: false },
      case: { type: 'string', multiple: true, default: [] },
      subject: { type: 'string', multiple: true, default: [] },
      rounds: { type: 'string' },
    },
  });
  const [name, ...more] = positionals;
  const names = Object.keys(suites);
  if (!names.includes(name) || more.length > 0) {
    const got = positionals.length === 0 ? 'nothing' : `"${positionals.join(' ')}"`;
    throw new UsageError(
      'ERR_BENCH_SUITE',
      `bench: expected one suite, got ${got}.${didYouMean(name ?? '', names)} ` +
        `The suites are: ${names.join(', ')}. Example: npm run bench -- ${names[0]} --json`,
    );
  }
  const rounds = values.rounds === undefined ? undefined : Number(values.rounds);
  if (rounds !== undefined && !(Number.isInteger(rounds) && rounds > 0)) {
    throw new UsageError(
      'ERR_BENCH_ROUNDS',
      `--rounds: expected a whole number from 1, got "${String(values.rounds)}".`,
    );
  }
  return { name, json: values.json, cases: values.case, subjects: values.subject, rounds };
}

main(process.argv.slice(2)).catch((error: unknown) => {
  const usage =
    error instanceof UsageError || (error as { code?: string }).code?.startsWith('ERR_PARSE_ARGS');
  process.stderr.write(`${usage === true ? messageOf(error) : String((error as Error).stack)}\n`);
  process.exitCode = 2;
});

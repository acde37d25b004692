import { parseDuration } from '../core/duration.ts';
import { didYouMean, UsageError } from '../errors.ts';
import { prunerNames, samplerNames } from '../hpo/registry.ts';
import { secondsOfText } from './timeText.ts';

/** What the command line of a search says; null where it says nothing. */
export interface HpoFlags {
  readonly nTrials: number | null;
  readonly more: number | null;
  readonly studyName: string | null;
  readonly storage: string | null;
  /** Null: the project's. */
  readonly sampler: string | null;
  readonly pruner: string | null;
  readonly seed: number | null;
  readonly trialSteps: number | null;
  /** Lets schedules end with the trial's steps instead of the configuration's. */
  readonly scaleSchedules: boolean;
  readonly valInterval: string | null;
  readonly testMode: boolean;
  readonly timeoutMs: number | null;
  readonly trialTimeoutMs: number | null;
  readonly gracePeriodMs: number;
  /** Folder or journal of an earlier search. */
  readonly resumeFrom: string | null;
  /** Write a job file for this command instead of running it. */
  readonly render: string | null;
  readonly hosts: number;
  readonly workers: number;
  /** Only write the report of the study as it is. */
  readonly report: boolean;
  /** Only write the trials to this file. */
  readonly exportTo: string | null;
  /** Names or paths of other studies. */
  readonly compare: readonly string[];
  readonly configFiles: readonly string[];
  /** `key=value`, in order. */
  readonly overrides: readonly string[];
  readonly help: boolean;
}

interface Flag {
  readonly value?: string;
  readonly text: string;
}

const FLAGS: Readonly<Record<string, Flag>> = {
  'n-trials': {
    value: 'N',
    text: 'Finished trials in total; run again to go on until then (100).',
  },
  more: { value: 'K', text: 'K trials more than are finished now, instead of a total.' },
  'study-name': { value: 'NAME', text: "Name of the study and of its folder (the project's)." },
  storage: {
    value: 'WHERE',
    text: 'Journal file (runs/hpo/<study>/study.journal), or postgresql://... for many machines.',
  },
  'resume-from': { value: 'PATH', text: 'Folder or journal of the search to go on with.' },
  sampler: { value: 'NAME', text: `${samplerNames.join(', ')} (the project's, or tpe).` },
  pruner: { value: 'NAME', text: `${prunerNames.join(', ')} (the project's, or median).` },
  seed: { value: 'N', text: 'Seed of the suggestions; kept in the study (0).' },
  'trial-steps': {
    value: 'N',
    text: 'Stop each trial after N updates; schedules keep their length.',
  },
  'scale-schedules': { text: 'With --trial-steps: schedules end with the trial.' },
  'val-interval': { value: 'WHEN', text: 'Validate every "100 updates", "1 epochs", "25%".' },
  'test-mode': {
    text: 'A few batches for each of 3 trials, to see whether everything runs; in a study of its own.',
  },
  timeout: { value: 'TIME', text: 'Start no trial after "30 min", "2 hours" or seconds.' },
  'trial-timeout': { value: 'TIME', text: 'End a trial that takes longer; it counts as failed.' },
  'grace-period': {
    value: 'TIME',
    text: 'Take over trials of a worker that is silent for so long; for databases (1 min).',
  },
  render: {
    value: 'KIND',
    text: 'slurm or kubernetes: print a job file that runs this command on many machines.',
  },
  hosts: { value: 'N', text: 'With --render: on how many machines (4).' },
  report: { text: "Write the study's report as it is now, and run nothing." },
  export: {
    value: 'FILE',
    text: 'Write the trials as CSV (columns as in Optuna), and run nothing.',
  },
  compare: {
    value: 'STUDY',
    text: 'Compare the best with that of another study (name or path); may be repeated.',
  },
  workers: { value: 'N', text: 'Trials at the same time; the cores are divided (1).' },
  config: { value: 'FILE', text: 'Configuration; may be repeated, later files win.' },
  help: { text: 'This text.' },
};

/**
 * Reads the flags of `npm run hpo`; whatever has a dot in its name is an override of the
 * configuration, `--trainer.max_epochs 5` or `--trainer.max_epochs=5`.
 * @throws UsageError ERR_HPO_FLAG naming the flag, what it expects and the nearest known one
 */
export function parseHpoFlags(args: readonly string[]): HpoFlags {
  const given = new Map<string, string>();
  const configFiles: string[] = [];
  const overrides: string[] = [];
  const compare: string[] = [];
  const queue = [...args];
  for (let arg = queue.shift(); arg !== undefined; arg = queue.shift()) {
    if (!arg.startsWith('--')) throw invalid(`unexpected "${arg}"; flags begin with --`);
    const { name, value } = split(arg);
    const flag = Object.hasOwn(FLAGS, name) ? FLAGS[name] : undefined;
    const override = flag === undefined && /[.]/.test(name);
    if (flag === undefined && !override) throw unknownFlag(name);
    if (flag !== undefined && flag.value === undefined) {
      if (value !== undefined) throw invalid(`--${name} takes no value, got "${value}"`);
      given.set(name, 'true');
      continue;
    }
    const text = value ?? nextValue(name, queue, flag?.value ?? 'VALUE');
    if (override) overrides.push(`${name}=${text}`);
    else if (name === 'config') configFiles.push(text);
    else if (name === 'compare') compare.push(text);
    else given.set(name, text);
  }
  if (given.has('n-trials') && given.has('more')) {
    throw invalid('--n-trials is a total and --more adds to what is there; give one of them');
  }
  if (given.has('resume-from') && given.has('storage')) {
    throw invalid('--resume-from names a storage itself; leave --storage out');
  }
  if (given.has('scale-schedules') && !given.has('trial-steps')) {
    throw invalid('--scale-schedules shortens schedules to --trial-steps, which is missing');
  }
  return { ...valuesOf(given), compare, configFiles, overrides };
}

/** The help text, one line for each flag. */
export function hpoHelp(): string[] {
  const rows = Object.entries(FLAGS).map(([name, { value, text }]) => [
    `  --${name}${value === undefined ? '' : ` ${value}`}`,
    text,
  ]);
  const width = Math.max(...rows.map(([left]) => left.length)) + 2;
  return [
    'Searches for hyper-parameters: npm run hpo -- [flags] [--dotted.key value ...]',
    ...rows.map(([left, right]) => left.padEnd(width) + right),
  ];
}

function valuesOf(
  given: ReadonlyMap<string, string>,
): Omit<HpoFlags, 'compare' | 'configFiles' | 'overrides'> {
  const count = (name: string, least: number): number | null => {
    const text = given.get(name);
    if (text === undefined) return null;
    const value = Number(text);
    if (text.trim() !== '' && Number.isSafeInteger(value) && value >= least) return value;
    throw invalid(`--${name} expects a whole number from ${least}, got "${text}"`);
  };
  const time = (name: string): number | null => {
    const text = given.get(name);
    return text === undefined ? null : secondsOfText(text, `--${name}`) * 1000;
  };
  return {
    nTrials: count('n-trials', 1),
    more: count('more', 1),
    studyName: given.get('study-name') ?? null,
    storage: given.get('storage') ?? null,
    sampler: given.get('sampler') ?? null,
    pruner: given.get('pruner') ?? null,
    seed: count('seed', 0),
    trialSteps: count('trial-steps', 1),
    scaleSchedules: given.has('scale-schedules'),
    valInterval: interval(given.get('val-interval') ?? null),
    testMode: given.has('test-mode'),
    timeoutMs: time('timeout'),
    trialTimeoutMs: time('trial-timeout'),
    gracePeriodMs: time('grace-period') ?? 60_000,
    resumeFrom: given.get('resume-from') ?? null,
    render: given.get('render') ?? null,
    hosts: count('hosts', 1) ?? 4,
    workers: count('workers', 1) ?? 1,
    report: given.has('report'),
    exportTo: given.get('export') ?? null,
    help: given.has('help'),
  };
}

/** Checked here, or each trial would fail by it. */
function interval(text: string | null): string | null {
  if (text !== null) parseDuration(text, '--val-interval');
  return text;
}

function split(arg: string): { name: string; value?: string } {
  const equals = arg.indexOf('=');
  return equals < 0
    ? { name: arg.slice(2) }
    : { name: arg.slice(2, equals), value: arg.slice(equals + 1) };
}

function nextValue(name: string, queue: string[], expected: string): string {
  const next = queue.shift();
  if (next === undefined || next.startsWith('--')) throw invalid(`--${name} expects ${expected}`);
  return next;
}

function unknownFlag(name: string): UsageError {
  const known = Object.keys(FLAGS);
  const hint = didYouMean(name.replaceAll('_', '-'), known).replace('"', '"--');
  return invalid(
    `unknown flag --${name}.${hint} Flags: ${known.map((flag) => `--${flag}`).join(' ')}`,
  );
}

function invalid(message: string): UsageError {
  return new UsageError('ERR_HPO_FLAG', message);
}

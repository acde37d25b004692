import { didYouMean, UsageError } from '../common/errors.ts';
import { checkAnswer, featureIds, type Answers, type FeatureId } from './answers.ts';
import { questions } from './options.ts';

/** What a command line says, checked but not yet complete. */
export interface ParsedArguments {
  readonly answers: Partial<Omit<Answers, 'features'>>;
  readonly features: FeatureFlags;
  /** Path of an answers file, `-` for standard input. */
  readonly answersFrom: string | null;
  /** Folder to write into; null = `./<name>`. */
  readonly dir: string | null;
  readonly yes: boolean;
  readonly install: boolean;
  readonly help: boolean;
  readonly version: boolean;
}

/** `--features` sets all of them; `--hpo` and `--no-hpo` set one. */
export interface FeatureFlags {
  readonly list: readonly FeatureId[] | null;
  readonly single: Readonly<Partial<Record<FeatureId, boolean>>>;
}

const valueFlags = [...questions.map(({ answer }) => answer), 'answers', 'dir'] as const;
const switchFlags = ['yes', 'install', 'help', 'version'] as const;
const shortFlags: Readonly<Record<string, string>> = {
  '-y': '--yes',
  '-h': '--help',
  '-v': '--version',
};

/**
 * Reads a command line.
 * @throws UsageError ERR_FLAG_UNKNOWN, ERR_FLAG_VALUE, ERR_ARGUMENT_EXTRA, ERR_ANSWER
 */
export function parseArguments(argv: readonly string[]): ParsedArguments {
  const values = new Map<string, string>();
  const switches = new Set<string>();
  const single: Partial<Record<FeatureId, boolean>> = {};
  const queue = [...argv];
  for (let token = queue.shift(); token !== undefined; token = queue.shift()) {
    const flag = shortFlags[token] ?? token;
    if (!flag.startsWith('--')) takePositional(values, flag);
    else {
      const [name, inline] = splitFlag(flag.slice(2));
      if (isIn(valueFlags, name)) setOnce(values, name, inline ?? takeNext(queue, name));
      else if (inline !== undefined) throw unknownFlag(name, inline);
      else if (isIn(switchFlags, name)) switches.add(name);
      else if (isIn(featureIds, name)) single[name] = true;
      else if (name.startsWith('no-') && isIn(featureIds, name.slice(3))) {
        single[name.slice(3) as FeatureId] = false;
      } else throw unknownFlag(name, undefined);
    }
  }
  const list = values.get('features');
  return {
    answers: checkedAnswers(values),
    features: { list: list === undefined ? null : parseFeatures(list), single },
    answersFrom: values.get('answers') ?? null,
    dir: values.get('dir') ?? null,
    yes: switches.has('yes'),
    install: switches.has('install'),
    help: switches.has('help'),
    version: switches.has('version'),
  };
}

/** Reads `hpo,compile` or `none`. @throws UsageError ERR_ANSWER */
export function parseFeatures(text: string): FeatureId[] {
  const parts = text === 'none' || text === '' ? [] : text.split(',').map((part) => part.trim());
  return checkAnswer('features', parts, '--features');
}

function checkedAnswers(values: ReadonlyMap<string, string>): ParsedArguments['answers'] {
  const answers: Record<string, unknown> = {};
  for (const { answer } of questions) {
    const value = values.get(answer);
    if (answer === 'features' || value === undefined) continue;
    answers[answer] = checkAnswer(answer, value, `--${answer}`);
  }
  return answers;
}

function takePositional(values: Map<string, string>, token: string): void {
  const name = values.get('name');
  if (token.startsWith('-') && token !== '-')
    throw unknownFlag(token.replace(/^-+/, ''), undefined);
  if (name !== undefined) {
    throw new UsageError(
      'ERR_ARGUMENT_EXTRA',
      `Expected one project name, got ${JSON.stringify(name)} and ${JSON.stringify(token)}.`,
    );
  }
  values.set('name', token);
}

function splitFlag(text: string): [string, string | undefined] {
  const at = text.indexOf('=');
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)];
}

function setOnce(values: Map<string, string>, name: string, value: string): void {
  if (values.has(name)) {
    throw new UsageError('ERR_FLAG_VALUE', `--${name} is given more than once.`);
  }
  values.set(name, value);
}

function takeNext(queue: string[], name: string): string {
  const next = queue.shift();
  // A lone "-" is standard input; other values that begin so need the --flag=value form.
  if (next !== undefined && (next === '-' || !next.startsWith('-'))) return next;
  const got = next === undefined ? 'nothing' : JSON.stringify(next);
  throw new UsageError(
    'ERR_FLAG_VALUE',
    `--${name} needs a value, got ${got}. Write --${name}=<value>.`,
  );
}

function unknownFlag(name: string, inline: string | undefined): UsageError {
  const known = [
    ...valueFlags,
    ...switchFlags,
    ...featureIds,
    ...featureIds.map((id) => `no-${id}`),
  ];
  if (inline !== undefined && known.includes(name)) {
    return new UsageError(
      'ERR_FLAG_VALUE',
      `--${name} takes no value, got ${JSON.stringify(inline)}. Write --${name} or leave it out.`,
    );
  }
  const hint = didYouMean(name, known).replace('"', '"--');
  return new UsageError(
    'ERR_FLAG_UNKNOWN',
    `Unknown flag "--${name}".${hint} "lightbox --help" lists all flags.`,
  );
}

function isIn<T extends string>(list: readonly T[], value: string): value is T {
  return (list as readonly string[]).includes(value);
}

import { didYouMean, UsageError } from '../errors.ts';
import { fromPlain, type Origin } from './node.ts';
import { replacedTopKey } from './replacedKeys.ts';
import { splitKey, type Override } from './overrides.ts';
import { readScalarText } from './scalarText.ts';

/** A command line taken apart. */
export interface ParsedArguments {
  /** Words that are no flags: the subcommand first. */
  readonly words: readonly string[];
  /** `--config` files in order. */
  readonly files: readonly string[];
  /** Dotted keys and keys of the configuration's top, in order. */
  readonly overrides: readonly Override[];
  /** Flags of the command, under_scored; true for those without a value. */
  readonly options: ReadonlyMap<string, string | true>;
}

/** A flag of a command beside the keys of the configuration. */
export interface FlagSpec {
  /** `switch`: never takes the next word; `value`: needs one. */
  readonly takes: 'switch' | 'value';
  readonly describe: string;
}

/** Keys of the configuration that may be given as a flag without a dot. */
const topKeys = ['seed_everything', 'ckpt_path', 'trainer', 'model', 'data', 'hpo', 'environment'];

/** Other spellings of flags. */
const synonyms: Readonly<Record<string, string>> = {
  c: 'config',
  h: 'help',
  checkpoint_path: 'ckpt_path',
  seed: 'seed_everything',
};

/** Flags that every command takes. */
export const commonFlags: Readonly<Record<string, FlagSpec>> = {
  config: { takes: 'value', describe: 'YAML file; repeatable, later ones win.' },
  help: { takes: 'switch', describe: 'Print this.' },
  print_config: {
    takes: 'switch',
    describe: 'Print the configuration in effect and exit; =provenance: with origins.',
  },
};

/**
 * Takes a command line apart: `--key value`, `--key=value`, `--switch`, `--list+=value`.
 * `-` and `_` mean the same in flags without a dot.
 * @throws UsageError ERR_CLI_FLAG for unknown flags (with the nearest known) and missing values
 */
export function parseArguments(
  args: readonly string[],
  flags: Readonly<Record<string, FlagSpec>> = {},
): ParsedArguments {
  const known: Readonly<Record<string, FlagSpec>> = { ...commonFlags, ...flags };
  const words: string[] = [];
  const files: string[] = [];
  const overrides: Override[] = [];
  const options = new Map<string, string | true>();
  const rest = [...args];
  for (let arg = rest.shift(); arg !== undefined; arg = rest.shift()) {
    if (!/^--?[A-Za-z]/.test(arg)) {
      words.push(arg);
      continue;
    }
    const { name, key, append, inline } = splitFlag(arg);
    const spec = Object.hasOwn(known, key) ? known[key] : undefined;
    if (spec === undefined) {
      checkKnown(name, key, known);
      overrides.push(toOverride(key, append, inline ?? nextValue(rest)));
      continue;
    }
    const value = spec.takes === 'switch' ? (inline ?? true) : (inline ?? nextValue(rest));
    if (spec.takes === 'value' && value === true) {
      throw new UsageError('ERR_CLI_FLAG', `${name} needs a value: ${spec.describe}`);
    }
    if (key === 'config') files.push(String(value));
    else options.set(key, value);
  }
  return { words, files, overrides, options };
}

interface Flag {
  /** As typed, without the value. */
  readonly name: string;
  readonly key: string;
  readonly append: boolean;
  readonly inline: string | undefined;
}

function splitFlag(arg: string): Flag {
  const equals = arg.indexOf('=');
  const inline = equals === -1 ? undefined : arg.slice(equals + 1);
  const left = equals === -1 ? arg : arg.slice(0, equals);
  const append = left.endsWith('+');
  const name = append ? left.slice(0, -1) : left;
  const bare = name.replace(/^--?/, '');
  const plain = bare.includes('.') ? bare : bare.replaceAll('-', '_');
  const key = Object.hasOwn(synonyms, plain) ? synonyms[plain] : plain;
  return { name, key, append, inline };
}

/** The next word unless it is a flag: negative numbers are values. */
function nextValue(rest: string[]): string | true {
  const next = rest.at(0);
  if (next === undefined || /^--[A-Za-z]/.test(next) || /^-[A-Za-z]$/.test(next)) return true;
  rest.shift();
  return next;
}

function toOverride(key: string, append: boolean, value: string | true): Override {
  const origin: Origin = { kind: 'cli', flag: `--${key}` };
  const node = value === true ? fromPlain(true, origin) : readScalarText(value, origin);
  return { path: splitKey(key, origin), node, append };
}

function checkKnown(name: string, key: string, flags: Readonly<Record<string, FlagSpec>>): void {
  const [first] = key.split('.');
  if (topKeys.includes(first)) return;
  const instead = replacedTopKey(first);
  if (instead !== undefined) {
    throw new UsageError('ERR_CLI_FLAG', `unknown flag ${name}: ${instead}.`);
  }
  const names = [...topKeys, ...Object.keys(flags)];
  const dotted = key.includes('.');
  const near = didYouMean(first, dotted ? topKeys : names).replace(
    /"([^"]+)"/,
    (_, found: string) =>
      dotted ? `--${[found, ...key.split('.').slice(1)].join('.')}` : `--${found}`,
  );
  const list = dotted ? topKeys.map((top) => `--${top}`).join(', ') : '';
  const known = near === '' && dotted ? ` Keys of the configuration begin with ${list}.` : '';
  throw new UsageError('ERR_CLI_FLAG', `unknown flag ${name}.${near}${known} See --help.`);
}

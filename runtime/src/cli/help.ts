import type { z } from 'zod';
import { describeSchema } from '../config/describeSchema.ts';
import { loadClass, type ConstructibleClass } from '../config/loadClass.ts';
import { toSnake } from '../config/names.ts';
import { trainerSection } from '../config/prepare.ts';
import { listRegistry } from '../config/registry.ts';
import { defaultOf, shapeOf } from '../config/schemaKind.ts';
import { commonFlags, type FlagSpec } from '../config/parseArguments.ts';
import { topLevelSchema } from '../config/topLevel.ts';
import { UsageError } from '../errors.ts';
import type { Command } from './commands/command.ts';

/** The overview: which commands there are. */
export function overview(program: string, commands: Readonly<Record<string, Command>>): string {
  const rows = Object.entries(commands).map(([name, { describe }]) => [name, describe] as const);
  return [
    `Usage: ${program} <command> [--config FILE ...] [--section.key value ...]`,
    '',
    'Commands',
    ...table(rows),
    '',
    'Exit codes: 0 finished, 1 error, 2 wrong command line or configuration,',
    '130 / 143 / 129 interrupted by SIGINT / SIGTERM / SIGHUP (training was saved).',
    `${program} <command> --help lists what can be set; --help=lightbox.callbacks.EarlyStopping`,
    'the options of one class.',
  ].join('\n');
}

/** Everything that one command takes. */
export async function commandHelp(
  program: string,
  name: string,
  command: Command,
  given: { readonly module?: ConstructibleClass; readonly dataModule?: ConstructibleClass },
): Promise<string> {
  const flags: Record<string, FlagSpec> = { ...command.flags, ...commonFlags };
  const lines = [
    `Usage: ${program} ${name} [flags]`,
    command.describe,
    '',
    'Flags',
    ...table(
      Object.entries(flags).map(([flag, spec]) => [
        `--${flag}${spec.takes === 'value' ? ' VALUE' : ''}`,
        spec.describe,
      ]),
    ),
  ];
  if (command.configured === false) return lines.join('\n');
  lines.push('', 'Configuration: keys of the YAML file and flags', ...options(topLevelSchema, ''));
  lines.push('', 'Trainer', ...options(trainerSection, 'trainer.'));
  if (given.module?.schema !== undefined) {
    lines.push('', `Model: ${given.module.name}`, ...options(given.module.schema, 'model.'));
  }
  if (given.dataModule?.schema !== undefined) {
    lines.push('', `Data: ${given.dataModule.name}`, ...options(given.dataModule.schema, 'data.'));
  }
  const known = (await listRegistry()).map(([path]) => path);
  lines.push('', 'Classes of the runtime', ...known.map((path) => `  ${path}`));
  return lines.join('\n');
}

/** The options of one class. @throws UsageError ERR_CLI_FLAG when there is no such class */
export async function classHelp(classPath: string, projectRoot: string): Promise<string> {
  const loaded = await loadClass(classPath, { projectRoot });
  if ('problem' in loaded) throw new UsageError('ERR_CLI_FLAG', `--help: ${loaded.problem}.`);
  const { schema } = loaded.type;
  if (schema === undefined) return `${classPath}: its options are not declared (no static schema).`;
  const about = schema.description === undefined ? [] : [schema.description];
  return [`${classPath}, init_args:`, ...about, ...options(schema, '', '')].join('\n');
}

function options(schema: z.ZodType, prefix: string, dashes = '--'): string[] {
  const shape = shapeOf(schema) ?? {};
  return table(
    Object.entries(shape).map(([name, option]) => [
      `${dashes}${prefix}${toSnake(name)}`,
      [describe(option), `[${describeSchema(option)}${defaultText(option)}]`]
        .filter((text) => text !== '')
        .join(' '),
    ]),
  );
}

function describe(schema: z.ZodType): string {
  return schema.description ?? '';
}

function defaultText(schema: z.ZodType): string {
  const { found, value } = defaultOf(schema);
  if (!found || value === undefined || value === null) return '';
  const text = JSON.stringify(value);
  return text === undefined || text.length > 60 ? '' : `; default ${text}`;
}

function table(rows: readonly (readonly [left: string, right: string])[]): string[] {
  const width = Math.min(38, Math.max(0, ...rows.map(([left]) => left.length)));
  return rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`.trimEnd());
}

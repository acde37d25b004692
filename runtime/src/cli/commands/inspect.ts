import { configDifferences } from '../../config/configDifferences.ts';
import { describeCheckpoint, type CheckpointDescription } from '../../checkpoint/index.ts';
import { embeddedValues } from '../../config/embedded.ts';
import { withoutDefaults } from '../../config/node.ts';
import { printConfig } from '../../config/printConfig.ts';
import { UsageError } from '../../errors.ts';
import { checkpointAt } from '../checkpointSource.ts';
import { readRunConfig } from '../openRun.ts';
import type { Command, CommandContext } from './command.ts';

/** Shows what is in a checkpoint. */
export const inspect: Command = {
  describe:
    'Show a checkpoint: step, metrics, versions, configuration; with --config what differs now.',
  flags: {
    json: { takes: 'switch', describe: 'Print JSON.' },
    all: { takes: 'switch', describe: 'Show defaults of the configuration too.' },
    tensors: { takes: 'switch', describe: 'List the tensors too.' },
  },
  words: 1,
  async run(context) {
    const { host, args } = context;
    const path = args.words.at(1) ?? pathFromFlag(context);
    if (path === undefined) {
      throw new UsageError('ERR_CLI_FLAG', 'inspect needs a checkpoint: inspect runs/.../<file>.');
    }
    const found = await describeCheckpoint(await checkpointAt(path, host.cwd));
    if (args.options.has('json')) {
      const { state: _state, ...shown } = found;
      host.print(JSON.stringify(shown, null, 2));
    } else {
      host.print(describe(found, args.options).join('\n'));
      if (args.files.length > 0) host.print((await compare(context, found)).join('\n'));
    }
    return 0;
  },
};

function describe(found: CheckpointDescription, options: ReadonlyMap<string, unknown>): string[] {
  const { path, bytes, info, modelSize } = found;
  const lines = [
    `Checkpoint ${path}`,
    `  saved      ${info.savedAt}, ${(bytes / 1e6).toFixed(1)} MB, checksums good`,
    `  update     ${String(info.step)} (epoch ${String(info.epoch)})`,
    `  model      ${modelSize.toLocaleString('en-US')} values in ${String(found.tensors.length)} tensors`,
    `  versions   ${pairs(info.versions)}`,
    'Metrics',
    ...Object.entries(info.metrics).map(([name, value]) => `  ${name} = ${String(value)}`),
  ];
  if (options.has('tensors')) {
    lines.push('Tensors');
    for (const { name, dtype, shape } of found.tensors) {
      lines.push(`  ${name} ${dtype} [${shape.join(', ')}]`);
    }
  }
  lines.push('Configuration', ...configLines(found, options.has('all')));
  return lines;
}

function configLines({ info, path }: CheckpointDescription, all: boolean): string[] {
  if (info.config === null) return ['  none: the run was not started from one'];
  const tree = embeddedValues(info.config, path);
  const shown = all ? tree : withoutDefaults(tree);
  if (shown?.kind !== 'map') return ['  defaults only'];
  return printConfig(shown)
    .trimEnd()
    .split('\n')
    .map((line) => `  ${line}`);
}

async function compare(context: CommandContext, found: CheckpointDescription): Promise<string[]> {
  const { host, args, project } = context;
  if (found.info.config === null) return [];
  const quiet = { ...host, env: { ...host.env } };
  const request = { ...project, files: args.files, overrides: args.overrides };
  const config = await readRunConfig(request, quiet);
  const lines = configDifferences(embeddedValues(found.info.config, found.path), config.tree);
  if (lines.length === 0) return ['The configuration given is the same.'];
  return ['Different in the configuration given', ...lines.map((line) => `  ${line}`)];
}

function pairs(values: Readonly<Record<string, string>>): string {
  return Object.entries(values)
    .map(([name, value]) => `${name} ${value}`)
    .join(', ');
}

function pathFromFlag({ args }: CommandContext): string | undefined {
  const given = args.overrides.find(({ path }) => path.join('.') === 'ckpt_path');
  return given?.node.kind === 'scalar' ? String(given.node.value) : undefined;
}

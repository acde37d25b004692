import { fromPlain } from '../../config/node.ts';
import type { Override } from '../../config/overrides.ts';
import { UsageError } from '../../errors.ts';
import { resumeSource, runsRoot } from '../checkpointSource.ts';
import { argumentsOf, type OpenRun } from '../openRun.ts';
import { parseRestore, restoreParts } from '../../trainer/restoreParts.ts';
import type { Command, CommandContext } from './command.ts';
import { requestOf, runConfigured } from './configured.ts';

const restoreFlags = {
  restore: {
    takes: 'value',
    describe: `Begin a new run with parts of the checkpoint: ${restoreParts.join(', ')}.`,
  },
  override_lr: {
    takes: 'value',
    describe: 'Learning rate from here on, whatever the configuration and the checkpoint say.',
  },
} as const;

/** Trains. */
export const fit: Command = {
  describe: 'Train. With --ckpt_path: go on from a checkpoint.',
  flags: restoreFlags,
  run: (context) => runConfigured(context, requestOf(context), fitOpen(context)),
};

/** Goes on from a checkpoint with the configuration that is in it. */
export const resume: Command = {
  describe:
    'Go on from a checkpoint, the folder of a run, or "last", with the configuration inside; files and flags change it.',
  words: 1,
  flags: restoreFlags,
  run: async (context) => {
    const embeddedIn = await sourceOf(context);
    const origin = { kind: 'cli', flag: '--ckpt_path' } as const;
    const ckptPath = { path: ['ckpt_path'], node: fromPlain(embeddedIn, origin) };
    const request = requestOf(context);
    const overrides = [...request.overrides, ckptPath];
    return runConfigured(context, { ...request, overrides, embeddedIn }, fitOpen(context));
  },
};

export const validate = evaluation('validate', 'Compute the validation metrics.');

export const test = evaluation('test', 'Compute the test metrics.');

function fitOpen({ args }: CommandContext): (open: OpenRun) => Promise<number> {
  const restore = args.options.get('restore');
  const lr = args.options.get('override_lr');
  return async (open) => {
    const { exitCode } = await open.trainer.fit({
      ...argumentsOf(open),
      ...(restore !== undefined && { restore: parseRestore(String(restore)) }),
      ...(lr !== undefined && { overrideLr: Number(lr) }),
    });
    return exitCode;
  };
}

function evaluation(kind: 'validate' | 'test', describe: string): Command {
  return {
    describe: `${describe} With --ckpt_path: of the weights in it.`,
    run: (context) =>
      runConfigured(context, requestOf(context), async (open) => {
        const { metrics, exitCode } = await open.trainer[kind](argumentsOf(open));
        for (const [name, value] of Object.entries(metrics)) {
          context.host.print(`${name} = ${String(Number(value.toPrecision(6)))}`);
        }
        return exitCode;
      }),
  };
}

/** The checkpoint to resume, as an absolute path. */
async function sourceOf({ args, host }: CommandContext): Promise<string> {
  const flag = textOf(args.overrides, 'ckpt_path');
  const word = args.words.at(1);
  if (flag !== undefined && word !== undefined) {
    throw new UsageError('ERR_CLI_FLAG', `resume: "${word}" and --ckpt_path: give one of them.`);
  }
  const source = word ?? flag;
  if (source === undefined) {
    throw new UsageError(
      'ERR_CLI_FLAG',
      'resume needs the checkpoint to go on from: --ckpt_path runs/.../checkpoints/<file>, the folder of a run, or last.',
    );
  }
  const { files, overrides } = args;
  const root = runsRoot({ files, overrides, environment: host.env, cwd: host.cwd });
  return resumeSource(source, root, host.cwd, (notice) => {
    host.terminal.line(notice);
  });
}

function textOf(overrides: readonly Override[], key: string): string | undefined {
  const given = overrides.findLast(({ path }) => path.join('.') === key);
  if (given?.node.kind !== 'scalar') return undefined;
  return typeof given.node.value === 'string' ? given.node.value : given.node.source;
}

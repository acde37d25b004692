import { UsageError } from '../../errors.ts';
import { argumentsOf, type OpenRun } from '../openRun.ts';
import type { Command, CommandContext } from './command.ts';
import { requestOf, runConfigured } from './configured.ts';

/** Trains. */
export const fit: Command = {
  describe: 'Train. With --ckpt_path: go on from a checkpoint.',
  run: (context) => runConfigured(context, requestOf(context), fitOpen),
};

/** Goes on from a checkpoint with the configuration that is in it. */
export const resume: Command = {
  describe: 'Go on from --ckpt_path with the configuration inside it; files and flags change it.',
  run: async (context) => {
    const checkpoint = checkpointOf(context);
    if (checkpoint === undefined) {
      throw new UsageError(
        'ERR_CLI_FLAG',
        'resume needs the checkpoint to go on from: --ckpt_path runs/.../checkpoints/<file>.',
      );
    }
    return runConfigured(context, { ...requestOf(context), embeddedIn: checkpoint }, fitOpen);
  },
};

export const validate = evaluation('validate', 'Compute the validation metrics.');

export const test = evaluation('test', 'Compute the test metrics.');

async function fitOpen(open: OpenRun): Promise<number> {
  return (await open.trainer.fit(argumentsOf(open))).exitCode;
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

function checkpointOf({ args }: CommandContext): string | undefined {
  const given = args.overrides.findLast(({ path }) => path.join('.') === 'ckpt_path');
  if (given?.node.kind !== 'scalar') return undefined;
  return typeof given.node.value === 'string' ? given.node.value : given.node.source;
}

import { UsageError } from '../../errors.ts';
import { printConfig } from '../../config/printConfig.ts';
import { withoutSecrets } from '../../config/secrets.ts';
import { openRun, readRunConfig, type OpenRun, type RunRequest } from '../openRun.ts';
import type { Command, CommandContext } from './command.ts';

/** Trains. */
export const fit: Command = {
  describe: 'Train. With --ckpt_path: go on from a checkpoint.',
  run: (context) => configured(context, requestOf(context), fitAndReport),
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
    const request = { ...requestOf(context), embeddedIn: checkpoint };
    return configured(context, request, fitAndReport);
  },
};

export const validate = evaluation('validate', 'Compute the validation metrics.');

export const test = evaluation('test', 'Compute the test metrics.');

/** Writes predictions. */
export const predict: Command = {
  describe: 'Write predictions for the data module’s prediction data.',
  run: (context) =>
    configured(context, requestOf(context), async ({ trainer, ...parts }) => {
      const result = await trainer.predict({ ...argumentsOf(parts) });
      return result.exitCode;
    }),
};

async function fitAndReport({ trainer, ...parts }: OpenRun): Promise<number> {
  const result = await trainer.fit(argumentsOf(parts));
  return result.exitCode;
}

function evaluation(kind: 'validate' | 'test', describe: string): Command {
  return {
    describe: `${describe} With --ckpt_path: of the weights in it.`,
    run: (context) =>
      configured(context, requestOf(context), async ({ trainer, ...parts }) => {
        const result = await trainer[kind](argumentsOf(parts));
        return result.exitCode;
      }),
  };
}

function argumentsOf({ module, dataModule, config }: Omit<OpenRun, 'trainer'>) {
  return { module, dataModule, ckptPath: config.ckptPath };
}

async function configured(
  { host, args }: CommandContext,
  request: RunRequest,
  run: (open: OpenRun) => Promise<number>,
): Promise<number> {
  const print = args.options.get('print_config');
  if (print === undefined) {
    requireSomething(request);
    return run(await openRun(request, host));
  }
  if (print !== true && print !== 'provenance' && print !== 'defaults') {
    throw new UsageError(
      'ERR_CLI_FLAG',
      `--print_config=${print}: write --print_config=provenance.`,
    );
  }
  const { tree } = await readRunConfig(request, host);
  const text = printConfig(withoutSecrets(tree), print === 'provenance' ? print : 'defaults');
  host.print(text.trimEnd());
  return 0;
}

/** A bare `fit` is nearly always a forgotten --config; say so instead of "no model section". */
function requireSomething(request: RunRequest): void {
  const { files, overrides, module, embeddedIn } = request;
  if (files.length > 0 || overrides.length > 0 || module !== undefined) return;
  if (embeddedIn !== undefined) return;
  throw new UsageError(
    'ERR_CLI_FLAG',
    'nothing says what to run. Give a configuration: --config configs/<model>.yaml.',
  );
}

function requestOf({ args, project }: CommandContext): RunRequest {
  return { ...project, files: args.files, overrides: args.overrides };
}

function checkpointOf({ args }: CommandContext): string | undefined {
  const given = args.overrides.findLast(({ path }) => path.join('.') === 'ckpt_path');
  if (given?.node.kind !== 'scalar') return undefined;
  return typeof given.node.value === 'string' ? given.node.value : given.node.source;
}

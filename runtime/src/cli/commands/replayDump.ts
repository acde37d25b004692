import { buildModel } from '../../config/buildRun.ts';
import { UsageError } from '../../errors.ts';
import { replayDump as replay, type ReplayedDump } from '../../trainer/stepDump.ts';
import { checkpointAt } from '../checkpointSource.ts';
import { readRunConfig } from '../openRun.ts';
import type { Command } from './command.ts';
import { requestOf } from './configured.ts';

/** Computes the step of a dump again, with the module that the configuration inside it names. */
export const replayDump: Command = {
  describe:
    'Compute a step that gave a NaN again (on_nan: dump) and name the operation that made it.',
  words: 1,
  async run(context) {
    const { host, args } = context;
    const file = args.words.at(1);
    if (file === undefined) {
      throw new UsageError(
        'ERR_CLI_FLAG',
        'replay-dump needs the file of a dump: replay-dump runs/.../dumps/nan-step=<n>.safetensors.',
      );
    }
    const path = await checkpointAt(file, host.cwd);
    const config = await readRunConfig({ ...requestOf(context), embeddedIn: path }, host);
    host.print(describe(await replay(path, await buildModel(config))).join('\n'));
    return 0;
  },
};

function describe({ dumped, loss, anomaly, brokenParameters }: ReplayedDump): string[] {
  const same = Object.is(dumped, loss);
  return [
    `loss       ${String(dumped)} then, ${String(loss)} now`,
    `operation  ${anomaly ?? 'none made a NaN or infinity'}`,
    `weights    ${brokenParameters.length === 0 ? 'finite' : `not finite: ${brokenParameters.join(', ')}`}`,
    ...(anomaly === null && brokenParameters.length === 0
      ? [same ? 'It came with the batch.' : 'What made it is no longer in the code of the module.']
      : []),
  ];
}

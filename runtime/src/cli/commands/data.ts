import { didYouMean, UsageError } from '../../errors.ts';
import type { Command, CommandContext } from './command.ts';
import { clearEntries, listEntries, verifyEntries } from './dataEntries.ts';
import { prepareData } from './dataPrepare.ts';

const actions: Readonly<Record<string, (context: CommandContext) => number | Promise<number>>> = {
  prepare: prepareData,
  ls: listEntries,
  verify: verifyEntries,
  clear: clearEntries,
};

/** Looks after the data cache. */
export const data: Command = {
  describe:
    'Data cache: prepare --config FILE fills it, ls lists, verify reads all blocks, clear removes.',
  flags: {
    json: { takes: 'switch', describe: 'ls: print JSON.' },
    repair: { takes: 'switch', describe: 'verify: remove damaged entries; the next run refills.' },
    all: { takes: 'switch', describe: 'clear: every entry.' },
    older_than: {
      takes: 'value',
      describe: 'clear: entries unused for so long, such as 30d or 12h.',
    },
    yes: { takes: 'switch', describe: 'clear: do not ask.' },
  },
  words: Infinity,
  async run(context) {
    const [, action] = context.args.words;
    const names = Object.keys(actions);
    if (action === undefined || !Object.hasOwn(actions, action)) {
      const got =
        action === undefined ? '' : ` There is no "${action}".${didYouMean(action, names)}`;
      throw new UsageError('ERR_CLI_COMMAND', `data takes one of ${names.join(', ')}.${got}`);
    }
    return actions[action](context);
  },
};

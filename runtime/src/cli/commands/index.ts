import { UsageError } from '../../errors.ts';
import type { Command } from './command.ts';
import { data } from './data.ts';
import { doctor } from './doctor.ts';
import { inspect } from './inspect.ts';
import { plot } from './plot.ts';
import { predict } from './predict.ts';
import { replayDump } from './replayDump.ts';
import { fit, resume, test, validate } from './runCommands.ts';
import { schema } from './schema.ts';
import { tune } from './tune.ts';

/** Commands that need no project. */
export const generalCommands: Readonly<Record<string, Command>> = {
  data,
  doctor,
  inspect,
  plot,
  schema,
};

/** Commands of a project's script. */
export const projectCommands: Readonly<Record<string, Command>> = {
  fit,
  resume,
  validate,
  test,
  predict,
  tune,
  'replay-dump': replayDump,
  ...generalCommands,
};

/** Commands that later versions have, and what to do until then. */
const later: Readonly<Record<string, string>> = {
  export: 'inspect lists the tensors; the checkpoints are safetensors files',
  hpo: 'searches have a script of their own, npm run hpo',
  dashboard: 'metrics.jsonl in the run folder holds every value',
};

/** @throws UsageError ERR_CLI_COMMAND for a command of a later version */
export function refuseLater(name: string, commands: Readonly<Record<string, Command>>): void {
  if (!Object.hasOwn(later, name)) return;
  throw new UsageError(
    'ERR_CLI_COMMAND',
    `"${name}" is not a command of this version: ${later[name]}. There are: ${Object.keys(commands).join(', ')}.`,
  );
}

import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { configJsonSchema } from '../../config/jsonSchema.ts';
import { readRunConfig } from '../openRun.ts';
import type { Command, CommandContext } from './command.ts';
import { requestOf } from './configured.ts';

/** Writes the JSON Schema of configurations. */
export const schema: Command = {
  describe:
    'Print the JSON Schema of configurations, for editors. With --config: also of the classes named there.',
  flags: { output: { takes: 'value', describe: 'File to write instead of printing.' } },
  configured: false,
  async run(context) {
    const { host, args } = context;
    const text = JSON.stringify(await configJsonSchema(await classesOf(context)), null, 2);
    const output = args.options.get('output');
    if (typeof output === 'string') writeFileSync(resolve(host.cwd, output), `${text}\n`);
    else host.print(text);
    return 0;
  },
};

async function classesOf(context: CommandContext) {
  const { host, args, project } = context;
  if (args.files.length === 0) return project;
  const { classes } = await readRunConfig(requestOf(context), host);
  // Names in angle brackets stand for classes given in code.
  const named = [...classes.types].filter(([path]) => !path.startsWith('<'));
  return { ...project, classes: new Map(named) };
}

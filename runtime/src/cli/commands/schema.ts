import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { configJsonSchema } from '../../config/jsonSchema.ts';
import type { Command } from './command.ts';

/** Writes the JSON Schema of configurations. */
export const schema: Command = {
  describe: 'Print the JSON Schema of configurations, for completion and checks in editors.',
  flags: { output: { takes: 'value', describe: 'File to write instead of printing.' } },
  configured: false,
  async run({ host, args, project }) {
    const text = JSON.stringify(await configJsonSchema(project), null, 2);
    const output = args.options.get('output');
    if (typeof output === 'string') writeFileSync(resolve(host.cwd, output), `${text}\n`);
    else host.print(text);
    return 0;
  },
};

import { resolve } from 'node:path';
import { savePredictions } from '../../trainer/savePredictions.ts';
import type { Command } from './command.ts';
import { requestOf, runConfigured } from './configured.ts';
import { argumentsOf } from '../openRun.ts';

/** Writes predictions as they come. */
export const predict: Command = {
  describe: 'Write predictions to a file. With --ckpt_path: of the weights in it.',
  flags: {
    output: {
      takes: 'value',
      describe:
        'File to write: .jsonl, a line for each sample, or .safetensors; default predictions.jsonl.',
    },
  },
  run: (context) =>
    runConfigured(context, requestOf(context), async (open) => {
      const { host, args } = context;
      const name = String(args.options.get('output') ?? 'predictions.jsonl');
      let interrupted: number | null = null;
      const stop = [
        host.signals.on('SIGINT', () => (interrupted ??= 130)),
        host.signals.on('SIGTERM', () => (interrupted ??= 143)),
      ];
      try {
        const predictions = open.trainer.predict(argumentsOf(open));
        const samples = await savePredictions(predictions, resolve(host.cwd, name));
        host.terminal.line(`${String(samples)} predictions in ${name}`);
      } finally {
        for (const off of stop) off();
      }
      return interrupted ?? 0;
    }),
};

import { createWriteStream } from 'node:fs';
import { resolve } from 'node:path';
import { once } from 'node:events';
import { finished } from 'node:stream/promises';
import { isHostTensor, type HostBatch } from '../../core/batch.ts';
import { isPlainObject, type Json } from '../../core/json.ts';
import type { Command } from './command.ts';
import { requestOf, runConfigured } from './configured.ts';
import { argumentsOf } from '../openRun.ts';

/** Writes predictions, one JSON line for each sample, as they come. */
export const predict: Command = {
  describe: 'Write predictions as JSON lines. With --ckpt_path: of the weights in it.',
  flags: { output: { takes: 'value', describe: 'File to write; default predictions.jsonl.' } },
  run: (context) =>
    runConfigured(context, requestOf(context), async (open) => {
      const { host, args } = context;
      const name = String(args.options.get('output') ?? 'predictions.jsonl');
      const file = createWriteStream(resolve(host.cwd, name));
      let samples = 0;
      let interrupted: number | null = null;
      const stop = [
        host.signals.on('SIGINT', () => (interrupted ??= 130)),
        host.signals.on('SIGTERM', () => (interrupted ??= 143)),
      ];
      try {
        for await (const { outputs, size, loader } of open.trainer.predict(argumentsOf(open))) {
          for (let index = 0; index < size; index++) {
            const line = JSON.stringify({ loader, outputs: sampleOf(outputs, index, size) });
            if (!file.write(`${line}\n`)) await once(file, 'drain');
          }
          samples += size;
        }
      } finally {
        for (const off of stop) off();
        file.end();
        await finished(file);
      }
      host.terminal.line(`${String(samples)} predictions in ${name}`);
      return interrupted ?? 0;
    }),
};

/** What a batch's outputs hold for one of its samples; values without a batch axis stay whole. */
function sampleOf(outputs: HostBatch, index: number, size: number): Json {
  if (isHostTensor(outputs)) {
    const { data, shape } = outputs;
    if (shape[0] !== size) return nested([...data], shape);
    const length = data.length / size;
    const values = [...data.subarray(index * length, (index + 1) * length)];
    return nested(values, shape.slice(1));
  }
  if (Array.isArray(outputs)) return outputs.map((item) => sampleOf(item, index, size));
  if (!isPlainObject(outputs)) return outputs;
  return Object.fromEntries(
    Object.entries(outputs).map(([key, item]) => [key, sampleOf(item, index, size)]),
  );
}

function nested(values: readonly number[], shape: readonly number[]): Json {
  if (shape.length === 0) return values[0];
  if (shape.length === 1) return [...values];
  const step = values.length / shape[0];
  return Array.from({ length: shape[0] }, (_, row) =>
    nested(values.slice(row * step, (row + 1) * step), shape.slice(1)),
  );
}

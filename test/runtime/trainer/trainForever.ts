// Trains until a signal comes; run by interrupt.test.ts in a process of its own.
import { tinyLoader, TinyModule } from '../../../runtime/src/testing/index.ts';
import { Trainer } from '../../../runtime/src/trainer/trainer.ts';

const write = (text: string): void => {
  process.stdout.write(`${text}\n`);
};
const trainer = new Trainer(
  {
    maxEpochs: 1_000_000,
    accelerator: 'cpu',
    defaultRootDir: process.argv[2],
    enableProgressBar: false,
    enableCheckpointing: false,
    callbacks: [
      {
        onTrainBatchEnd: ({ globalStep }) => {
          if (globalStep < 9) write(`update ${String(globalStep)}`);
        },
      },
    ],
  },
  {
    terminal: { isTTY: false, columns: 80, color: false, line: write, live: () => undefined },
    signals: {
      on(name, handler) {
        process.on(name, handler);
        return () => process.off(name, handler);
      },
    },
  },
);
const { exitCode } = await trainer.fit({ module: new TinyModule(), trainLoader: tinyLoader() });
process.exitCode = exitCode;

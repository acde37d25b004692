import { CheckpointStore } from '../../../runtime/src/checkpoint/index.ts';

// Run as a process that is killed: saves as fast as it can, tells each step that is on the disk.
const store = await CheckpointStore.open(process.argv[2]);
const data = new Float32Array(750_000);
for (let step = Number(process.argv[3]); ; step++) {
  data.fill(step);
  const { written } = await store.save({
    file: step % 3 === 0 ? 'last' : `step=${step % 7}`,
    kinds: ['periodic'],
    collect: () => ({
      info: { step, epoch: 0, metrics: {}, versions: {}, config: null },
      state: {},
      tensors: [{ name: 'model/w', shape: [data.length], data }],
    }),
  });
  await written;
  process.stdout.write(`${step}\n`);
}

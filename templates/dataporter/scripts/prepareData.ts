import { LightboxCLI } from 'lightbox-runtime';
import { MultiDatasetModule } from 'lightbox-runtime/data';

// `npm run data`: opens every data set of the config and reads from it, so that whatever is missing
// or does not fit together is known before a training needs it, and prints what an epoch will be.
const { dataModule } = await new LightboxCLI({ run: false }).build();
const line = (text: string) => void process.stdout.write(`${text}\n`);
await dataModule?.prepareData?.({ line });
await dataModule?.setup?.('fit');
if (dataModule instanceof MultiDatasetModule) {
  const { datasets, valDatasets, testDatasets } = dataModule.options;
  for (const [part, sets] of Object.entries({ datasets, valDatasets, testDatasets })) {
    for (const [name, dataset] of Object.entries(sets)) {
      await dataset.get(dataset.length - 1);
      const note = 'note' in dataset ? `: ${String(dataset.note)}` : '';
      line(`${part}.${name}, ${dataset.length} samples${note}`);
    }
  }
}
for (const text of dataModule?.describe?.() ?? []) line(text);

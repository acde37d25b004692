import { isUsageError, LightboxCLI } from 'lightbox-runtime';
import { MultiDatasetModule } from 'lightbox-runtime/data';

// `npm run data:prepare`: opens every data set of the config and reads from it, so that whatever is missing
// or does not fit together is known before a training needs it, and prints what an epoch will be.
try {
  await prepare();
} catch (error) {
  if (!isUsageError(error)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 2;
}

async function prepare(): Promise<void> {
  const { dataModule } = await new LightboxCLI({ run: false }).build();
  await dataModule?.prepareData?.({ line });
  await dataModule?.setup?.('fit');
  if (dataModule instanceof MultiDatasetModule) await readAll(dataModule);
  for (const text of dataModule?.describe?.() ?? []) line(text);
}

async function readAll({ options }: MultiDatasetModule): Promise<void> {
  const { datasets, valDatasets, testDatasets } = options;
  for (const [part, sets] of Object.entries({ datasets, valDatasets, testDatasets })) {
    for (const [name, dataset] of Object.entries(sets)) {
      await dataset.get(dataset.length - 1);
      const note = 'note' in dataset ? `: ${String(dataset.note)}` : '';
      line(`${part}.${name}, ${dataset.length} samples${note}`);
    }
  }
}

function line(text: string): void {
  process.stdout.write(`${text}\n`);
}

import { HpoCLI } from 'lightbox-runtime';
import { excludedParameters, productionOverrides } from '../src/hpo/config.ts';

// The search space is named by its file, since trials run in processes of their own.
await new HpoCLI({
  searchSpace: './src/hpo/searchSpace.ts#searchSpace',
  excludedParameters,
  productionOverrides,
}).run();

export { withKeyedRandom } from './lend.ts';
export { Rng } from './rng.ts';
export { seededWith, seedEverything } from './seedEverything.ts';

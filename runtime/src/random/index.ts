export { withKeyedRandom } from './lend.ts';
export { Rng } from './rng.ts';
export { initialRandom, seededWith, seedEverything } from './seedEverything.ts';

import { gru, lstm, simpleRnn } from './recurrent.ts';

/** Layers for tfjs-layers' models and for modules that are faster than those of tfjs-layers. */
export const layers = { gru, lstm, simpleRnn };

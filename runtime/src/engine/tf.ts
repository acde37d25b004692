/// <reference types="@tensorflow/tfjs-core/dist/public/chained_ops/register_all_chained_ops.js" preserve="true" />
/**
 * TensorFlow.js as one import: all of tfjs-core, tfjs-layers' `layers`, `sequential`, `model`
 * and so on, and the chained methods (`x.relu()`), which tfjs's Node build lacks. Importing it
 * registers the `ort` back end as the default.
 */
import { availableParallelism } from 'node:os';
import { attachChainedMethods } from './chainedMethods.ts';
import { registerLeanGradients } from './leanGradients.ts';
import { fuseLayers } from './ops/fuseLayers.ts';
import { hasOrt, registerOrt } from './ort/register.ts';

export * from '@tensorflow/tfjs-core';
export * from '@tensorflow/tfjs-layers';

attachChainedMethods();
registerLeanGradients();
fuseLayers();
if (!hasOrt()) registerOrt({ threads: availableParallelism(), spinning: false });

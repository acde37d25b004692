import '@tensorflow/tfjs-backend-cpu';
import { setTestEnvs } from '@tensorflow/tfjs-core/dist/jasmine_util.js';
import '@tensorflow/tfjs-core/dist/public/chained_ops/register_all_chained_ops.js';
import '@tensorflow/tfjs-core/dist/register_all_gradients.js';
import { registerOrt } from '../../runtime/src/engine/ort/register.ts';
import { countKernelCalls } from './kernelCalls.ts';

/** The back end under test; the same test names for each, so that results can be compared. */
export const backendName = process.argv[2] ?? 'ort';

registerOrt({ threads: 1, spinning: false });
countKernelCalls('ort');
setTestEnvs([{ name: 'conformance', backendName, isDataSync: true }]);

import * as tf from '@tensorflow/tfjs-core';
import { messageOf, UsageError } from '../../errors.ts';

/** Back ends of TensorFlow.js in packages that are loaded only when they are named. */
export type Peer = 'wasm' | 'tfjs-node' | 'tfjs-node-gpu';

const packages: Readonly<Record<Peer, string>> = {
  wasm: '@tensorflow/tfjs-backend-wasm',
  'tfjs-node': '@tensorflow/tfjs-node',
  'tfjs-node-gpu': '@tensorflow/tfjs-node-gpu',
};
const VERSION = '4.22.0';

export function isPeer(name: string): name is Peer {
  return Object.hasOwn(packages, name);
}

function installCommand(peer: Peer): string {
  return `npm install ${packages[peer]}@${VERSION}`;
}

/**
 * Loads the package of a back end, which registers it with tfjs, and returns the name it has there.
 *
 * @throws UsageError `ERR_ENGINE_NOT_INSTALLED` when the package is absent, `ERR_ENGINE_START` when
 * it is there but does not load, as without its native library, or brings another copy of tfjs
 */
export async function loadPeer(peer: Peer, threads: number): Promise<string> {
  if (peer === 'wasm') {
    const wasm = await importPeer(peer, () => import('@tensorflow/tfjs-backend-wasm'));
    wasm.setThreadsCount(threads);
    return 'wasm';
  }
  await importPeer(peer, () => import(packages[peer]) as Promise<unknown>);
  if (tf.findBackendFactory('tensorflow') == null) {
    throw new UsageError(
      'ERR_ENGINE_START',
      `accelerator "${peer}": ${packages[peer]} uses another copy of @tensorflow/tfjs-core than this project. ` +
        `Install the same version: ${installCommand(peer)}, then npm dedupe.`,
    );
  }
  return 'tensorflow';
}

async function importPeer<T>(peer: Peer, load: () => Promise<T>): Promise<T> {
  try {
    return await load();
  } catch (cause) {
    const name = packages[peer];
    if (isMissing(cause, name)) {
      throw new UsageError(
        'ERR_ENGINE_NOT_INSTALLED',
        `accelerator "${peer}" needs a package that is not installed. Run: ${installCommand(peer)}`,
        { cause },
      );
    }
    throw new UsageError(
      'ERR_ENGINE_START',
      `accelerator "${peer}": ${name} is installed but does not load: ${messageOf(cause).split('\n')[0]} ` +
        `Install it again (${installCommand(peer)} --force --foreground-scripts), or use "auto".`,
      { cause },
    );
  }
}

function isMissing(error: unknown, name: string): boolean {
  return messageOf(error).includes(`'${name}'`) && /Cannot find|not found/i.test(messageOf(error));
}

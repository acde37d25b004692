import { createHash } from 'node:crypto';
import type { Answers } from '../../generators/app/answers.ts';
import type { RenderInputs } from '../../generators/render/render.ts';

const bytes = Buffer.from('not a real package');

/** A stand-in for the packed runtime: rendering only copies it. */
export const exampleInputs: RenderInputs = {
  runtimeTarball: {
    file: 'lightbox-runtime-0.1.0-0123abcd.tgz',
    bytes,
    sha256: createHash('sha256').update(bytes).digest('hex'),
  },
  generatorVersion: '0.1.0',
};

export function exampleAnswers(changes: Partial<Answers> = {}): Answers {
  return {
    name: 'my-net',
    model: 'digits',
    task: 'image-classification',
    features: [],
    author: '',
    description: '',
    ...changes,
  };
}

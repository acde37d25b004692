import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import type { Answers } from '../app/answers.ts';
import type { RenderedFile, RenderInputs } from './render.ts';

/** Format of `.lightbox/state.json`; readers refuse higher numbers. */
export const stateSchemaVersion = 1;

/** What `.lightbox/state.json` holds: enough to render again and to see what was edited. */
export interface ProjectState {
  readonly schema: number;
  readonly generator: { readonly name: string; readonly version: string };
  readonly answers: Omit<Answers, 'features'>;
  readonly features: Answers['features'];
  readonly runtime: { readonly file: string; readonly sha256: string };
  readonly files: Readonly<
    Record<string, { readonly sha256: string; readonly mode: string; readonly class: string }>
  >;
}

/** The text of `.lightbox/state.json`. */
export function stateFile(
  { features, ...answers }: Answers,
  { runtimeTarball, generatorVersion }: RenderInputs,
  files: ReadonlyMap<string, RenderedFile>,
): string {
  const state: ProjectState = {
    schema: stateSchemaVersion,
    generator: { name: 'generator-lightbox', version: generatorVersion },
    answers,
    features,
    runtime: { file: `vendor/${runtimeTarball.file}`, sha256: runtimeTarball.sha256 },
    files: Object.fromEntries(
      sorted(files).map(([path, { bytes, mode, class: fileClass }]) => [
        path,
        { sha256: textHash(path, bytes), mode: mode.toString(8), class: fileClass },
      ]),
    ),
  };
  return `${JSON.stringify(state, null, 2)}\n`;
}

/**
 * The rendered files as the base of later merges: gzip of a JSON object path -> text. The runtime
 * is left out, its hash in the state is enough.
 */
export function baseSnapshot(files: ReadonlyMap<string, RenderedFile>): Buffer {
  const texts = sorted(files)
    .filter(([path]) => !path.endsWith('.tgz'))
    .map(([path, { bytes }]) => [path, bytes.toString('utf8')]);
  const packed = gzipSync(JSON.stringify(Object.fromEntries(texts)), { level: 9 });
  // zlib writes no time, but the operating system's number: 255 = unknown.
  packed[9] = 255;
  return packed;
}

/** Of text with LF line ends, so that a checkout with CRLF counts as unedited. */
function textHash(path: string, bytes: Buffer): string {
  const content = path.endsWith('.tgz') ? bytes : bytes.toString('utf8').replaceAll('\r\n', '\n');
  return createHash('sha256').update(content).digest('hex');
}

function sorted(files: ReadonlyMap<string, RenderedFile>): [string, RenderedFile][] {
  return [...files].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
}

import type { ParamValue } from './distribution.ts';
import type { FrozenTrial } from './frozenTrial.ts';
import type { Plain } from './plain.ts';

const KEY = 'tpe:relative_params';
/** What Optuna's databases take as one attribute. */
const LONGEST = 2045;

type Params = Readonly<Record<string, ParamValue>>;

/** Attributes that tell other processes what a running trial is going to be suggested. */
export function relativeParamsAttrs(params: Params): Record<string, Plain> {
  const text = JSON.stringify(params);
  const attrs: Record<string, Plain> = {};
  for (let start = 0; start < text.length; start += LONGEST) {
    attrs[`${KEY}:${start / LONGEST}`] = text.slice(start, start + LONGEST);
  }
  return attrs;
}

/** What those attributes say; undefined when there are none or not all of them yet. */
export function relativeParamsOf({ systemAttrs }: FrozenTrial): Params | undefined {
  let text = '';
  for (let index = 0; ; index++) {
    const part = systemAttrs[`${KEY}:${index}`] as Plain | undefined;
    if (typeof part !== 'string') break;
    text += part;
  }
  if (text === '') return undefined;
  try {
    return JSON.parse(text) as Params;
  } catch {
    return undefined;
  }
}

/** What a trial has been suggested, and for a running one what it is going to be. */
export function knownParams(trial: FrozenTrial): Params {
  if (trial.state !== 'RUNNING') return trial.params;
  return { ...relativeParamsOf(trial), ...trial.params };
}

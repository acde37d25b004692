import { LightboxError } from '../errors.ts';
import {
  categoricalDistribution,
  type Distribution,
  floatDistribution,
  intDistribution,
  type ParamValue,
} from './distribution.ts';
import { parsePythonJson, pyFloat, writePythonJson } from './pythonJson.ts';

/** The string Optuna keeps for a distribution, equal to its own byte for byte. */
export function distributionToJson(distribution: Distribution): string {
  if (distribution.kind === 'categorical') {
    const attributes = { choices: distribution.choices };
    return writePythonJson({ name: 'CategoricalDistribution', attributes }, true);
  }
  const { low, high, log, step } = distribution;
  if (distribution.kind === 'int') {
    return writePythonJson({ name: 'IntDistribution', attributes: { log, step, low, high } }, true);
  }
  const attributes = {
    step: step === null ? null : pyFloat(step),
    low: pyFloat(low),
    high: pyFloat(high),
    log,
  };
  return writePythonJson({ name: 'FloatDistribution', attributes }, true);
}

const known = new Map<string, Distribution>();

/**
 * Reads Optuna's string, also the names used before Optuna 3.
 * @throws LightboxError ERR_HPO_DISTRIBUTION for an unknown name or attributes that do not fit
 */
export function distributionFromJson(text: string): Distribution {
  // The trials of a study describe few different ones; sharing them makes comparing them cheap.
  let distribution = known.get(text);
  if (distribution === undefined) {
    distribution = parse(text);
    if (known.size >= 1000) known.clear();
    known.set(text, distribution);
  }
  return distribution;
}

function parse(text: string): Distribution {
  const { name, attributes } = parsePythonJson(text) as {
    name: string;
    attributes: {
      low: number;
      high: number;
      log?: boolean;
      step?: number | null;
      q?: number;
      choices: ParamValue[];
    };
  };
  const { low, high, log, step, q } = attributes;
  switch (name) {
    case 'FloatDistribution':
      return floatDistribution(low, high, { log, step });
    case 'IntDistribution':
      return intDistribution(low, high, { log, step });
    case 'CategoricalDistribution':
      return categoricalDistribution(attributes.choices);
    case 'UniformDistribution':
      return floatDistribution(low, high);
    case 'LogUniformDistribution':
      return floatDistribution(low, high, { log: true });
    case 'DiscreteUniformDistribution':
      return floatDistribution(low, high, { step: q });
    case 'IntUniformDistribution':
      return intDistribution(low, high, { step });
    case 'IntLogUniformDistribution':
      return intDistribution(low, high, { log: true });
    default:
      throw new LightboxError('ERR_HPO_DISTRIBUTION', `unknown distribution "${name}"`);
  }
}

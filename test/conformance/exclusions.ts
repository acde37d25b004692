/** A test of tfjs-core that `ort` need not pass although `cpu` does. */
export interface Exclusion {
  /** Full name as jasmine prints it. */
  readonly name: string;
  /** Why the test does not apply to this back end; difficulty is no reason. */
  readonly reason: string;
}

/** tfjs-core itself runs these for a back end of the name `cpu` alone: they register a second one. */
const onlyForCpu = [
  'Switching cpu backends conformance {} Move data from cpu1 to cpu2 backend',
  'Switching cpu backends conformance {} can execute op with data from mixed backends',
];

/** Every test that the `cpu` back end passes and that is not listed here must pass. */
export const exclusions: readonly Exclusion[] = onlyForCpu.map((name) => ({
  name,
  reason: "tfjs-core runs it only where the back end's name is cpu",
}));

/** What is wrong with a checkpoint's bytes, before the message knows the file and the way out. */
export class CheckpointProblem extends Error {
  readonly kind: ProblemKind;

  constructor(kind: ProblemKind, detail: string) {
    super(detail);
    this.kind = kind;
  }
}

/**
 * `truncated`: bytes are missing at the end. `corrupt`: bytes differ from what was written.
 * `format`: intact as far as anyone can tell, but not a checkpoint that this version reads.
 */
export type ProblemKind = 'truncated' | 'corrupt' | 'format';

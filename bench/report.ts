/** One figure of one subject. */
export interface Measurement {
  readonly suite: string;
  readonly case: string;
  readonly subject: string;
  readonly unit: string;
  readonly median: number;
  readonly min: number;
  readonly max: number;
  readonly runs: number;
}

/** The quotient of two subjects' medians, in the unit of their rows. */
export interface Comparison {
  readonly suite: string;
  readonly case: string;
  /** `first/second` */
  readonly ratio: string;
  readonly median: number;
}

/** Why a row is missing, or a fact that a reader of the figures needs. */
export interface Note {
  readonly suite: string;
  readonly case?: string;
  readonly subject?: string;
  readonly note: string;
}

/** Where and with what the figures were taken; once a run. */
export interface Machine {
  readonly suite: string;
  readonly machine: Readonly<Record<string, string | number>>;
}

export type Row = Measurement | Comparison | Note | Machine;

/** Collects the rows of one suite and hands each on as it comes. */
export class Report {
  readonly suite: string;
  readonly rows: Row[] = [];
  readonly #emit: (row: Row) => void;

  constructor(suite: string, emit: (row: Row) => void) {
    this.suite = suite;
    this.#emit = emit;
  }

  /** @param samples at least one figure; not changed */
  measure(testCase: string, subject: string, unit: string, samples: readonly number[]): void {
    const sorted = samples.toSorted((a, b) => a - b);
    this.#add({
      suite: this.suite,
      case: testCase,
      subject,
      unit,
      median: round(median(sorted)),
      min: round(sorted[0]),
      max: round(sorted[sorted.length - 1]),
      runs: sorted.length,
    });
  }

  /** Adds `first/second` when both subjects have a row in this case. */
  compare(testCase: string, first: string, second: string): void {
    const [a, b] = [first, second].map((subject) => this.find(testCase, subject));
    if (a === undefined || b === undefined) return;
    const quotient = round(a.median / b.median);
    this.#add({ suite: this.suite, case: testCase, ratio: `${first}/${second}`, median: quotient });
  }

  note(note: string, about: { case?: string; subject?: string } = {}): void {
    this.#add({ suite: this.suite, ...about, note });
  }

  machine(machine: Machine['machine']): void {
    this.#add({ suite: this.suite, machine });
  }

  find(testCase: string, subject: string): Measurement | undefined {
    return this.rows
      .filter((row): row is Measurement => 'unit' in row)
      .find((row) => row.case === testCase && row.subject === subject);
  }

  #add(row: Row): void {
    this.rows.push(row);
    this.#emit(row);
  }
}

export function median(sorted: readonly number[]): number {
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** Four significant digits: more would only be noise. */
function round(value: number): number {
  return Number(value.toPrecision(4));
}

/** Whether a target was met, for notes. */
export function verdict(met: boolean): string {
  return met ? 'met' : 'MISSED';
}

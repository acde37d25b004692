/** What predictions look like. */
export interface PredictionLook {
  readonly mean: number;
  readonly std: number;
  /** Variance over samples of the mean of each sample's outputs. */
  readonly batchVariance: number;
  /** Mean variance over samples of one output / mean square of the outputs; NaN for one sample. */
  readonly variation: number;
}

/** Sums over predictions, in float64 and without loss of digits where means are large. */
export class PredictionSums {
  #samples = 0;
  /** Of each output: mean and squared deviations over samples. */
  #means = new Float64Array(0);
  #deviations = new Float64Array(0);
  #ofMeans = { mean: 0, deviations: 0 };

  /** @param data `samples` rows; those of another width than before are left out */
  add(data: Float32Array, samples: number): void {
    const width = data.length / samples;
    if (this.#samples === 0) {
      this.#means = new Float64Array(width);
      this.#deviations = new Float64Array(width);
    } else if (width !== this.#means.length) return;
    for (let sample = 0; sample < samples; sample++) {
      this.#samples++;
      let sum = 0;
      for (let at = 0; at < width; at++) {
        const value = data[sample * width + at];
        sum += value;
        const before = value - this.#means[at];
        this.#means[at] += before / this.#samples;
        this.#deviations[at] += before * (value - this.#means[at]);
      }
      const own = sum / width;
      const before = own - this.#ofMeans.mean;
      this.#ofMeans.mean += before / this.#samples;
      this.#ofMeans.deviations += before * (own - this.#ofMeans.mean);
    }
  }

  compute(): PredictionLook {
    const width = this.#means.length;
    const { mean, deviations } = this.#ofMeans;
    let within = 0;
    let square = 0;
    let between = 0;
    for (let at = 0; at < width; at++) {
      within += this.#deviations[at];
      between += (this.#means[at] - mean) ** 2;
      square += this.#means[at] ** 2;
    }
    const count = this.#samples * width;
    const variance = (within + between * this.#samples) / count;
    const meanSquare = (within + square * this.#samples) / count;
    return {
      mean,
      std: Math.sqrt(variance),
      batchVariance: deviations / (this.#samples - 1),
      variation: this.#samples < 2 ? Number.NaN : within / count / meanSquare,
    };
  }
}

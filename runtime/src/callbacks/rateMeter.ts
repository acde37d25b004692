/** Speed of something that is counted, averaged over about the last three seconds. */
export class RateMeter {
  #last: number | null = null;
  #perMillisecond = 0;
  #weight = 0;

  /** @param now milliseconds */
  count(now: number, amount: number): void {
    const elapsed = this.#last === null ? 0 : now - this.#last;
    this.#last = now;
    if (amount === 0) return;
    // Exponential average whose memory is time, not a number of calls; the weight undoes the
    // bias towards the zero that it starts from.
    const keep = Math.exp(-Math.max(elapsed, 1e-6) / 3000);
    const share = 1 - keep;
    this.#perMillisecond = keep * this.#perMillisecond + share * (amount / Math.max(elapsed, 1e-6));
    this.#weight = keep * this.#weight + share;
  }

  /** Leaves out the time since the last count. */
  pause(now: number): void {
    this.#last = now;
  }

  get perSecond(): number {
    return this.#weight === 0 ? 0 : (1000 * this.#perMillisecond) / this.#weight;
  }
}

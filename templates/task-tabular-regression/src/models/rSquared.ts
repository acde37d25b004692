/** The explained share of a target's variance over an epoch: 1 is perfect, 0 is guessing the mean. */
export class RSquared {
  private count = 0;
  private sum = 0;
  private squares = 0;
  private errors = 0;

  add(predictions: ArrayLike<number>, targets: ArrayLike<number>): void {
    for (let index = 0; index < targets.length; index++) {
      this.count += 1;
      this.sum += targets[index];
      this.squares += targets[index] ** 2;
      this.errors += (predictions[index] - targets[index]) ** 2;
    }
  }

  /** The value over everything added since the last call; 0 when the targets do not vary. */
  take(): number {
    const variance = this.squares - this.sum ** 2 / Math.max(1, this.count);
    const value = variance > 0 ? 1 - this.errors / variance : 0;
    this.count = this.sum = this.squares = this.errors = 0;
    return value;
  }
}

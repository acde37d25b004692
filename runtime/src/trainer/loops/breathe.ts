/** Lets timers, signals, keys and finished saves be served between two batches. */
export function breathe(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

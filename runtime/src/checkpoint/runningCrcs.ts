import { crc32 } from './crc32.ts';
import type { TensorEntry } from './safetensors.ts';

/** Checksums of all tensors of a file while its data passes by in pieces of any size. */
export class RunningCrcs {
  /** One a tensor; final once the tensor's last byte went through `update`. */
  readonly values: number[];
  readonly #entries: readonly TensorEntry[];
  #offset = 0;
  #index = 0;

  /** @param entries in the order of their bytes, without gaps */
  constructor(entries: readonly TensorEntry[]) {
    this.#entries = entries;
    this.values = entries.map(() => 0);
  }

  /** Takes the next bytes of the data. */
  update(bytes: Uint8Array): void {
    let used = 0;
    while (used < bytes.length && this.#index < this.#entries.length) {
      const left = this.#entries[this.#index].end - this.#offset;
      const piece = bytes.subarray(used, used + left);
      this.values[this.#index] = crc32(piece, this.values[this.#index]);
      used += piece.length;
      this.#offset += piece.length;
      if (piece.length === left) this.#index += 1;
    }
  }
}

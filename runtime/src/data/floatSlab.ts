const slabBytes = 1 << 18;
let slab = new ArrayBuffer(0);
let used = 0;

/**
 * Zeros for one sample. Small arrays are cut from a shared slab, since asking the system for memory
 * costs more than filling it; each part of a slab is handed out once.
 */
export function allocateFloats(length: number): Float32Array {
  const bytes = 4 * length;
  if (bytes > slabBytes / 8) return new Float32Array(length);
  if (used + bytes > slab.byteLength) {
    slab = new ArrayBuffer(slabBytes);
    used = 0;
  }
  const floats = new Float32Array(slab, used, length);
  used += bytes;
  return floats;
}

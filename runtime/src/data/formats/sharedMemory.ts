/** `values` in memory that threads share instead of copying; itself when it is there already. */
export function inSharedMemory<View extends Int32Array | Uint8Array | Float64Array>(
  values: View,
): View {
  if (values.buffer instanceof SharedArrayBuffer) return values;
  const memory = new SharedArrayBuffer(values.byteLength);
  const Type = values.constructor as new (buffer: SharedArrayBuffer) => View;
  const shared = new Type(memory);
  shared.set(values);
  return shared;
}

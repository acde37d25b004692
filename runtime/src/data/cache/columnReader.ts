import type { HostTensor } from '../../core/batch.ts';
import { UsageError } from '../../errors.ts';
import type { BatchReader, Column } from '../batchReader.ts';
import { encodeSamples, viewOf, type FixedField, type SampleLayout } from './sampleCodec.ts';

type Columns = Readonly<Record<string, Column>>;

/** How a reader gets at samples. */
export interface SampleAccess {
  /** Bytes of a stored sample, good until the next call; undefined while nothing is stored. */
  readonly bytes: () => ((id: number) => Uint8Array) | undefined;
  readonly sample: (id: number) => unknown;
}

/** Columns of stored samples; numbers keep the type that the source gives them. */
export function columnsOf(
  layout: SampleLayout | undefined,
  base: Columns | undefined,
): Columns | undefined {
  if (layout?.kind !== 'fixed') return base;
  const columns = layout.fields.flatMap((field) => {
    const own = field.kind === 'number' ? numberColumn(field, base) : columnOf(field, base);
    return own === undefined ? [] : [[field.name, own] as const];
  });
  return Object.fromEntries(columns);
}

/** Whole batches of samples of one size; undefined when a field has no column type of its own. */
export function readerOf(
  layout: SampleLayout,
  base: Columns | undefined,
  access: SampleAccess,
): BatchReader | undefined {
  if (layout.kind !== 'fixed') return undefined;
  const columns: Record<string, Column> = {};
  for (const field of layout.fields) {
    const column = columnOf(field, base);
    if (column === undefined) return undefined;
    columns[field.name] = column;
  }
  return {
    columns,
    read: ({ ids, slots, out }) => {
      const bytesOf = access.bytes() ?? encoder(layout, access);
      for (let row = 0; row < ids.length; row++) {
        const bytes = bytesOf(ids[row]);
        for (const field of layout.fields) {
          const values = viewOf(bytes, field);
          const target = out[field.name];
          if (values.length === 1) target[slots[row]] = values[0];
          else target.set(values, slots[row] * values.length);
        }
      }
    },
  };
}

/** For samples that are not stored: their bytes as they would be. */
function encoder(layout: SampleLayout, { sample }: SampleAccess): (id: number) => Uint8Array {
  return (id) => {
    const value = sample(id);
    const bytes = value instanceof Promise ? undefined : encodeSamples([value], layout);
    if (bytes !== undefined) return bytes;
    throw new UsageError(
      'ERR_DATA_COLLATE',
      `Sample ${id} differs in structure, shape or type from the first one of its dataset.`,
    );
  };
}

function columnOf(field: FixedField, base: Columns | undefined): Column | undefined {
  const { kind, dtype, shape, array } = field;
  if (kind === 'tensor' && dtype !== null) return { dtype, shape };
  if (kind === 'number') return numberColumn(field, base) ?? { dtype: 'float32', shape: [] };
  if (kind === 'boolean') return { dtype: 'bool', shape: [] };
  const found = arrayTypes[array];
  return found === undefined ? undefined : { dtype: found, shape };
}

function numberColumn({ name }: FixedField, base: Columns | undefined): Column | undefined {
  const column = base?.[name];
  return column?.shape.length === 0 ? column : undefined;
}

const arrayTypes: Readonly<Record<string, HostTensor['dtype'] | undefined>> = {
  Float32Array: 'float32',
  Int32Array: 'int32',
};

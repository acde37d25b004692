import type { BatchReader, ReadRequest } from '../batchReader.ts';
import { columnLength } from '../batchReader.ts';
import type { Place } from '../order/sampleOrder.ts';
import type { Replacements, SlotFault } from './faultPolicy.ts';
import type { Rescue } from './rescue.ts';

/** What a rescue of rows may know beside the request. */
export interface RowsToRescue {
  readonly places: readonly Place[];
  readonly replacements: Replacements | undefined;
  readonly faults: SlotFault[];
}

/**
 * Reads rows in one pass; when that fails, or rows are known to fail, row by row, with others in
 * the place of those that cannot be read.
 */
export function rescueRows(
  reader: BatchReader,
  request: ReadRequest,
  rescue: Rescue,
  { places, replacements, faults }: RowsToRescue,
): void {
  const { slots } = request;
  if (replacements === undefined) {
    try {
      reader.read(request);
      return;
    } catch {
      // Whose fault it was turns out below.
    }
  }
  for (const slot of slots) {
    const row = Int32Array.of(slot);
    const clear = (): undefined => {
      for (const [name, column] of Object.entries(reader.columns)) {
        const length = columnLength(column);
        request.out[name].fill(0, slot * length, (slot + 1) * length);
      }
    };
    void rescue.read<undefined>(
      { place: places[slot], slot, replacements, faults },
      (id) => {
        clear();
        reader.read({ ...request, ids: Int32Array.of(id), slots: row });
      },
      clear,
    );
  }
}

import type { OperationLine } from '../journal/operations.ts';
import { StudyLog } from '../journal/studyLog.ts';
import { throughPythonJson } from '../pythonJson.ts';
import { type OperationLog, OperationStorage } from './operationStorage.ts';

/** A storage that lives as long as the process; for tests and quick searches. */
export class MemoryStorage extends OperationStorage {
  constructor() {
    super(new MemoryLog());
  }
}

class MemoryLog implements OperationLog {
  readonly location = 'memory';
  readonly #state = new StudyLog();

  read(): Promise<StudyLog> {
    return Promise.resolve(this.#state);
  }

  async append(decide: (state: StudyLog) => readonly OperationLine[]): Promise<StudyLog> {
    for (const line of decide(this.#state)) {
      this.#state.apply(throughPythonJson(line) as Record<string, unknown>);
    }
    return Promise.resolve(this.#state);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

import { JournalFile, type JournalOptions } from '../journal/journalFile.ts';
import { OperationStorage } from './operationStorage.ts';

/**
 * A storage in one file that Optuna 5 and optuna-dashboard read and write too
 * (`JournalStorage(JournalFileBackend(path))`). Safe for several processes of one machine at once.
 */
export class JournalStorage extends OperationStorage {
  /**
   * @param path the journal; folder and file are created when missing
   * @throws UsageError ERR_HPO_STORAGE when that fails
   */
  constructor(path: string, options: JournalOptions = {}) {
    super(new JournalFile(path, options));
  }
}

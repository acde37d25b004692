import { describe, it } from '@jest/globals';
import { expectTypeOf } from 'expect-type';
import type { HookName } from '../../runtime/src/core/hooks.ts';
import type { ModuleHooks } from '../../runtime/src/core/moduleHooks.ts';
import { TrainModule } from '../../runtime/src/core/trainModule.ts';

describe('hooks of a module', () => {
  it('are all hooks', () => {
    expectTypeOf<keyof ModuleHooks>().toEqualTypeOf<HookName>();
  });

  it('can be written as methods', () => {
    abstract class Watched extends TrainModule {
      override onTrainBatchEnd(loss: number): void {
        expectTypeOf(loss).toBeNumber();
      }
    }
    expectTypeOf<Watched>().toExtend<TrainModule>();
  });
});

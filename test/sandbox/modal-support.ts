import { pino } from 'pino';
import { FakeModal, type FakeModalOptions } from '../../sandbox/modal/fake-modal.ts';
import { SleepingModel, type SleepingModelOptions } from '../../sandbox/model/sleeping-model.ts';
import { systemClock } from '../../src/clock.ts';
import { type Autoscaler, type AutoscalerOptions, createAutoscaler } from '../../src/modal/autoscaler.ts';
import { ScalingError } from '../../src/modal/faults.ts';

export interface Setting {
  readonly model: SleepingModel;
  readonly modal: FakeModal;
  /** Our autoscaler with the real SDK. */
  connect(change?: Partial<AutoscalerOptions>): Autoscaler;
  close(): Promise<void>;
}

export async function startModal(
  options: Omit<FakeModalOptions, 'model'> = {},
  endpoint: SleepingModelOptions = {},
): Promise<Setting> {
  const model = await SleepingModel.start({ coldStartMs: 50, ...endpoint });
  const modal = await FakeModal.start({ model, ...options });
  return {
    model,
    modal,
    connect: (change = {}) =>
      createAutoscaler({
        tokenId: modal.tokenId,
        tokenSecret: modal.tokenSecret,
        app: modal.app,
        server: modal.server,
        serverUrl: modal.url,
        clock: systemClock,
        log: pino({ level: 'silent' }),
        ...change,
      }),
    async close() {
      await modal.close();
      await model.close();
    },
  };
}

/** What a call was refused with; fails when it was not. */
export async function refusal(call: Promise<unknown>): Promise<ScalingError> {
  const error = await call.then(
    () => new Error('it was not refused'),
    (reason: unknown) => reason,
  );
  if (!(error instanceof ScalingError)) throw error;
  return error;
}

import type { Clock } from '../clock.ts';
import type { Autoscaler } from './autoscaler.ts';
import type { Desired } from './desired.ts';
import { ScalingError } from './faults.ts';
import type { TargetStore } from './target-store.ts';
import { deployedTuning, difference, settingsOf, wantedSettings } from './tuning.ts';

/**
 * Makes Modal's settings those that are wanted, and remembers how the app was deployed. What is to be said is
 * stored before it is said: when its answer is lost, it is not taken for the app's own.
 * @throws ScalingError
 */
export async function makeAgree(
  desired: Desired,
  { autoscaler, state, clock }: { autoscaler: Autoscaler; state: TargetStore; clock: Clock },
): Promise<void> {
  // What is not given keeps its value: this only asks.
  const now = settingsOf(await autoscaler.update({}));
  const deployed = deployedTuning(now, (await state.load()) ?? {});
  const wanted = wantedSettings(desired, deployed);
  const change = difference(now, wanted);
  if (Object.keys(change).length > 0) {
    await state.change((state) => ({ ...state, deployed, sent: wanted }));
    const { minContainers } = settingsOf(await autoscaler.update(change));
    if (minContainers !== wanted.minContainers)
      throw new ScalingError('unreachable', `Modal went on keeping ${minContainers} containers.`);
  }
  await state.change(({ failing: _, sent: __, ...state }) => ({
    ...state,
    deployed,
    agreed: { containers: desired.containers, at: clock.now(), settings: wanted },
  }));
}

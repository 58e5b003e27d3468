import { InputError } from './input-error.ts';

/** When {@link GPU_USD_PER_SECOND} was read. */
export const PRICES_AS_OF = '2026-10-04';

/**
 * Dollars a second of one GPU, without CPU, memory and the multipliers of regions.
 * https://modal.com/pricing, read on {@link PRICES_AS_OF}; T4 and B200 are from other lists, about right.
 */
export const GPU_USD_PER_SECOND: Readonly<Record<string, number>> = {
  T4: 0.000164,
  L4: 0.000222,
  A10: 0.000306,
  L40S: 0.000542,
  'A100-80GB': 0.000694,
  H100: 0.001097,
  B200: 0.001736,
};

/** No GPU costs as much a second: it is its price an hour; dollars. */
const DEAREST = 0.1;

export interface GpuPrice {
  /** As Modal writes it: "H100:2". */
  readonly gpu: string;
  /** How many of them a container has. */
  readonly count: number;
  /** Of one container with all its GPUs. */
  readonly usdPerSecond: number;
  /** The date of the default; absent when the price is the operator's own. */
  readonly asOf?: string;
}

/**
 * The price of a container by its GPU, "H100" or "H100:2" as in Modal's `gpu=`.
 * @param own prices that go before the defaults, "H100=0.001097,H200=0.00126"
 * @throws InputError
 */
export function priceOf(gpu: string, own = ''): GpuPrice {
  const prices = parsePrices(own);
  const [, name = '', count = '1'] = /^([^:]+?)!?(?::(\d+))?$/.exec(gpu.trim().toUpperCase()) ?? [];
  const mine = prices.get(name);
  const price = mine ?? GPU_USD_PER_SECOND[name];
  if (price === undefined || Number(count) < 1)
    throw new InputError(
      `has no price for ${gpu}: known are ${Object.keys(GPU_USD_PER_SECOND).join(', ')}; give others in GPU_PRICES`,
    );
  const total = { gpu: gpu.trim(), count: Number(count), usdPerSecond: price * Number(count) };
  return mine === undefined ? { ...total, asOf: PRICES_AS_OF } : total;
}

/** @throws InputError */
export function parsePrices(text: string): ReadonlyMap<string, number> {
  const entries = text.split(',').map((part) => part.trim());
  return new Map(
    entries.filter(Boolean).map((entry) => {
      const [name = '', figure = ''] = entry.split('=').map((part) => part.trim());
      const price = Number(figure);
      if (name === '' || figure === '' || !(price > 0))
        throw new InputError(`holds "${entry}", which is not like H100=0.001097 (dollars a second)`);
      if (price > DEAREST)
        throw new InputError(
          `holds "${entry}", which is ${formatUsd(price * 3_600)} an hour: a price is in dollars a second, like H100=0.001097`,
        );
      return [name.toUpperCase(), price];
    }),
  );
}

/** "$0.55", "$1,234.50" */
export const formatUsd = (usd: number): string =>
  usd.toLocaleString('en-US', { style: 'currency', currency: 'USD' });

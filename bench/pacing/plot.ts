import type { Figures, Scenario, Stream } from './scenario.ts';

const colours = ['#d9480f', '#868e96', '#1971c2', '#2f9e44', '#9c36b5', '#e8590c', '#0b7285'];
const [width, height, left, bottom] = [760, 380, 60, 40];

/** Visible characters of all replies over time, as an SVG: ours, the peers', and what the model had written. */
export function plot(
  scenario: Scenario,
  streams: readonly Stream[],
  curves: readonly { readonly who: string; readonly curve: Figures['curve'] }[],
): string {
  const arrivals = streams
    .flatMap(({ tokens, times }) =>
      tokens.map((token, i) => ({ at: times[i]!, length: token.trim().length })),
    )
    .sort((a, b) => a.at - b.at);
  let written = 0;
  const tokens = arrivals.map(({ at, length }) => {
    written += length;
    return { at, visible: written };
  });
  const model = tokens.filter((_, i) => i % 50 === 0 || i === tokens.length - 1);
  const until = 30_000;
  const x = (at: number) => left + (Math.min(at, until) / until) * (width - left - 10);
  const y = (visible: number) => height - bottom - (visible / written) * (height - bottom - 30);
  const path = (curve: Figures['curve']) => {
    let last = 0;
    const steps = curve
      .filter(({ at }) => at <= until)
      .map(({ at, visible }) => {
        const step = `L${x(at).toFixed(1)},${y(last).toFixed(1)} L${x(at).toFixed(1)},${y(visible).toFixed(1)}`;
        last = visible;
        return step;
      });
    return `M${x(0)},${y(0)} ${steps.join(' ')} L${x(until)},${y(last).toFixed(1)}`;
  };
  const lines = [{ who: 'written by the model', curve: model }, ...curves];
  const colour = (i: number) => (i === 0 ? '#212529' : colours[(i - 1) % colours.length]!);
  const drawn = lines.map(({ curve }, i) => {
    const dash = i === 0 ? ' stroke-dasharray="4 3"' : '';
    return `<path d="${path(curve)}" fill="none" stroke="${colour(i)}" stroke-width="${i === 1 ? 2.5 : 1.3}"${dash}/>`;
  });
  const legend = lines.map(
    ({ who }, i) => `<text x="${left + 14}" y="${44 + i * 16}" fill="${colour(i)}">${who}</text>`,
  );
  const ticks = [0, 5, 10, 15, 20, 25, 30].map(
    (s) => `<text x="${x(s * 1000)}" y="${height - 18}" text-anchor="middle">${s} s</text>`,
  );
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="12">`,
    `<rect width="${width}" height="${height}" fill="#fff"/>`,
    `<text x="${left}" y="18" font-size="14">Visible characters: ${scenario.name}</text>`,
    `<path d="M${left},30 V${height - bottom} H${width - 10}" fill="none" stroke="#adb5bd"/>`,
    `<text x="${left - 6}" y="${y(written) + 4}" text-anchor="end">${written}</text>`,
    ...ticks,
    ...drawn,
    ...legend,
    '</svg>\n',
  ].join('\n');
}

/** From a flip to the peer's kernel: median, 99th percentile and worst, one logarithmic line per series. */
import type { LatencySeries } from '../results.ts';
import { draw, faint, rule, time } from './chart.ts';

const colours = { floor: '#9aa5b1', learn: '#0b7285', filter: '#e8590c' } as const;
const stages = { ack: 'the kernel here', bird: 'BIRD here', peer: "the peer's kernel" } as const;
const marks = [
  { key: 'p50', symbol: 'circle', size: 13, label: 'left' },
  { key: 'p99', symbol: 'rect', size: [4, 16], label: undefined },
  { key: 'max', symbol: 'diamond', size: 9, label: 'right' },
] as const;

export function latencyChart(all: readonly LatencySeries[]): string {
  const sizes = [...new Set(all.map(({ destinations }) => destinations))];
  const panels = sizes.map(size => ({
    size,
    series: all
      .filter(({ destinations }) => destinations === size)
      .sort(byPlace)
      .reverse(),
  }));
  let top = 30;
  const places = panels.map(({ series }) => {
    const place = { top: top + 28, height: series.length * 26 };
    top = place.top + place.height + 34;
    return place;
  });
  const least = Math.min(...all.map(({ p50 }) => p50));
  const most = Math.max(...all.map(({ max }) => max));
  return draw(
    {
      legend: { data: marks.map(({ key }) => key), top: 0, itemStyle: { color: '#52606d' } },
      title: panels.map(({ size }, index) => ({
        text: `${size.toLocaleString('en')} destinations in the table`,
        textStyle: { fontSize: 14 },
        left: 0,
        top: (places[index]?.top ?? 0) - 26,
      })),
      grid: places.map(place => ({ left: 260, right: 90, ...place })),
      xAxis: panels.map((_, gridIndex) => ({
        gridIndex,
        type: 'log' as const,
        // Room on the left for the label of the least.
        min: 10 ** Math.floor(Math.log10(least / 3)),
        max: 10 ** Math.ceil(Math.log10(most)),
        axisLabel: { formatter: (value: number) => time(value).replace('.00', '').replace('.0', '') },
        splitLine: { lineStyle: { color: rule } },
      })),
      yAxis: panels.map(({ series }, gridIndex) => ({
        gridIndex,
        type: 'category' as const,
        data: series.map(labelOf),
        axisTick: { show: false },
        axisLine: { lineStyle: { color: faint } },
      })),
      series: panels.flatMap(({ series }, index) => [
        ...marks.map(({ key, symbol, size, label }) => ({
          type: 'scatter' as const,
          name: key,
          xAxisIndex: index,
          yAxisIndex: index,
          symbol,
          symbolSize: size as number | number[],
          z: 3,
          data: series.map(each => ({
            value: [each[key], labelOf(each)],
            itemStyle: { color: colours[each.mode] },
            label: {
              show: label !== undefined,
              position: label ?? ('left' as const),
              formatter: time(each[key]),
              color: colours[each.mode],
              fontSize: 11,
            },
          })),
        })),
        ...series.map(each => ({
          type: 'line' as const,
          xAxisIndex: index,
          yAxisIndex: index,
          symbol: 'none',
          lineStyle: { color: colours[each.mode], width: 2, opacity: 0.45 },
          data: [
            [each.p50, labelOf(each)],
            [each.max, labelOf(each)],
          ],
        })),
      ]),
    },
    { width: 1080, height: top },
    'Microseconds from a flip to each stage, by mode, source and table size',
  );
}

/** Ordered by mode, source and stage. */
function byPlace(left: LatencySeries, right: LatencySeries): number {
  const place = ({ mode, source, stage }: LatencySeries) =>
    Object.keys(colours).indexOf(mode) * 100 +
    ['netlink', 'event', 'file'].indexOf(source) * 10 +
    Object.keys(stages).indexOf(stage);
  return place(left) - place(right);
}

function labelOf({ mode, source, stage }: LatencySeries): string {
  if (mode === 'floor') return `floor, netlink call to ${stages[stage]}`;
  return `${mode}, ${source} to ${stages[stage]}`;
}

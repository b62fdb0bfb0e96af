/** Connections by pod and those that broke, over time, a row for each mode; as SVG. */
import { draw, rule } from '../../bench/report/chart.ts';
import type { ModeResult, Proof } from './prove.ts';

const podColours = ['#0b7285', '#5c7cfa', '#66b2b2', '#7048e8', '#f2b705'];
const brokenSeries = [
  { key: 'own', name: "broken of the leaving pod's", colour: '#9aa5b1' },
  { key: 'others', name: "broken of others'", colour: '#e03131' },
] as const;
const happenings = {
  calm: '',
  drain: 'drains',
  removal: 'leaves',
  join: 'joins',
  veth: 'torn out',
} as const;

const panels = { held: { height: 170, gap: 34 }, broken: { height: 90, gap: 84 } };
const rowHeight = panels.held.height + panels.held.gap + panels.broken.height + panels.broken.gap;
const top = 84;

export function chart({ modes, connections }: Proof): string {
  const pods = [
    ...new Set(modes.flatMap(({ samples }) => samples.flatMap(({ held }) => Object.keys(held)))),
  ].sort();
  const end = Math.ceil(Math.max(...modes.map(({ samples }) => samples.at(-1)?.seconds ?? 0)));
  const worst = Math.max(
    1,
    ...modes.flatMap(({ samples }) => samples.map(({ own, others }) => own + others)),
  );
  const most = Math.ceil(worst / 500) * 500;
  const grids = modes.flatMap((_, row) => {
    const place = top + row * rowHeight;
    return [
      { left: 62, right: 20, top: place, height: panels.held.height },
      {
        left: 62,
        right: 20,
        top: place + panels.held.height + panels.held.gap,
        height: panels.broken.height,
      },
    ];
  });
  return draw(
    {
      color: podColours,
      legend: {
        data: [...pods, ...brokenSeries.map(({ name }) => name)],
        top: 0,
        left: 'center',
        itemGap: 22,
      },
      grid: grids,
      xAxis: grids.map((_, gridIndex) => ({
        gridIndex,
        type: 'value' as const,
        min: 0,
        max: end,
        axisLabel: { show: gridIndex % 2 === 1, formatter: '{value} s', showMaxLabel: false },
        splitLine: { show: false },
      })),
      yAxis: modes.flatMap(({ nexthops }, row) =>
        [`${nexthops}: connections by pod`, 'broken in 250 ms'].map((name, panel) => ({
          gridIndex: row * 2 + panel,
          type: 'value' as const,
          name,
          nameGap: panel === 0 ? 28 : 12,
          nameTextStyle: {
            align: 'left' as const,
            fontWeight: panel === 0 ? ('bold' as const) : ('normal' as const),
          },
          min: 0,
          max: panel === 0 ? connections.busy * 2 : most,
          splitNumber: panel === 0 ? 4 : 2,
          splitLine: { lineStyle: { color: rule } },
        })),
      ),
      series: modes.flatMap((mode, row) => [...heldBy(mode, row * 2, pods), ...broken(mode, row * 2 + 1)]),
    },
    { width: 1080, height: top + modes.length * rowHeight },
    'Connections by pod, and those that broke, over time, by mode',
  );
}

function heldBy({ samples, begins, nexthops }: ModeResult, at: number, pods: readonly string[]) {
  const lines = begins
    .filter(({ pod }) => pod !== undefined)
    .map(({ name, pod, seconds }) => ({
      xAxis: seconds,
      label: { formatter: `${pod} ${happenings[name]}` },
    }));
  return pods.map((pod, index) => ({
    type: 'line' as const,
    name: pod,
    stack: nexthops,
    xAxisIndex: at,
    yAxisIndex: at,
    showSymbol: false,
    lineStyle: { width: 0 },
    areaStyle: { opacity: 0.75 },
    data: samples.map(({ seconds, held }) => [seconds, held[pod] ?? 0]),
    ...(index === 0 && {
      markLine: { symbol: 'none', lineStyle: { color: '#1f2933', type: 'dashed' as const }, data: lines },
    }),
  }));
}

function broken({ samples, nexthops }: ModeResult, at: number) {
  return brokenSeries.map(({ key, name, colour }) => ({
    type: 'bar' as const,
    name,
    stack: `${nexthops} broken`,
    xAxisIndex: at,
    yAxisIndex: at,
    itemStyle: { color: colour },
    barWidth: 8,
    data: samples.map(sample => [sample.seconds, sample[key]]),
  }));
}

/** Ours over the floor for every cell of the table of routes: each with a colour and a number. */
import type { Row } from '../results.ts';
import { draw, ink } from './chart.ts';

/** @param rows of the table of routes, by listener */
export function ratioChart(rows: readonly Row[]): string {
  const ours = rows.filter(({ peer }) => peer === 'ours');
  const columns = [...new Set(ours.map(columnOf))];
  const lines = [...new Set(ours.map(lineOf))].reverse();
  return draw(
    {
      grid: { left: 160, right: 10, top: 60, bottom: 10 },
      xAxis: {
        type: 'category',
        position: 'top',
        data: columns,
        axisTick: { show: false },
        axisLine: { show: false },
        axisLabel: { lineHeight: 15, interval: 0 },
      },
      yAxis: { type: 'category', data: lines, axisTick: { show: false }, axisLine: { show: false } },
      visualMap: {
        show: false,
        min: 0.6,
        max: 1.8,
        inRange: { color: ['#2b8a3e', '#b2f2bb', '#f8f9fa', '#ffd8a8', '#e8590c'] },
      },
      series: [
        {
          type: 'heatmap',
          label: {
            show: true,
            fontSize: 12,
            color: ink,
            formatter: ({ value }: { value?: unknown }) => (value as number[])[2]?.toFixed(2) ?? '',
          },
          itemStyle: { borderColor: '#fff', borderWidth: 3, borderRadius: 5 },
          data: ours.map(row => [
            columns.indexOf(columnOf(row)),
            lines.indexOf(lineOf(row)),
            row.ratioToFloor ?? 0,
          ]),
        },
      ],
    },
    { width: 1080, height: 75 + lines.length * 34 },
    'Our apply over the floor, by family, nexthops, operation and number of destinations',
  );
}

function columnOf({ destinations, op }: Row): string {
  return `${op}\n${destinations.toLocaleString('en')}`;
}

function lineOf({ family, nexthops, listens }: Row): string {
  return `IPv${family}, ${nexthops} nexthop${nexthops === 1 ? '' : 's'}${listens === 'nobody' ? '' : ', heard'}`;
}

/** The churn over time: lag, CPU and memory. */
import type { Churn } from '../results.ts';
import { draw, rule, short } from './chart.ts';

const panels = [
  { name: 'lag, ms', height: 190, series: ['lagP50Ms', 'lagMaxMs'] },
  { name: 'CPU, % of a core', height: 90, series: ['cpuPercent'] },
  { name: 'resident memory, MB', height: 90, series: ['rssMb'] },
] as const;
const words = {
  lagP50Ms: 'median lag',
  lagMaxMs: 'longest lag',
  cpuPercent: 'CPU',
  rssMb: 'resident memory',
} as const;
const colours = {
  lagP50Ms: '#0b7285',
  lagMaxMs: '#e8590c',
  cpuPercent: '#5c7cfa',
  rssMb: '#7048e8',
} as const;

export function churnChart({ samples }: Churn): string {
  let top = 50;
  const places = panels.map(({ height }) => {
    const place = { top, height };
    top += height + 50;
    return place;
  });
  return draw(
    {
      legend: { data: [words.lagP50Ms, words.lagMaxMs], top: 0, itemGap: 24, left: 'center' },
      grid: places.map(place => ({ left: 60, right: 20, ...place })),
      xAxis: panels.map((_, gridIndex) => ({
        gridIndex,
        type: 'value' as const,
        max: samples.at(-1)?.seconds ?? 1,
        axisLabel: { formatter: '{value} s', showMaxLabel: false },
        splitLine: { show: false },
      })),
      yAxis: panels.map(({ name }, gridIndex) => ({
        gridIndex,
        type: 'value' as const,
        name,
        nameTextStyle: { align: 'left' as const },
        min: 0,
        axisLabel: { formatter: (value: number) => short(value).replace(/\.0+$/, '') },
        splitNumber: gridIndex === 0 ? 5 : 2,
        splitLine: { lineStyle: { color: rule } },
      })),
      series: panels.flatMap(({ series }, index) =>
        series.map(key => ({
          type: 'line' as const,
          name: words[key],
          xAxisIndex: index,
          yAxisIndex: index,
          showSymbol: false,
          lineStyle: { width: 2, color: colours[key] },
          itemStyle: { color: colours[key] },
          areaStyle: { color: colours[key], opacity: 0.08 },
          data: samples.map(sample => [sample.seconds, sample[key]]),
        })),
      ),
    },
    { width: 1080, height: top },
    'Lag, CPU and memory over the time of the churn',
  );
}

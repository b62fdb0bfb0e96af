/** The cost of a pod that leaves, by the number of shared destinations and by the form of the routes. */
import type { Departure } from '../results.ts';
import { nobody } from '../workloads/routes.ts';
import { draw, rule, time } from './chart.ts';

const colours: Record<string, string> = { multipath: '#e8590c', groups: '#0b7285', resilient: '#7048e8' };

export function leaveChart(departures: readonly Departure[]): string {
  const leaves = departures.filter(({ op }) => op === 'leave');
  const families = [...new Set(leaves.map(({ family }) => family))];
  const modes = [...new Set(leaves.map(({ mode }) => mode))];
  const shared = [...new Set(leaves.map(({ destinations }) => destinations))];
  const heardBy = [...new Set(leaves.map(({ listens }) => listens))].filter(
    (_, at, all) => at === 0 || at === all.length - 1,
  );
  return draw(
    {
      legend: { data: modes, top: 0, itemGap: 24, icon: 'roundRect', itemWidth: 12, itemHeight: 12 },
      title: families.map((family, index) => ({
        text: `IPv${family}`,
        textStyle: { fontSize: 14 },
        left: 60 + index * 540,
        top: 22,
      })),
      grid: families.map((_, index) => ({ left: 60 + index * 540, width: 450, top: 56, height: 190 })),
      xAxis: families.map((_, gridIndex) => ({
        gridIndex,
        type: 'category' as const,
        data: shared.map(number => `${number.toLocaleString('en')} shared`),
      })),
      yAxis: families.map((_, gridIndex) => ({
        gridIndex,
        type: 'log' as const,
        splitLine: { lineStyle: { color: rule } },
        axisLabel: { formatter: (value: number) => time(value).replace(/\.0+ /, ' ') },
      })),
      series: families.flatMap((family, index) =>
        modes.flatMap(mode =>
          heardBy.map(listens => ({
            type: 'bar' as const,
            name: mode,
            xAxisIndex: index,
            yAxisIndex: index,
            barGap: '10%',
            barCategoryGap: '30%',
            itemStyle: {
              color: colours[mode] ?? '',
              opacity: listens === nobody ? 1 : 0.45,
              borderRadius: [2, 2, 0, 0],
            },
            label: {
              show: true,
              position: 'top' as const,
              formatter: ({ value }: { value?: unknown }) => time(value as number),
              fontSize: 9,
            },
            data: shared.map(
              number =>
                leaves.find(
                  leave =>
                    leave.family === family &&
                    leave.mode === mode &&
                    leave.destinations === number &&
                    leave.listens === listens,
                )?.us ?? '-',
            ),
          })),
        ),
      ),
    },
    { width: 1080, height: 290 },
    'Time until the kernel has it that a pod left, by mode and by destinations shared',
  );
}

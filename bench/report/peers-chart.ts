/** All peers compared: microseconds per route, one panel per operation, one group per kind of route. */
import { allPeers } from '../peers/all.ts';
import type { Results, Row } from '../results.ts';
import { nobody } from '../workloads/routes.ts';
import { colourOf, draw, faint, rule, short } from './chart.ts';

const panelHeight = 250;
const titles: Record<string, string> = {
  add: 'add',
  replace: 'replace by others',
  noop: 'written again as it is',
  delete: 'delete',
};

/** Rows of the table of routes where nobody listens. */
export function unheard({ rows }: Pick<Results, 'rows'>): Row[] {
  return rows.filter(({ work, listens }) => work === 'routes' && listens === nobody);
}

/** @param rows of the table of routes with nobody listening; of each peer the largest table is drawn, 10,000 at most */
export function peersChart(rows: readonly Row[]): string {
  const drawn = comparable(rows);
  const kinds = [...new Set(drawn.map(kindOf))];
  const peers = allPeers.map(({ name }) => name).filter(name => drawn.some(({ peer }) => peer === name));
  const operations = [...new Set(drawn.map(({ op }) => op))];
  const at = (index: number) => 50 + index * panelHeight;
  return draw(
    {
      legend: { data: peers, top: 0, itemGap: 20, icon: 'roundRect', itemWidth: 12, itemHeight: 12 },
      title: operations.map((operation, index) => ({
        text: `${titles[operation] ?? operation}, microseconds a route`,
        textStyle: { fontSize: 14 },
        left: 50,
        top: at(index) - 6,
      })),
      grid: operations.map((_, index) => ({
        left: 55,
        right: 10,
        top: at(index) + 24,
        height: panelHeight - 80,
      })),
      xAxis: operations.map((_, gridIndex) => ({
        gridIndex,
        type: 'category' as const,
        data: kinds,
        axisTick: { show: false },
        axisLine: { lineStyle: { color: faint } },
      })),
      yAxis: operations.map((_, gridIndex) => ({
        gridIndex,
        type: 'log' as const,
        min: 0.5,
        splitLine: { lineStyle: { color: rule } },
        axisLabel: { formatter: (value: number) => (value < 1 ? '' : short(value).replace(/\.0+$/, '')) },
      })),
      series: operations.flatMap((operation, index) =>
        peers.map(peer => ({
          type: 'bar' as const,
          name: peer,
          xAxisIndex: index,
          yAxisIndex: index,
          barGap: '8%',
          barCategoryGap: '22%',
          itemStyle: { color: colourOf(peer), borderRadius: [2, 2, 0, 0] },
          label: {
            show: true,
            position: 'top' as const,
            rotate: 90,
            align: 'left' as const,
            verticalAlign: 'middle' as const,
            distance: 4,
            fontSize: 9,
            formatter: ({ value }: { value?: unknown }) => (typeof value === 'number' ? short(value) : ''),
          },
          data: kinds.map(
            kind =>
              drawn.find(row => row.peer === peer && row.op === operation && kindOf(row) === kind)
                ?.medianUsPerRoute ?? '-',
          ),
        })),
      ),
    },
    { width: 1080, height: at(operations.length) },
    'Microseconds a route by peer, operation, family and number of nexthops',
  );
}

const mostDrawn = 10_000;

function comparable(rows: readonly Row[]): Row[] {
  const small = rows.filter(({ destinations }) => destinations <= mostDrawn);
  return small.filter(
    row =>
      row.destinations ===
      Math.max(...small.filter(({ peer }) => peer === row.peer).map(r => r.destinations)),
  );
}

function kindOf({ family, nexthops }: Row): string {
  return `IPv${family}, ${nexthops} nexthop${nexthops === 1 ? '' : 's'}`;
}

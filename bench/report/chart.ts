/** A chart as SVG text, drawn by ECharts without a browser. */
import { type EChartsOption, init } from 'echarts';

export const ink = '#1f2933';
export const faint = '#7b8794';
export const rule = '#e4e7eb';

export interface Size {
  width: number;
  height: number;
}

/** @param label text for readers who can not see the chart */
export function draw(option: EChartsOption, { width, height }: Size, label: string): string {
  const chart = init(null, null, { renderer: 'svg', ssr: true, width, height });
  chart.setOption({
    animation: false,
    textStyle: { fontFamily: 'system-ui, sans-serif', color: ink },
    ...option,
    // A static picture: no reaction to the pointer.
    series: [option.series ?? []]
      .flat()
      .map(series => ({ ...series, silent: true })) as EChartsOption['series'],
  });
  const svg = chart.renderToSVGString();
  chart.dispose();
  const named = `<svg role="img" aria-label="${escaped(label)}" `;
  // As wide as the page allows.
  return svg.replace('<svg ', named).replace(/width="\d+" height="\d+"/, '');
}

export function escaped(text: string): string {
  return text.replace(/[&<>"]/g, found => `&#${found.charCodeAt(0)};`);
}

const peerColours: Record<string, string> = {
  floor: '#9aa5b1',
  ours: '#0b7285',
  groups: '#38b2ac',
  loop: '#a5d8c5',
  ip: '#e8590c',
  go: '#5c7cfa',
  pyroute2: '#f2b705',
  frr: '#c2255c',
  bird: '#7048e8',
};

export function colourOf(peer: string): string {
  return peerColours[peer] ?? ink;
}

/** About three significant figures: 1,234 · 12.3 · 0.12. */
export function short(value: number): string {
  const size = Math.abs(value);
  if (size >= 100) return Math.round(value).toLocaleString('en');
  return size >= 10 ? value.toFixed(1) : value.toFixed(2);
}

/** A time in microseconds, printed in a suitable unit. */
export function time(us: number): string {
  if (us >= 1e6) return `${short(us / 1e6)} s`;
  return us >= 1000 ? `${short(us / 1000)} ms` : `${short(us)} us`;
}

/** One kernel protocol in BIRD's syntax. Pure. */
import { plain } from './quoting.ts';

/** Metric of BGP routes in the kernel: worse than ours (`routes.metric`, default 16), so that a local pod wins. */
const bgpMetric = 32;

export interface KernelProtocol {
  name: string;
  learns: boolean;
  imports: string;
  /** Whether the BGP routes received go into the kernel. */
  kernelExport: boolean;
  scanSeconds: number;
  /** BIRD's table. Default: master. */
  table?: string;
  /** The kernel's. Default: main. */
  kernelTable?: number;
}

/**
 * The receive buffer is large enough for a burst: with the default, BIRD saw 3,733 of 10,000 routes at once, and the
 * rest at its next scan.
 * RTD_UNICAST: a path that has no next hop now must not become an `unreachable` route in the kernel.
 */
export function kernelProtocol(channel: 'ipv4' | 'ipv6', protocol: KernelProtocol): string {
  const { name, learns, imports, kernelExport, scanSeconds, table, kernelTable } = protocol;
  const lines = [
    ...(kernelTable === undefined ? [] : [`kernel table ${plain(kernelTable)};`]),
    ...(learns ? ['learn;'] : []),
    `scan time ${plain(scanSeconds)};`,
    'netlink rx buffer 67108864;',
    `metric ${bgpMetric};`,
    ...(kernelExport ? ['merge paths on;'] : []),
    `${channel} {`,
    ...(table === undefined ? [] : [`  table ${table};`]),
    `  import ${imports};`,
    `  export ${kernelExport ? 'where source = RTS_BGP && dest = RTD_UNICAST' : 'none'};`,
    '};',
  ];
  return `protocol kernel ${name} {\n${lines.map(line => `  ${line}\n`).join('')}}`;
}

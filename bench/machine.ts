/** The machine of a run. */
import { cpus, loadavg, release, totalmem } from 'node:os';
import type { Machine } from './results.ts';

export function machine(): Machine {
  const all = cpus();
  return {
    cpu: all[0]?.model.trim() ?? 'unknown',
    cores: all.length,
    memoryGb: Math.round(totalmem() / 2 ** 30),
    node: process.version,
    load: loadavg()[0] as number,
  };
}

export const kernel = (): string => `Linux ${release()}`;

import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { pino } from 'pino';
import { BirdManager, type BirdManagerOptions } from '../../lib/bird/manager.ts';
import { parseNodeConfig } from '../../lib/config/node-config.ts';
import { type BirdProcess, startBird } from '../support/bird.ts';
import { Lab, type Namespace } from '../support/lab.ts';
import { plainConfig, routes } from './fabric.ts';

export const nodeConfig = parseNodeConfig(JSON.stringify(plainConfig(1)), 'test');
export const four = '192.0.2.53/32';
export const six = '2001:db8::53/128';

export interface Place {
  lab: Lab;
  host: Namespace;
  configPath: string;
  lines: string[];
  bird(config?: string): Promise<BirdProcess>;
  manager(options?: Partial<BirdManagerOptions>): BirdManager;
}

/** One host, with a BIRD and a manager that use the same file and socket. */
export async function place(t: ExecutionContext): Promise<Place> {
  const lab = await Lab.create();
  const host = await lab.namespace('host');
  const configPath = join(lab.dir, 'bird.conf');
  const socketPath = join(lab.dir, 'bird.ctl');
  const managers: BirdManager[] = [];
  t.teardown(async () => {
    for (const manager of managers) manager.close();
    await lab.destroy();
  });
  const lines: string[] = [];
  const log = pino(
    { messageKey: 'event' },
    { write: (line: string) => lines.push((JSON.parse(line) as { event: string }).event) },
  );
  return {
    lab,
    host,
    configPath,
    lines,
    bird: config =>
      startBird(host, { name: 'bird', configPath, socketPath, ...(config === undefined ? {} : { config }) }),
    manager: options => {
      const manager = new BirdManager({
        mode: 'filter',
        configPath,
        socketPath,
        routes,
        kernelExport: true,
        log,
        ...options,
      });
      managers.push(manager);
      return manager;
    },
  };
}

/** A configuration that is not ours. */
export const foreign = 'log stderr all;\nrouter id 192.0.2.1;\nprotocol device { }\n';
export const reconfigurations = (bird: BirdProcess) => bird.log.match(/<INFO> Reconfiguring/g)?.length ?? 0;

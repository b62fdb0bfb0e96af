/** The programs of the demo: a BIRD in the router, a BIRD and an agent in each node, a server in each pod. */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdirSync, openSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { idleBirdConfig, routerBirdConfig } from '../../test/support/anycast-net/bird-configs.ts';
import {
  anycastAddresses,
  type NodePlan,
  nodes,
  type PodPlan,
  pods,
  servicePort,
} from '../../test/support/anycast-net/plan.ts';
import type { Topology } from '../../test/support/anycast-net/topology.ts';
import { type BirdProcess, startBird } from '../../test/support/bird.ts';
import type { Lab, Namespace } from '../../test/support/lab.ts';
import * as files from './files.ts';
import { PodFiles } from './pod-files.ts';
import { until } from './until.ts';

const agentProgram = fileURLToPath(new URL('../../dist/cli.js', import.meta.url));
const serverProgram = fileURLToPath(new URL('./pod-server.ts', import.meta.url));

export interface ProgramsOptions {
  lab: Lab;
  topology: Topology;
  /** A folder for the programs' logs. */
  logs: string;
  /** Aborted when an agent or a server has ended before the demo. */
  stop: AbortController;
}

export class Programs {
  readonly podFiles: PodFiles;
  readonly #lab: Lab;
  readonly #topology: Topology;
  readonly #logs: string;
  readonly #birds = new Map<string, BirdProcess>();
  readonly #stop: AbortController;

  constructor({ lab, topology, logs, stop }: ProgramsOptions) {
    this.#lab = lab;
    this.#topology = topology;
    this.#logs = logs;
    this.#stop = stop;
    this.podFiles = new PodFiles(pod => this.#paths(pod.node).pods);
  }

  birdSocket(role: string): string {
    return join(this.#lab.dir, `${role}.ctl`);
  }

  /** Starts all of them and waits until BGP is up between the router and both nodes, in both families. */
  async start(): Promise<void> {
    for (const node of nodes) this.#writeFiles(node);
    await Promise.all([
      this.#startBird(this.#topology.router, routerBirdConfig()),
      ...nodes.map(node => this.#startBird(this.#node(node), idleBirdConfig(node))),
      ...pods.map(pod => this.#startServer(pod)),
    ]);
    this.#stop.signal.throwIfAborted();
    for (const node of nodes) this.#startAgent(node);
    await this.#bgpUp();
  }

  /** Writes the logs of the BIRDs into files; the other programs write their logs themselves. */
  saveBirdLogs(): void {
    for (const [role, bird] of this.#birds) writeFileSync(join(this.#logs, `bird-${role}.log`), bird.log);
  }

  #paths(node: string): files.NodePaths {
    const folder = join(this.#lab.dir, node);
    return {
      agentConfig: join(folder, 'agent.yaml'),
      nodeConfig: join(folder, 'node-config.yaml'),
      allocations: join(folder, 'allocations.json'),
      state: join(folder, 'state.json'),
      pods: join(folder, 'pods'),
      birdConfig: join(this.#lab.dir, `${node}.conf`),
      birdSocket: this.birdSocket(node),
    };
  }

  #node(node: NodePlan): Namespace {
    return this.#topology.nodes.get(node.name) as Namespace;
  }

  #writeFiles(node: NodePlan): void {
    const paths = this.#paths(node.name);
    mkdirSync(dirname(paths.agentConfig), { recursive: true });
    writeFileSync(paths.agentConfig, files.agentConfig(node, paths));
    writeFileSync(paths.nodeConfig, files.nodeConfig(node));
    writeFileSync(paths.allocations, files.allocationsFile(node));
    for (const pod of node.pods) this.podFiles.create(pod);
  }

  async #startBird(namespace: Namespace, config: string): Promise<void> {
    const { role } = namespace;
    this.#birds.set(role, await startBird(namespace, { name: role, config }));
  }

  #startAgent(node: NodePlan): void {
    const command = [agentProgram, 'run', '--config', this.#paths(node.name).agentConfig];
    this.#withLog(`agent-${node.name}`, log => {
      const child = this.#node(node).spawn(process.execPath, command, { stdio: ['ignore', log, log] });
      this.#watchOver(`the agent of ${node.name}`, child);
    });
  }

  async #startServer(pod: PodPlan): Promise<void> {
    const namespace = this.#topology.pods.get(pod.name) as Namespace;
    const command = [serverProgram, pod.name, String(servicePort), ...anycastAddresses];
    const child = this.#withLog(pod.name, log =>
      namespace.spawn(process.execPath, command, { stdio: ['ignore', 'pipe', log] }),
    );
    this.#watchOver(`the server in ${pod.name}`, child);
    if (child.stdout !== null) await once(child.stdout, 'data', { signal: this.#stop.signal });
  }

  #watchOver(what: string, child: ChildProcess): void {
    child.once('error', error => this.#stop.abort(error));
    child.once('exit', (code, signal) =>
      this.#stop.abort(new Error(`${what} ended by itself (${signal ?? `exit code ${code}`})`)),
    );
  }

  async #bgpUp(): Promise<void> {
    const bird = this.#birds.get('router');
    const sessions = nodes.length * 2;
    let established = 0;
    await until({
      signal: this.#stop.signal,
      intervalMs: 50,
      probe: async () => {
        const protocols = (await bird?.command('show protocols')) ?? '';
        established = protocols.match(/ BGP .* Established/g)?.length ?? 0;
        return established === sessions ? true : undefined;
      },
      seen: () => `expected ${sessions} BGP sessions at the router, saw ${established} established`,
    });
  }

  /** A log file for a program, open only while `use` starts the program. */
  #withLog<T>(name: string, use: (descriptor: number) => T): T {
    const descriptor = openSync(join(this.#logs, `${name}.log`), 'w');
    try {
      return use(descriptor);
    } finally {
      closeSync(descriptor);
    }
  }
}

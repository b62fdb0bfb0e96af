/** The plan's network, or a similar one, with running BIRDs, agents (ours or the original one's), and changing pods. */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { AllocationInput } from '../../lib/sources/allocations/allocation.ts';
import {
  type AgentFiles,
  type AgentProcess,
  layOutAgent,
  removePod,
  startAgent,
  writeAllocations,
  writeFileAtomically,
  writePod,
} from '../support/agent.ts';
import { idleBirdConfig, routerBirdConfig } from '../support/anycast-net/bird-configs.ts';
import { allocationOf, nodeConfigOf } from '../support/anycast-net/node-files.ts';
import {
  anycastAddresses,
  type NodePlan,
  nodes as nodePlans,
  type PodPlan,
  servicePort,
} from '../support/anycast-net/plan.ts';
import { buildTopology, makePod, type Topology } from '../support/anycast-net/topology.ts';
import { type BirdProcess, startBird } from '../support/bird.ts';
import { endChild, type Lab, type Namespace } from '../support/lab.ts';
import { offAndLoose } from './reverse-path.ts';
import { settled } from './settled.ts';

const originalAgent = fileURLToPath(new URL('../support/original-agent.ts', import.meta.url));

/** A kubelet looks once a second whether a container has ended (PLEG): half of that until the API server knows. */
const statusDelayMs = 500;

export type Kind = 'ours' | 'original';

export interface WorldNode {
  readonly plan: NodePlan;
  readonly host: Namespace;
  readonly files: AgentFiles;
  readonly allocations: Map<string, AllocationInput>;
  bird: BirdProcess;
  agent: AgentProcess;
}

interface Pod {
  readonly uid: string;
  readonly server: ChildProcess;
}

export interface WorldOptions {
  kind: Kind;
  lab: Lab;
  /** Path of the compiled `echo.c`. */
  echo: string;
  signal: AbortSignal;
  /** Who is there; the plan's two nodes by default. */
  plans?: readonly NodePlan[];
  /** `routes` of our agents' configuration. */
  routes?: object;
}

export class World {
  readonly kind: Kind;
  readonly lab: Lab;
  readonly topology: Topology;
  readonly signal: AbortSignal;
  readonly plans: readonly NodePlan[];
  readonly nodes = new Map<string, WorldNode>();
  /** How long the servers that are started from now on take for an answer. */
  answerDelayMs = 0;
  /** Reverse-path filtering on the node's interface to a pod that is made from now on. */
  reversePathFilter: (pod: PodPlan) => 0 | 1 | 2 = offAndLoose;
  /** Further anycast addresses that each pod binds, in both families together. */
  furtherAddresses: readonly string[] = [];
  /** What was done when, in milliseconds of `performance.now()`. */
  readonly marks: { at: number; what: string }[] = [];
  readonly #echo: string;
  readonly #routes: object;
  readonly #pods = new Map<string, Pod>();
  #generation = 0;
  #routerBird: BirdProcess | undefined;

  private constructor(
    { kind, lab, echo, signal, plans = nodePlans, routes = {} }: WorldOptions,
    topology: Topology,
  ) {
    this.kind = kind;
    this.lab = lab;
    this.#echo = echo;
    this.plans = plans;
    this.#routes = routes;
    this.signal = signal;
    this.topology = topology;
  }

  /** Everything up, all pods Ready, both families of both addresses at the router by both nodes. */
  static async create(options: WorldOptions): Promise<World> {
    const { lab, signal } = options;
    const world = new World(options, await buildTopology(lab, signal, options.plans));
    world.#routerBird = await startBird(world.topology.router, {
      name: 'router',
      config: routerBirdConfig(world.plans),
    });
    for (const plan of world.plans) await world.#startNode(plan);
    for (const { pods } of world.plans) for (const pod of pods) await world.#serve(pod);
    await world.settled();
    return world;
  }

  node(name: string): WorldNode {
    return this.nodes.get(name) as WorldNode;
  }

  mark(what: string): void {
    this.marks.push({ at: performance.now(), what });
  }

  pause(ms: number): Promise<void> {
    return sleep(ms, undefined, { signal: this.signal });
  }

  /** Waits until sessions and routes are all there again. */
  async settled(): Promise<void> {
    this.signal.throwIfAborted();
    await settled(this, this.#routerBird as BirdProcess);
  }

  /** The API server is asked to delete it: it still serves, and is still Ready. */
  terminate(plan: PodPlan, annotations: Record<string, string> = {}): void {
    this.mark(`${plan.name} terminating`);
    const { uid } = this.#pod(plan);
    writePod(this.node(plan.node).files, plan.name, { uid, ready: true, terminating: true, annotations });
  }

  /** Its containers end; a moment later the API server knows, its sandbox goes, and the object with it. */
  async end(plan: PodPlan): Promise<void> {
    const { uid, server } = this.#pod(plan);
    const { files } = this.node(plan.node);
    this.mark(`${plan.name} exits`);
    await endChild(server, 1000);
    await this.pause(statusDelayMs);
    this.mark(`${plan.name} is known to have ended`);
    writePod(files, plan.name, { uid, ready: false, terminating: true, terminated: true });
    await this.removeSandbox(plan);
    removePod(files, plan.name);
    this.mark(`${plan.name} gone`);
  }

  /** As CNI does when a sandbox is deleted: the veth, the namespace, the allocation. */
  async removeSandbox(plan: PodPlan): Promise<void> {
    const { host, files, allocations } = this.node(plan.node);
    await host.ip('link', 'delete', plan.hostInterface).catch(() => undefined);
    await this.removeNamespace(plan);
    allocations.delete(plan.name);
    writeAllocations(files, [...allocations.values()]);
  }

  /** The pod's end of the veth goes with it, a moment later; when it is gone already, so it is. */
  async removeNamespace({ name }: PodPlan): Promise<void> {
    const pods = this.topology.pods as Map<string, Namespace>;
    const namespace = pods.get(name);
    pods.delete(name);
    if (namespace !== undefined) await this.lab.removeNamespace(namespace);
  }

  /** Another pod of the same name: a new sandbox, a new server, and Ready when it listens. */
  async recreate(plan: PodPlan): Promise<void> {
    const { host } = this.node(plan.node);
    const namespace = await makePod(plan, host);
    (this.topology.pods as Map<string, Namespace>).set(plan.name, namespace);
    await this.#serve(plan);
    this.mark(`${plan.name} Ready again`);
  }

  server(plan: PodPlan): ChildProcess {
    return this.#pod(plan).server;
  }

  async restartAgent(name: string, signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    const node = this.node(name);
    this.mark(`${name}: agent ${signal}`);
    node.agent.child.kill(signal);
    await node.agent.exit;
    await this.pause(500);
    node.agent = this.#startAgent(node.host, node.files);
    this.mark(`${name}: agent started`);
  }

  async restartBird(name: string): Promise<void> {
    const node = this.node(name);
    this.mark(`${name}: BIRD killed`);
    await node.bird.kill();
    node.bird = await startBird(node.host, { ...this.#birdPaths(node.files, name), recover: true });
    this.mark(`${name}: BIRD started`);
  }

  configureNode(name: string, change: { draining?: boolean; extraPrefixes?: string[] }): void {
    const { plan, files } = this.node(name);
    this.mark(`${name}: node config ${JSON.stringify(change)}`);
    const config = nodeConfigOf(plan, change);
    config.advertise.prefixes = [...config.advertise.prefixes, ...(change.extraPrefixes ?? [])];
    writeFileAtomically(files.nodeConfig, JSON.stringify(config));
  }

  async #startNode(plan: NodePlan): Promise<void> {
    const host = this.topology.nodes.get(plan.name) as Namespace;
    // What strict filtering costs is measured, not cured.
    const settings = { sysctl: { set: false }, routes: this.#routes };
    const files = layOutAgent(join(this.lab.dir, plan.name), settings);
    writeFileSync(files.birdConfig, idleBirdConfig(plan));
    writeFileSync(files.nodeConfig, JSON.stringify(nodeConfigOf(plan)));
    const allocations = new Map<string, AllocationInput>();
    writeAllocations(files, []);
    const bird = await startBird(host, this.#birdPaths(files, plan.name));
    this.nodes.set(plan.name, {
      plan,
      host,
      files,
      allocations,
      bird,
      agent: this.#startAgent(host, files),
    });
  }

  #birdPaths({ birdConfig, birdSocket }: AgentFiles, name: string) {
    return { name, configPath: birdConfig, socketPath: birdSocket };
  }

  #startAgent(host: Namespace, files: AgentFiles): AgentProcess {
    return startAgent(host, files, this.kind === 'original' ? [process.execPath, originalAgent] : []);
  }

  /** Starts a pod's server; when it listens, CNI has committed and the pod is Ready. */
  async #serve(plan: PodPlan): Promise<void> {
    const uid = `${plan.name}-${++this.#generation}`;
    const { host, files, allocations } = this.node(plan.node);
    await host.sysctl({ [`net.ipv4.conf.${plan.hostInterface}.rp_filter`]: this.reversePathFilter(plan) });
    const namespace = this.topology.pods.get(plan.name) as Namespace;
    const command = [plan.name, `${servicePort}`, `${this.answerDelayMs}`, ...anycastAddresses];
    const server = namespace.spawn(this.#echo, command, { stdio: ['ignore', 'pipe', 'inherit'] });
    if (server.stdout !== null) await once(server.stdout, 'data', { signal: this.signal });
    this.#pods.set(plan.name, { uid, server });
    allocations.set(plan.name, { ...allocationOf(plan, uid), addresses: [...this.furtherAddresses] });
    writeAllocations(files, [...allocations.values()]);
    writePod(files, plan.name, { uid, ready: true });
  }

  #pod({ name }: PodPlan): Pod {
    return this.#pods.get(name) as Pod;
  }
}

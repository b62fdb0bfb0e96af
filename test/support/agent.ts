/** A real `flock-anycast run` in a lab's node, with its files in a folder of its own. */
import type { ChildProcess } from 'node:child_process';
import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { AllocationInput } from '../../lib/sources/allocations/allocation.ts';
import { eventually, type Namespace } from './lab.ts';

const cli = fileURLToPath(new URL('../../dist/cli.js', import.meta.url));

export interface AgentFiles {
  folder: string;
  config: string;
  pods: string;
  allocations: string;
  poolFile: string;
  nodeConfig: string;
  state: string;
  birdConfig: string;
  birdSocket: string;
}

/** Lets the pods of the namespace `default` have nearly any address: what is not about pools needs some. */
const permissive = {
  reserved: [],
  pools: [
    {
      name: 'all',
      cidrs: ['10.0.0.0/8', '128.0.0.0/1', '2000::/3', 'fd00::/8'],
      namespaces: { names: ['default'] },
    },
  ],
};

/**
 * Lays out an agent's folder; `config` is merged over a configuration whose paths lead into it. Where allocations
 * come from annotations and the node config is a file, there is a file of pools that admit all.
 */
export function layOutAgent(folder: string, config: Record<string, unknown> = {}): AgentFiles {
  const files: AgentFiles = {
    folder,
    config: join(folder, 'agent.json'),
    pods: join(folder, 'pods'),
    allocations: join(folder, 'allocations.json'),
    poolFile: join(folder, 'pools.json'),
    nodeConfig: join(folder, 'node-config.yaml'),
    state: join(folder, 'state.json'),
    birdConfig: join(folder, 'bird.conf'),
    birdSocket: join(folder, 'bird.ctl'),
  };
  mkdirSync(files.pods, { recursive: true });
  const { bird, ...rest } = config as {
    bird?: object;
    allocations?: { source?: string };
    nodeConfig?: { source?: string };
  };
  const needsPools = rest.allocations?.source === 'annotations' && rest.nodeConfig?.source !== 'kubernetes';
  if (needsPools) writeFileSync(files.poolFile, JSON.stringify(permissive));
  const merged = {
    node: { name: 'node' },
    pods: { source: 'directory', path: files.pods },
    allocations: { path: files.allocations, owner: 'other' },
    ...(needsPools && { pools: { path: files.poolFile } }),
    nodeConfig: { path: files.nodeConfig },
    state: { path: files.state },
    ...rest,
    bird: { config: files.birdConfig, socket: files.birdSocket, ...bird },
  };
  writeFileSync(files.config, JSON.stringify(merged));
  return files;
}

/** Replaces a file atomically: written to a temporary file, then renamed. */
export function writeFileAtomically(path: string, text: string): void {
  writeFileSync(`${path}.tmp`, text);
  renameSync(`${path}.tmp`, path);
}

/** The BIRD that an agent with these files configures, for `startBird`. */
export function birdOf({ birdConfig, birdSocket }: AgentFiles) {
  return { name: 'node1', configPath: birdConfig, socketPath: birdSocket };
}

export function writeAllocations({ allocations: path }: AgentFiles, allocations: AllocationInput[]): void {
  writeFileAtomically(path, JSON.stringify({ version: 1, allocations }));
}

export interface PodState {
  ready: boolean;
  uid?: string;
  terminating?: boolean;
  /** Its containers have ended. */
  terminated?: boolean;
  phase?: string;
  annotations?: Record<string, string>;
  podIPs?: string[];
  hostNetwork?: boolean;
}

/** Writes a pod's manifest as its node would see it. */
export function writePod(
  { pods }: AgentFiles,
  name: string,
  {
    ready,
    uid = name,
    terminating = false,
    terminated = false,
    phase = 'Running',
    annotations = {},
    podIPs = [],
    hostNetwork = false,
  }: PodState,
): void {
  const manifest = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      namespace: 'default',
      name,
      uid,
      annotations,
      ...(terminating && { deletionTimestamp: '2026-01-01T00:00:00Z' }),
    },
    spec: { nodeName: 'node', hostNetwork, containers: [{ name: 'main' }] },
    status: {
      phase,
      podIPs: podIPs.map(ip => ({ ip })),
      conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }],
      ...(terminated && { containerStatuses: [{ name: 'main', state: { terminated: { exitCode: 0 } } }] }),
    },
  };
  writeFileAtomically(join(pods, `${name}.json`), JSON.stringify(manifest));
}

export function removePod({ pods }: AgentFiles, name: string): void {
  rmSync(join(pods, `${name}.json`), { force: true });
}

export interface AgentProcess {
  child: ChildProcess;
  /** Log lines so far, parsed. */
  lines: { event?: string; code?: string }[];
  /** Its output without the log lines. */
  words: string[];
  /** Resolves with the exit code, or the signal that ended it, when all its output has been read. */
  exit: Promise<number | string>;
  /** Waits for a log line whose event contains `text`. */
  logged(text: string): Promise<void>;
}

/** Starts `flock-anycast run`; the lab ends it at the latest. `launcher` wraps the command, such as in setpriv. */
export function startAgent(
  node: Namespace,
  files: AgentFiles,
  launcher: string[] = [],
  options: string[] = [],
): AgentProcess {
  const [command = '', ...args] = [
    ...launcher,
    process.execPath,
    cli,
    'run',
    '--config',
    files.config,
    ...options,
  ];
  const child = node.spawn(command, args, { stdio: ['ignore', 'ignore', 'pipe'] });
  const agent: AgentProcess = {
    child,
    lines: [],
    words: [],
    // Not `exit`, after which more output may still come.
    exit: new Promise(resolve => child.once('close', (code, signal) => resolve(code ?? signal ?? 'unknown'))),
    logged: text =>
      eventually(
        `the log to say "${text}"; it says ${JSON.stringify([...agent.lines, ...agent.words])}`,
        () => agent.lines.some(({ event }) => event?.includes(text)),
      ).then(() => undefined),
  };
  let rest = '';
  child.stderr?.on('data', (data: Buffer) => {
    const parts = (rest + data.toString()).split('\n');
    rest = parts.pop() ?? '';
    for (const line of parts) {
      if (line.startsWith('{')) agent.lines.push(JSON.parse(line));
      else agent.words.push(line);
    }
  });
  return agent;
}

export interface CommandOutcome {
  code: number | string;
  /** Lines of standard output. */
  out: string[];
  /** Standard error. */
  err: string;
}

/** Runs another command of `flock-anycast` in a node to its end, by default without a terminal. */
export async function runCommand(
  node: Namespace,
  { config }: AgentFiles,
  command: string,
  {
    args = ['--yes'],
    onLine = () => {},
  }: { args?: string[]; onLine?: (line: string, child: ChildProcess) => void } = {},
): Promise<CommandOutcome> {
  const child = node.spawn(process.execPath, [cli, command, '--config', config, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const outcome: CommandOutcome = { code: '', out: [], err: '' };
  child.stderr?.on('data', data => {
    outcome.err += data;
  });
  const ended = new Promise<number | string>(resolve =>
    child.once('close', (code, signal) => resolve(code ?? signal ?? 'unknown')),
  );
  if (child.stdout !== null) {
    for await (const line of createInterface({ input: child.stdout })) {
      outcome.out.push(line);
      onLine(line, child);
    }
  }
  outcome.code = await ended;
  return outcome;
}

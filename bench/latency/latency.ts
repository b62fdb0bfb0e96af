/** The time from a pod's flip to the kernel's answer, to BIRD, and to the router's kernel, in tables of several sizes. */
import { constants, getPriority, setPriority } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { layOutAgent, startAgent, writeAllocations, writeFileAtomically } from '../../test/support/agent.ts';
import { endChild } from '../../test/support/lab.ts';
import type { Host } from '../../test/support/node-lab.ts';
import { AgentSide } from '../agent-side.ts';
import { destination } from '../field.ts';
import { withHost } from '../host.ts';
import type { Bench, Part } from '../part.ts';
import { allocationOf, podOn, populationOf } from '../population.ts';
import { cpuSeconds, rssMb } from '../process-cost.ts';
import type { Results } from '../results.ts';
import { BirdLearning } from './bird-learning.ts';
import { byEvent, byFile, floorFlips, layOutPods, podFlips, settleMs } from './flips.ts';
import { Flips } from './series.ts';
import { type Mode, type Stage, setStage } from './stage.ts';

const modes: readonly Mode[] = ['learn', 'filter'];
const groups = 500;
/** Divides the flips in filter mode, where each flip reconfigures BIRD. */
const filterShare = 2;
/** Divides the flips that measure when BIRD learns the route, with BIRD's debug log. */
const learnedShare = 4;

export const latency: Part = {
  name: 'latency',
  what: "a pod's flip to the netlink answer, to BIRD and to the BGP peer's kernel, learn and filter mode",
  steps: ({ plan }) => modes.length * plan.latency.destinations.length * 3,
  async run(bench) {
    for (const destinations of bench.plan.latency.destinations)
      for (const mode of modes) await withHost(host => measure({ ...bench, host }, mode, destinations));
  },
};

/** One network for all three, so that they are comparable. */
async function measure({ host, plan, results, step }: Bench, mode: Mode, destinations: number) {
  goFirst(host);
  const stage = await setStage(host, mode);
  const count = Math.ceil(plan.latency.flips / (mode === 'filter' ? filterShare : 1));
  const label = (what: string) => `${mode} mode, ${destinations} destinations: ${what}`;
  const still = populationOf({ family: 4, nexthops: 1, destinations }, Math.min(groups, destinations));
  const address = destination(4, destinations);
  const pod = podOn(4, 0, 0, 'flipping', [address]);

  step(label('the floor'));
  if (mode === 'learn') {
    const floor = new Flips({ mode: 'floor', source: 'netlink', destinations });
    await stage.floor.ask(`add 4 1 ${destinations}`);
    await stage.announced(destinations);
    await floorFlips(stage, floor, destinations, count);
    results.latency.push(...floor.series());
  }

  step(label('from a manifest in memory'));
  const event = new Flips({ mode, source: 'event', destinations });
  await withAgentSide(stage, mode, async (agent, configured) => {
    await agent.populate([...still, pod]);
    const stop = new AbortController();
    const running = agent.reconciler.run(stop.signal);
    await stage.announced(destinations + 1);
    const flip = { pod, address, hand: byEvent(agent) };
    await podFlips(stage, event, { ...flip, count });
    const learned = mode === 'filter' ? configured : await BirdLearning.inLog(stage.bird, address);
    const bird = new Flips({ mode, source: 'event', destinations });
    await podFlips(stage, bird, { ...flip, count: Math.ceil(count / learnedShare), bird: learned });
    results.latency.push(...event.series(), ...bird.series().filter(({ stage: at }) => at === 'bird'));
    await stage.bird.command('debug "*" off');
    stop.abort();
    await running;
  });

  step(label("from a file of the agent's"));
  const file = new Flips({ mode, source: 'file', destinations });
  const files = layOutAgent(stage.file('agent'), {
    bird: { mode, config: stage.bird.configPath, socket: stage.bird.socketPath },
  });
  writeFileAtomically(files.nodeConfig, JSON.stringify(stage.node.nodeConfig));
  writeAllocations(files, [...still, pod].map(allocationOf));
  layOutPods(files, [...still, pod]);
  const agent = startAgent(stage.node.host, files);
  await agent.logged('in sync');
  await sleep(1500);
  await noteIdle(results, plan.latency.idleSeconds, {
    ...{ mode, destinations, agent: agent.child.pid as number, bird: stage.bird.pid },
  });
  await podFlips(stage, file, { pod, address, hand: byFile(files), count });
  results.latency.push(...file.series());
  await endChild(agent.child, 5000);
}

/** As the agent does; the processes started here, such as the floor's program, inherit the priority. */
function goFirst(host: Host): void {
  const before = getPriority();
  try {
    setPriority(constants.priority.PRIORITY_ABOVE_NORMAL);
  } catch {
    // Not permitted to every user: then all processes here have the default priority.
  }
  host.teardown(() => setPriority(before));
}

/** Runs the agent's parts in this process until `work` is done; the routes stay afterwards. */
function withAgentSide(
  { node, bird }: Stage,
  mode: Mode,
  work: (agent: AgentSide, configured: BirdLearning) => Promise<void>,
): Promise<void> {
  const configured = new BirdLearning();
  return withHost(async host => {
    const agent = await AgentSide.start(host, {
      netns: node.host.path,
      settleMs,
      bird: {
        mode,
        configPath: bird.configPath,
        socketPath: bird.socketPath,
        nodeConfig: node.nodeConfig,
        onOutcome: ({ state }) => state === 'applied' && configured.record(),
      },
    });
    await work(agent, configured);
  });
}

async function noteIdle(
  results: Results,
  seconds: number,
  { mode, destinations, ...pids }: { mode: Mode; destinations: number; agent: number; bird: number },
): Promise<void> {
  const processes = ['agent', 'bird'] as const;
  const before = processes.map(process => cpuSeconds(pids[process]));
  await sleep(seconds * 1000);
  for (const [index, process] of processes.entries()) {
    const used = cpuSeconds(pids[process]) - (before[index] as number);
    const cpuPercent = (used / seconds) * 100;
    results.idle.push({ process, mode, destinations, cpuPercent, rssMb: rssMb(pids[process]) });
  }
}

/** The losses of each mode, in a table, and the guarantees that do not hold. Pure. */
import type { Broken, PhaseCost } from './account.ts';
import type { ModeResult, Proof } from './prove.ts';

const happenings: Record<PhaseCost['name'], string> = {
  calm: 'nothing',
  drain: 'a pod drains',
  removal: 'it leaves',
  join: 'a fifth joins',
  veth: 'a veth is torn out',
};

const headings = [
  'while',
  'routes by',
  'family',
  "others' broken",
  'of the idle',
  'own broken',
  'of the idle',
  'new ones to the pod',
];

export function markdown({ modes, connections }: Proof): string {
  const phases = modes[0]?.costs.map(({ name, family }) => ({ name, family })) ?? [];
  const lines = phases.flatMap(({ name, family }) =>
    modes.flatMap(({ nexthops, costs }) =>
      costs
        .filter(cost => cost.name === name && cost.family === family)
        .map(cost => [happenings[name], nexthops, family, ...cells(cost, connections)]),
    ),
  );
  return [headings, headings.map(() => '---'), ...lines].map(line => `| ${line.join(' | ')} |`).join('\n');
}

function cells({ had, own, others, opened, pod }: PhaseCost, all: Broken): string[] {
  const share = pod === undefined ? '–' : `${((opened[pod] ?? 0) * 100).toFixed(1)} %`;
  return [
    `${others.busy} of ${all.busy - had.busy}`,
    `${others.idle} of ${all.idle - had.idle}`,
    ...(had.busy === 0 ? ['–', '–'] : [`${own.busy} of ${had.busy}`, `${own.idle} of ${had.idle}`]),
    share,
  ];
}

/** A description of each guarantee that does not hold. */
export function failuresOf({ modes }: Proof): string[] {
  return modes.flatMap(mode => [
    ...eachStands(mode),
    ...(mode.nexthops === 'resilient' ? nobodyElse(mode) : []),
  ]);
}

function eachStands({ nexthops, costs }: ModeResult): string[] {
  return costs.flatMap(({ name, family, failed }) =>
    failed === 0
      ? []
      : [`${nexthops}, ${happenings[name]}: ${failed} connections over ${family} never stood`],
  );
}

/** Resilient groups break no connection in use, except those of a pod that is gone. */
function nobodyElse({ costs }: ModeResult): string[] {
  return costs.flatMap(({ name, family, pod, own, others }) => {
    const failures: string[] = [];
    if (others.busy > 0)
      failures.push(
        `${happenings[name]}: ${others.busy} connections of others broke over ${family}, 0 is promised`,
      );
    if (name === 'drain' && own.busy > 0)
      failures.push(
        `${pod} drains: ${own.busy} of its own connections in use broke over ${family}, 0 is promised`,
      );
    return failures.map(text => `resilient, ${text}`);
  });
}

/** How routes lead to their nexthops: the configuration's form and the kernel's. */
import { ObjectKind, type Resilience } from '../socket/nexthop-object.ts';

/** What kind of group destinations lead through; undefined: each route carries its own nexthops. */
export type GroupForm =
  | { kind: typeof ObjectKind.group }
  | {
      kind: typeof ObjectKind.resilientGroup;
      resilience: Resilience;
      /** What a member can weigh at most (`KernelAbilities`). 255 when absent, which every kernel takes. */
      heaviestMember?: number;
    }
  | undefined;

/** The part of the `routes` configuration that selects a form. */
export interface NexthopsConfig {
  nexthops: 'multipath' | 'groups' | 'resilient';
  resilient: { buckets: number; idleSeconds: number; unbalancedSeconds: number };
}

/** Hundredths of a second, in which the kernel counts a group's timers. */
const perSecond = 100;

/**
 * The form that a configuration asks for; timers are converted to the kernel's unit.
 *
 * @param heaviestMember of `KernelAbilities`
 */
export function groupFormOf({ nexthops, resilient }: NexthopsConfig, heaviestMember?: number): GroupForm {
  if (nexthops === 'multipath') return undefined;
  if (nexthops === 'groups') return { kind: ObjectKind.group };
  const { buckets, idleSeconds, unbalancedSeconds } = resilient;
  const resilience = {
    buckets,
    idleTimer: idleSeconds * perSecond,
    unbalancedTimer: unbalancedSeconds * perSecond,
  };
  return {
    kind: ObjectKind.resilientGroup,
    resilience,
    ...(heaviestMember !== undefined && { heaviestMember }),
  };
}

/** What a member of such a group can weigh at most. */
export function heaviestIn(form: Exclude<GroupForm, undefined>): number {
  return form.kind === ObjectKind.resilientGroup ? (form.heaviestMember ?? everywhere) : everywhere;
}

/** The heaviest member that every kernel takes. */
const everywhere = 255;

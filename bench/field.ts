/**
 * The test network of all peers: a node with eight interfaces to pods, and the destinations routed through them.
 * bench/native/rtnetlink.h, bench/peers/go and bench/peers/python define the same in their languages.
 */
import { join } from 'node:path';
import { type Address, parseAddress } from '../lib/base/address.ts';
import { Lab, type Namespace } from '../test/support/lab.ts';
import type { Host } from '../test/support/node-lab.ts';
import { LineProgram } from './line-program.ts';
import { program } from './programs.ts';

export type Family = 4 | 6;
export const families: readonly Family[] = [4, 6];

/** The largest number of nexthops of a route. */
export const interfaceCount = 8;

/** `add` creates routes in variant 0, `replace` changes them to variant 1, `noop` writes that again. */
export const operations = ['add', 'replace', 'noop', 'delete'] as const;
export type Operation = (typeof operations)[number];

/** One piece of work: a number of host routes of one family, all through the same nexthops. */
export interface Cell {
  family: Family;
  nexthops: number;
  destinations: number;
}

export function variantOf(operation: Operation): 0 | 1 {
  return operation === 'add' ? 0 : 1;
}

/** 198.18.0.0 or 2001:db8::, plus `number`, which is below 131,072. */
export function destination(family: Family, number: number): string {
  const high = number >> 16;
  const low = number & 0xffff;
  return family === 4
    ? `198.${18 + high}.${low >> 8}.${low & 255}`
    : `2001:db8::${high.toString(16)}:${low.toString(16)}`;
}

/** The address of pod `index`, in one of two variants: different addresses behind the same interfaces. */
export function gateway(family: Family, index: number, variant: 0 | 1): string {
  return family === 4 ? `10.1.${index + 1}.${2 + variant}` : `fd00:1:${index + 1}::${2 + variant}`;
}

/** Its bytes in network order. */
export function addressBytes(text: string): Uint8Array {
  const { bytes }: Address = parseAddress(text);
  return bytes;
}

export class Field {
  readonly lab: Lab;
  readonly node: Namespace;
  /** The floor's program, which also counts the routes for all other peers. */
  readonly floor: LineProgram;

  private constructor(lab: Lab, node: Namespace, floor: LineProgram) {
    this.lab = lab;
    this.node = node;
    this.floor = floor;
  }

  static async create(host: Host): Promise<Field> {
    const lab = await Lab.create();
    host.teardown(() => lab.destroy());
    const node = await lab.namespace('node');
    const pods = await lab.namespace('pods');
    const all = Array.from({ length: interfaceCount }, (_, index) => index);
    await node.ipBatch(
      all.flatMap(index => [
        `link add p${index} type veth peer name p${index} netns ${pods.name}`,
        `addr add 10.1.${index + 1}.1/24 dev p${index}`,
        `addr add fd00:1:${index + 1}::1/64 dev p${index} nodad`,
        `link set p${index} up`,
      ]),
    );
    await pods.ipBatch(all.map(index => `link set p${index} up`));
    const child = node.spawn(await program('floor'), [], { stdio: ['pipe', 'pipe', 'pipe'] });
    return new Field(lab, node, new LineProgram(child));
  }

  /** How many of the field's routes the kernel has, by variant, from a dump. */
  async count(family: Family): Promise<[number, number]> {
    const [first = 0, second = 0] = (await this.floor.ask(`count ${family}`)).split(' ').map(Number);
    return [first, second];
  }

  /** @throws Error unless the kernel has exactly the routes that this operation on this cell must leave */
  async verify(operation: Operation, { family, destinations }: Cell): Promise<void> {
    const wanted =
      operation === 'delete' ? [0, 0] : operation === 'add' ? [destinations, 0] : [0, destinations];
    const found = await this.count(family);
    if (found.join() !== wanted.join())
      throw new Error(
        `after ${operation} the kernel holds ${found.join(' + ')} routes, not ${wanted.join(' + ')}`,
      );
  }

  /** Starts a bare listener to route changes. @returns stops it */
  async listen(): Promise<() => Promise<void>> {
    const { stop } = await startWatch(this.node, 'discard');
    return stop;
  }

  file(name: string): string {
    return join(this.lab.dir, name);
  }
}

/** Starts bench/native/watch.c and waits until it listens. */
export async function startWatch(
  namespace: Namespace,
  mode: 'discard' | 'print',
): Promise<{ lines: LineProgram; stop: () => Promise<void> }> {
  const lines = new LineProgram(
    namespace.spawn(await program('watch'), [mode], { stdio: ['pipe', 'pipe', 'pipe'] }),
  );
  await lines.next();
  return { lines, stop: () => lines.stop() };
}

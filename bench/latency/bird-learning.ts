/** When the node's BIRD took a change in. */
import type { BirdProcess } from '../../test/support/bird.ts';

export class BirdEar {
  #waiting: ((at: bigint) => void)[] = [];

  /** The next time; ask before it can happen. */
  next(): Promise<bigint> {
    return new Promise(resolve => this.#waiting.push(resolve));
  }

  heard(): void {
    const at = process.hrtime.bigint();
    for (const resolve of this.#waiting.splice(0)) resolve(at);
  }

  /** Has BIRD tell of each route that it learns; that costs it some time, so it is taken apart from the rest. */
  static async inLog(bird: BirdProcess, address: string): Promise<BirdEar> {
    const ear = new BirdEar();
    await bird.command('debug "*" { routes }');
    bird.onLog = text => {
      if (text.includes(`${address}/`)) ear.heard();
    };
    return ear;
  }
}

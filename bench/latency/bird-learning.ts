/** The times at which the node's BIRD learned a change. */
import type { BirdProcess } from '../../test/support/bird.ts';

export class BirdLearning {
  #waiting: ((at: bigint) => void)[] = [];

  /** The next time; call this before the change. */
  next(): Promise<bigint> {
    return new Promise(resolve => this.#waiting.push(resolve));
  }

  record(): void {
    const at = process.hrtime.bigint();
    for (const resolve of this.#waiting.splice(0)) resolve(at);
  }

  /** Makes BIRD log each route that it learns. This costs BIRD time, so these flips are measured separately. */
  static async inLog(bird: BirdProcess, address: string): Promise<BirdLearning> {
    const learning = new BirdLearning();
    await bird.command('debug "*" { routes }');
    bird.onLog = text => {
      if (text.includes(`${address}/`)) learning.record();
    };
    return learning;
  }
}

/** Shows the progress of the run: a bar on a terminal, elsewhere one line per part. */
import { Presets, SingleBar } from 'cli-progress';

/** Without a terminal, the shortest time between two lines, in milliseconds. */
const lineEveryMs = 20_000;

export class Progress {
  readonly #bar: SingleBar | undefined;
  readonly #out = process.stderr;
  readonly #steps: number;
  #done = 0;
  #part = '';
  #saidAt = performance.now();

  constructor(steps: number) {
    this.#steps = steps;
    if (!this.#out.isTTY) return;
    const format = '{bar} {percentage} %  {part}: {label}  (about {eta_formatted} left)';
    this.#bar = new SingleBar(
      { format, stream: this.#out, hideCursor: true, etaBuffer: 100, barsize: 30 },
      Presets.shades_classic,
    );
    this.#bar.start(steps, 0, { part: '', label: '' });
  }

  part(name: string): void {
    this.#part = name;
    this.#say(name);
  }

  step(label: string): void {
    this.#done++;
    this.#bar?.increment({ part: this.#part, label });
    if (performance.now() - this.#saidAt > lineEveryMs) this.#say(`${this.#part}: ${label}`);
  }

  /** Removes the bar from the terminal. */
  stop(): void {
    this.#bar?.stop();
  }

  #say(what: string): void {
    if (this.#bar !== undefined) return;
    this.#saidAt = performance.now();
    this.#out.write(`bench: ${Math.floor((this.#done / this.#steps) * 100)} %, ${what}\n`);
  }
}

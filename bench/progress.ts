/** How far the run is: a bar on a terminal, a line a part elsewhere. */
import { Presets, SingleBar } from 'cli-progress';

export class Progress {
  readonly #bar: SingleBar | undefined;
  readonly #out = process.stderr;
  #part = '';

  constructor(steps: number) {
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
    if (this.#bar === undefined) this.#out.write(`bench: ${name} …\n`);
  }

  step(label: string): void {
    this.#bar?.increment({ part: this.#part, label });
  }

  /** Gives the terminal back. */
  stop(): void {
    this.#bar?.stop();
  }
}

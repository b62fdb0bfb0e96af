/** The load of a network: requests from behind the router and from each node itself, and the outcome of each. */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { anycast, servicePort } from '../support/anycast-net/plan.ts';
import type { Namespace } from '../support/lab.ts';

export interface Stream {
  protocol: 'udp' | 'tcp';
  family: 'ipv4' | 'ipv6';
  /** Requests a second. */
  rate: number;
  /** How many source ports are used in turn; 0: each request has one of its own. */
  ports?: number;
}

export interface Request {
  /** Role of the namespace it came from. */
  from: string;
  protocol: 'udp' | 'tcp';
  family: 'ipv4' | 'ipv6';
  sourcePort: number;
  /** Milliseconds of `performance.now()` of this process. */
  sentAt: number;
  /** Milliseconds until the connection stood; 0 for UDP, and for what never did. */
  connectedMs: number;
  tookMs: number;
  /** `ok`, or what went wrong, as `load.c` names it. */
  outcome: string;
  /** Who answered; of a connection that was reset, who had before. */
  server: string | undefined;
}

/** CLOCK_MONOTONIC, which `load` stamps with, against `performance.now()`. */
const clockOffsetMs = Number(process.hrtime.bigint()) / 1e6 - performance.now();

export class Load {
  readonly #from: Namespace;
  readonly #streams: readonly Stream[];
  readonly #child: ChildProcess;
  #output = '';

  /** @param program path of the compiled `load.c` */
  constructor(program: string, from: Namespace, streams: readonly Stream[]) {
    this.#from = from;
    this.#streams = streams;
    this.#child = from.spawn(
      program,
      streams.map(({ protocol, family, rate, ports = 0 }) =>
        [protocol, anycast[family], servicePort, rate, ports].join(),
      ),
      { stdio: ['ignore', 'pipe', 'inherit'] },
    );
    this.#child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.#output += text;
    });
  }

  /** Sends no further requests, waits for the running ones, and returns all outcomes. */
  async stop(): Promise<Request[]> {
    const closed = once(this.#child, 'close');
    this.#child.kill('SIGTERM');
    const [code] = await closed;
    if (code !== 0) throw new Error(`the load in ${this.#from.role} ended with ${code}`);
    return this.#output
      .trimEnd()
      .split('\n')
      .map(line => this.#parse(line));
  }

  #parse(line: string): Request {
    const [stream, sourcePort, sent, connected, took, outcome = '', server] = line.split(' ');
    const { protocol, family } = this.#streams[Number(stream)] as Stream;
    return {
      from: this.#from.role,
      protocol,
      family,
      sourcePort: Number(sourcePort),
      sentAt: Number(sent) / 1e6 - clockOffsetMs,
      connectedMs: Number(connected) / 1000,
      tookMs: Number(took) / 1000,
      outcome,
      server: server === '-' ? undefined : server,
    };
  }
}

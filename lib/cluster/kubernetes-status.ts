/**
 * Writes the status of this node's NodeConfig when it changes, at a limited rate. A write that fails is reported
 * and tried again; nothing waits for it.
 */

import type { Log } from '../base/log.ts';
import { statusPath } from '../sources/kubernetes/resource-api.ts';
import { ApiWriter, type WritingClient } from './api-writer.ts';
import { type NodeConfigStatus, nodeConfigStatusPatch } from './node-config-status.ts';

export interface KubernetesStatusOptions {
  client: WritingClient;
  nodeName: string;
  /** Gives the status now; undefined while the node has no NodeConfig of its own to show it. */
  read: () => Promise<NodeConfigStatus | undefined>;
  log: Log;
  /** Milliseconds between two writes at least, and up to half as long again, so that nodes do not write in step. */
  everyMs?: number;
  /** Milliseconds after which it is written again as it is: somebody else may have removed it. */
  againMs?: number;
}

export class KubernetesStatus {
  readonly #options: KubernetesStatusOptions;
  readonly #writer: ApiWriter;
  readonly #stopping = new AbortController();
  #timer: NodeJS.Timeout | undefined;
  #written = { text: '', at: 0 };

  constructor(options: KubernetesStatusOptions) {
    this.#options = options;
    const { client, log } = options;
    this.#writer = new ApiWriter({ client, log, right: 'patch nodeconfigs/status' });
  }

  start(): void {
    this.#writeLater();
  }

  stop(): void {
    this.#stopping.abort();
    clearTimeout(this.#timer);
  }

  #writeLater(): void {
    if (this.#stopping.signal.aborted) return;
    const everyMs = this.#options.everyMs ?? 5000;
    this.#timer = setTimeout(
      () => void this.#write().finally(() => this.#writeLater()),
      everyMs * (1 + Math.random() / 2),
    );
  }

  async #write(): Promise<void> {
    const { nodeName, read, againMs = 600_000 } = this.#options;
    const { signal } = this.#stopping;
    try {
      const status = await read();
      const text = JSON.stringify(status ?? '');
      const age = performance.now() - this.#written.at;
      if (text === this.#written.text && age < againMs) return;
      if (status !== undefined) {
        const patch = { status: nodeConfigStatusPatch(status) };
        await this.#writer.patch(statusPath('nodeconfigs', nodeName), patch, signal);
      }
      this.#written = { text, at: performance.now() };
    } catch (error) {
      if (signal.aborted) return;
      this.#writer.reportFailure(`the status of NodeConfig ${nodeName}`, error as Error);
    }
  }
}

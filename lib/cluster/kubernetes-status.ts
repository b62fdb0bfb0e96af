/**
 * Writes the status of this node's NodeConfig: at most so often, and only when it says something else. A write
 * that fails is told once and tried again; nothing waits for it.
 */

import type { Log } from '../base/log.ts';
import type { KubernetesClient } from '../sources/kubernetes/kubernetes-client.ts';
import { resourcePath } from '../sources/kubernetes/resource-api.ts';
import type { NodeConfigStatus } from './node-config-status.ts';

export interface KubernetesStatusOptions {
  client: KubernetesClient;
  nodeName: string;
  /** What the status is now; undefined while the node has no NodeConfig of its own to show it. */
  read: () => Promise<NodeConfigStatus | undefined>;
  log: Log;
  /** Milliseconds between two writes at least; up to half of it more, so that nodes do not write in step. */
  everyMs?: number;
}

const answerMs = 10_000;

export class KubernetesStatus {
  readonly #options: KubernetesStatusOptions;
  readonly #stopping = new AbortController();
  #timer: NodeJS.Timeout | undefined;
  #written = '';
  #failure = '';

  constructor(options: KubernetesStatusOptions) {
    this.#options = options;
  }

  start(): void {
    this.#rest();
  }

  stop(): void {
    this.#stopping.abort();
    clearTimeout(this.#timer);
  }

  #rest(): void {
    if (this.#stopping.signal.aborted) return;
    const everyMs = this.#options.everyMs ?? 5000;
    this.#timer = setTimeout(
      () => void this.#write().finally(() => this.#rest()),
      everyMs * (1 + Math.random() / 2),
    );
  }

  async #write(): Promise<void> {
    const { client, nodeName, read, log } = this.#options;
    try {
      const status = await read();
      const text = JSON.stringify(status ?? '');
      if (text === this.#written) return;
      if (status !== undefined) {
        const path = `${resourcePath('nodeconfigs')}/${encodeURIComponent(nodeName)}/status`;
        const write = { method: 'PATCH', type: 'application/merge-patch+json', body: { status } } as const;
        await client.write(path, write, answerMs, this.#stopping.signal);
      }
      this.#written = text;
      this.#failure = '';
    } catch (error) {
      const { message } = error as Error;
      if (this.#stopping.signal.aborted || message === this.#failure) return;
      this.#failure = message;
      const remedy = 'allow this user to patch nodeconfigs/status (RBAC); it is tried again';
      log.warn({ remedy }, `kubernetes: can not write the status of NodeConfig ${nodeName}: ${message}`);
    }
  }
}

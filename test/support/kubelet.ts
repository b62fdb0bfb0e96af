/**
 * As much of a kubelet as the manifests in deploy/ need: init containers, volumes, environment, security contexts,
 * probes and hooks, read from the object that the API server has. Unknown fields are refused, so that nothing in a
 * manifest is ignored.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Container } from './container.ts';
import { containerConfig, type Mount } from './container-config.ts';
import type { Image } from './images.ts';
import type { ApiError, ApiObject } from './kube-api.ts';
import type { KubeApiServer } from './kube-api-server.ts';
import { eventually, type Namespace } from './lab.ts';

interface KubeletOptions {
  server: KubeApiServer;
  /** The node's name at the API server. */
  node: string;
  /** The node's network, where the server is exposed. */
  network: Namespace;
  /** By the names that manifests give them. */
  images: Map<string, Image>;
}

const accountFolder = '/var/run/secrets/kubernetes.io/serviceaccount';
let containers = 0;

export class Kubelet {
  readonly #options: KubeletOptions;
  /** The host's file system, as far as pods see it, and what the kubelet writes for them. */
  readonly #folder: string;
  readonly #pods = new Set<RunningPod>();

  constructor(options: KubeletOptions) {
    this.#options = options;
    this.#folder = join(options.network.lab.dir, 'kubelet');
  }

  /** Where a path of the host is here. */
  hostPath(path: string): string {
    return join(this.#folder, 'host', path);
  }

  /** Runs the pod that a DaemonSet wants on this node, once its init containers have ended well. */
  async run({ metadata: { namespace, name }, spec }: ApiObject): Promise<RunningPod> {
    const pod = spec.template.spec;
    if (pod.hostNetwork !== true || pod.containers.length !== 1) {
      throw new Error(`${name}: this kubelet runs pods of one container in the host's network`);
    }
    const volumes = await this.#volumes(namespace, pod);
    const start = (container: ApiObject) => this.#start(container, volumes);
    for (const each of pod.initContainers ?? []) {
      const container = start(each);
      const code = await container.exit;
      if (code !== 0) throw new Error(`${each.name} ended with ${code}: ${container.output}`);
    }
    const [only] = pod.containers;
    const running = new RunningPod(start(only), only, pod, this.#options.network);
    this.#pods.add(running);
    return running;
  }

  /** Ends all pods at once. */
  stop(): void {
    for (const { container } of this.#pods) container.removeNow();
  }

  #start(container: ApiObject, volumes: Map<string, { source: string; readOnly: boolean }>): Container {
    const { images, node, network, server } = this.#options;
    const image = images.get(container.image);
    if (image === undefined) throw new Error(`there is no image ${container.image}`);
    const { hostname, port } = new URL(server.url);
    const env = (container.env ?? []).map(({ name, value, valueFrom }: ApiObject) => {
      if (value === undefined && valueFrom?.fieldRef?.fieldPath !== 'spec.nodeName') {
        throw new Error(`env ${name}: this kubelet knows spec.nodeName alone`);
      }
      return `${name}=${value ?? node}`;
    });
    const mounts: Mount[] = (container.volumeMounts ?? []).map(
      ({ name, mountPath, readOnly = false }: ApiObject) => {
        const volume = volumes.get(name);
        if (volume === undefined) throw new Error(`there is no volume ${name}`);
        return { source: volume.source, destination: mountPath, readOnly: readOnly || volume.readOnly };
      },
    );
    const account = volumes.get(accountFolder);
    if (account !== undefined) mounts.push({ ...account, destination: accountFolder });
    const id = `${network.name}-${container.name}-${++containers}`;
    const config = containerConfig(container, {
      image,
      mounts,
      env: [`KUBERNETES_SERVICE_HOST=${hostname}`, `KUBERNETES_SERVICE_PORT=${port}`, ...env],
      network: network.path,
      cgroup: `/flock-test/${id}`,
    });
    return new Container(this.#folder, id, config);
  }

  /** Each volume's folder by its name, and the service account's by the path it is mounted at. */
  async #volumes(namespace: string, pod: ApiObject) {
    const { server } = this.#options;
    const volumes = new Map<string, { source: string; readOnly: boolean }>();
    const write = (name: string, files: Record<string, string>, mode = 0o644) => {
      const source = join(this.#folder, 'volumes', `${++containers}`);
      mkdirSync(source, { recursive: true });
      for (const [file, text] of Object.entries(files)) writeFileSync(join(source, file), text, { mode });
      volumes.set(name, { source, readOnly: true });
    };
    const read = async (kind: string, name: string, optional = false) =>
      server.request('GET', `/api/v1/namespaces/${namespace}/${kind}/${name}`).catch((error: ApiError) => {
        if (error.status === 404 && optional) return {};
        throw error;
      });
    for (const { name, configMap, secret, hostPath, ...unknown } of pod.volumes ?? []) {
      if (configMap !== undefined) {
        write(name, (await read('configmaps', configMap.name)).data, configMap.defaultMode);
      } else if (secret !== undefined) {
        const { data = {} } = await read('secrets', secret.secretName, secret.optional);
        const files = Object.entries(data).map(([key, value]) => [key, atob(value as string)]);
        write(name, Object.fromEntries(files), secret.defaultMode);
      } else if (hostPath?.type === 'DirectoryOrCreate') {
        const source = this.hostPath(hostPath.path);
        mkdirSync(source, { recursive: true, mode: 0o755 });
        volumes.set(name, { source, readOnly: false });
      } else {
        throw new Error(
          `volume ${name}: this kubelet does not know ${JSON.stringify({ hostPath, ...unknown })}`,
        );
      }
    }
    if (pod.automountServiceAccountToken !== false) {
      const token = await server.serviceAccountToken(namespace, pod.serviceAccountName ?? 'default');
      write(accountFolder, { token, namespace, 'ca.crt': server.authority() });
    }
    return volumes;
  }
}

export class RunningPod {
  readonly container: Container;
  readonly #spec: ApiObject;
  readonly #pod: ApiObject;
  readonly #network: Namespace;

  constructor(container: Container, spec: ApiObject, pod: ApiObject, network: Namespace) {
    this.container = container;
    this.#spec = spec;
    this.#pod = pod;
    this.#network = network;
  }

  /** Waits until its readiness probe says yes. */
  async ready(): Promise<void> {
    const { exec, httpGet } = this.#spec.readinessProbe;
    const probe = async () => {
      if (exec !== undefined) await this.container.exec(exec.command);
      else {
        const url = `http://${httpGet.host}:${httpGet.port}${httpGet.path}`;
        const script = `fetch('${url}').then(({ ok }) => process.exit(ok ? 0 : 1))`;
        await this.#network.exec(process.execPath, '-e', script);
      }
      return true;
    };
    await eventually(() => `${this.#spec.name} to be ready; it says ${this.container.output}`, probe, {
      intervalMs: 100,
    });
  }

  /** Ends it as an update of its DaemonSet does: the hook, SIGTERM, and SIGKILL when the grace is over. */
  async stop(): Promise<number | string> {
    const { container } = this;
    const { exec } = this.#spec.lifecycle?.preStop ?? {};
    // A failed hook only causes an Event; and the hook may have ended the container already.
    if (exec !== undefined) await container.exec(exec.command).catch(() => {});
    await container.kill('TERM').catch(() => {});
    const grace = setTimeout(
      () => container.kill('KILL').catch(() => {}),
      this.#pod.terminationGracePeriodSeconds * 1000,
    );
    const code = await container.exit;
    clearTimeout(grace);
    return code;
  }
}

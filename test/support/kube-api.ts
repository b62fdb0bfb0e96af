/** Requests of tests to an API server, with all rights. The test does the work of the kubelet and the controllers. */
import { readFileSync } from 'node:fs';
import { type Agent, request } from 'node:https';

/** What the server calls itself in service account tokens. */
export const issuer = 'https://kubernetes.default.svc';

/** An API object as JSON; a test reads from it what it needs. */
// biome-ignore lint/suspicious/noExplicitAny: the API has hundreds of kinds, each checked by the server
export type ApiObject = any;

export interface PodOptions {
  namespace?: string;
  annotations?: Record<string, string>;
  /** Merged over the pod's spec. */
  spec?: Record<string, unknown>;
}

export class ApiError extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(`${status}: ${message}`);
    this.status = status;
  }
}

export class KubeApi {
  /** Where the server listens, such as `https://127.0.0.1:35791`. */
  readonly url: string;
  /** The authority of its certificate, PEM; there once it has started. */
  readonly caPath: string;
  /** The bearer token of an administrator. */
  readonly token: string;
  readonly #agent: Agent | undefined;

  /** @param agent keeps connections, for many requests; default: one each, so that no server's end is in the way */
  constructor(url: string, caPath: string, token: string, agent?: Agent) {
    this.url = url;
    this.caPath = caPath;
    this.token = token;
    this.#agent = agent;
  }

  /** The text of that authority. */
  authority(): string {
    return readFileSync(this.caPath, 'utf8');
  }

  /** The text of a kubeconfig for a bearer token; `server` may be the address of a proxy. */
  kubeconfig(token: string, server = this.url): string {
    return JSON.stringify({
      apiVersion: 'v1',
      kind: 'Config',
      'current-context': 'test',
      contexts: [{ name: 'test', context: { cluster: 'test', user: 'test' } }],
      clusters: [{ name: 'test', cluster: { server, 'certificate-authority': this.caPath } }],
      users: [{ name: 'test', user: { token } }],
    });
  }

  /**
   * One request with all rights, for requests without a method of their own here.
   * @param path with its query, such as `/apis/rbac.authorization.k8s.io/v1/clusterroles`
   * @param options.type the body's media type, for a patch other than a strategic merge
   * @throws ApiError with the server's message for a status of 400 or more
   */
  request(
    method: string,
    path: string,
    body?: unknown,
    { type = method === 'PATCH' ? 'application/strategic-merge-patch+json' : 'application/json' } = {},
  ): Promise<ApiObject> {
    const payload = body === undefined ? '' : JSON.stringify(body);
    return new Promise((resolve, reject) => {
      const call = request(
        new URL(path, this.url),
        {
          method,
          ca: this.authority(),
          agent: this.#agent,
          headers: {
            authorization: `Bearer ${this.token}`,
            // Node gives a DELETE with a body no length by itself, and the server then ignores the body.
            ...(payload && { 'content-type': type, 'content-length': Buffer.byteLength(payload) }),
          },
        },
        response => {
          let reply = '';
          response.setEncoding('utf8');
          response.on('data', chunk => {
            reply += chunk;
          });
          response.on('error', reject);
          response.on('end', () => {
            const status = response.statusCode ?? 0;
            const isJson = response.headers['content-type']?.startsWith('application/json');
            const answer: ApiObject = isJson ? JSON.parse(reply) : reply;
            if (status < 400) resolve(answer);
            else reject(new ApiError(status, answer.message ?? reply));
          });
        },
      );
      call.on('error', reject);
      call.end(payload);
    });
  }

  /** What `kubectl apply --server-side --force-conflicts` sends; for kinds whose plural ends in a plain s. */
  apply(object: ApiObject): Promise<ApiObject> {
    const { apiVersion, kind, metadata } = object;
    const root = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
    const within = metadata.namespace === undefined ? '' : `/namespaces/${metadata.namespace}`;
    const path = `${root}${within}/${kind.toLowerCase()}s/${metadata.name}?fieldManager=test&force=true`;
    return this.request('PATCH', path, object, { type: 'application/apply-patch+yaml' });
  }

  createNamespace(name: string): Promise<ApiObject> {
    return this.request('POST', '/api/v1/namespaces', { metadata: { name } });
  }

  /** Creates a pod that is scheduled on `node` already. */
  createPod(node: string, name: string, { namespace = 'default', annotations, spec }: PodOptions = {}) {
    return this.request('POST', `/api/v1/namespaces/${namespace}/pods`, {
      metadata: { name, annotations },
      spec: { nodeName: node, containers: [{ name: 'main', image: 'none' }], ...spec },
    }) as Promise<ApiObject>;
  }

  /** What a kubelet does: merges `status` into the pod's. */
  patchPodStatus(name: string, status: unknown, { namespace = 'default' } = {}): Promise<ApiObject> {
    return this.request('PATCH', `/api/v1/namespaces/${namespace}/pods/${name}/status`, { status });
  }

  /** What a kubelet does when a probe changes its mind; `podIPs` as it reports them when the sandbox is up. */
  setPodReady(
    name: string,
    ready: boolean,
    { namespace = 'default', podIPs }: { namespace?: string; podIPs?: string[] } = {},
  ): Promise<ApiObject> {
    // A kubelet sets both. Ready False alone is the node controller's doing, and then the pod is held.
    const value = ready ? 'True' : 'False';
    const status = {
      phase: 'Running',
      conditions: ['Ready', 'ContainersReady'].map(type => ({ type, status: value })),
      ...(podIPs && { podIP: podIPs[0], podIPs: podIPs.map(ip => ({ ip })) }),
    };
    return this.patchPodStatus(name, status, { namespace });
  }

  /** What a scheduler does. */
  bindPod(name: string, node: string, { namespace = 'default' } = {}): Promise<ApiObject> {
    const binding = { metadata: { name }, target: { kind: 'Node', name: node } };
    return this.request('POST', `/api/v1/namespaces/${namespace}/pods/${name}/binding`, binding);
  }

  /**
   * Deletes a pod. With grace it stays, terminating, its status untouched, until it is deleted again with none:
   * the kubelet's part, and here the test's.
   */
  deletePod(name: string, { namespace = 'default', graceSeconds = 0 } = {}): Promise<ApiObject> {
    return this.request('DELETE', `/api/v1/namespaces/${namespace}/pods/${name}`, {
      apiVersion: 'v1',
      kind: 'DeleteOptions',
      gracePeriodSeconds: graceSeconds,
    });
  }

  /** A token of a service account, made if it is not there, as a pod of that account would have. */
  async serviceAccountToken(namespace: string, name: string): Promise<string> {
    const path = `/api/v1/namespaces/${namespace}/serviceaccounts`;
    await this.request('POST', path, { metadata: { name } }).catch((error: ApiError) => {
      if (error.status !== 409) throw error;
    });
    const answer = await this.request('POST', `${path}/${name}/token`, { spec: { audiences: [issuer] } });
    return answer.status.token;
  }
}

/**
 * `node:http` without what an import of it brings along. An import reads every export, and reading `WebSocket`,
 * `CloseEvent` and `MessageEvent` loads undici, all of it, which we have no use for: 4 MB of
 * an agent's resident memory.
 *
 *     node -e "import('node:http').then(() => console.log(process.moduleLoadList.join('\n')))" | grep undici
 */
export const { Agent, createServer, request } = process.getBuiltinModule('node:http');

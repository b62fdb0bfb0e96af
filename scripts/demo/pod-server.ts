/**
 * The program of a pod in the demo: an HTTP server that answers with its pod's name.
 *
 *     node pod-server.ts NAME PORT ADDRESS…
 *
 * Prints one line when it listens on every address.
 */
import { once } from 'node:events';
import { createServer } from 'node:http';

const [name = '', port = '', ...addresses] = process.argv.slice(2);

await Promise.all(
  addresses.map(address => {
    const server = createServer((_request, response) => {
      response.setHeader('connection', 'close');
      response.end(name);
    });
    server.listen({ host: address, port: Number(port), backlog: 1024 });
    return once(server, 'listening');
  }),
);
console.log(`${name} listens on port ${port} of ${addresses.join(', ')}`);

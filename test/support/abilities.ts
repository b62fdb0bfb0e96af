/** What the kernel here can do, for tests of what not every kernel has. */
import { RouteSocket } from '../../lib/kernel/socket/route-socket.ts';

async function ask() {
  await using socket = new RouteSocket();
  return await socket.abilities();
}

export const abilities = await ask();

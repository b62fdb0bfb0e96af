/** A route socket that counts the requests to the kernel, and their time. */
import { type ApplyResult, RouteSocket } from '../lib/kernel/socket/route-socket.ts';

export class TimedSocket extends RouteSocket {
  /** Requests so far, those about nexthop objects included. */
  requests = 0;
  /** Microseconds in calls so far, from the call to the last outcome. */
  us = 0;

  override async apply(batch: Uint8Array): Promise<ApplyResult> {
    const began = performance.now();
    const outcomes = await super.apply(batch);
    this.us += (performance.now() - began) * 1000;
    this.requests += outcomes.length;
    return outcomes;
  }
}

/** Requests of policies to the outside: to where rules allow, to addresses that are public, for as long as there is time. */

import { ADDRCONFIG } from 'node:dns';
import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { type Clock, startTimer, systemClock } from '../../options/clock.ts';
import {
  type HostFault,
  type HostResult,
  hostFault,
  isHostFault,
  type PendingBytes,
} from '../../policy/guest/host-functions.ts';
import type { ExchangeFacts } from '../../policy/model/inputs.ts';
import { isPublicAddress } from './addresses.ts';
import { decodeHttpRequest, encodeHttpResponse, type HttpRequest, type HttpResponse } from './http-frame.ts';
import { nextHop, parseTarget, receivedHeaders, sentHeaders } from './http-request.ts';
import { type HttpGrant, type HttpRule, httpGrant } from './http-rules.ts';
import { ConnectTimeout, PinnedPools } from './pinned-pools.ts';

export interface HttpLimits {
  readonly connectTimeoutMs: number;
  /** Name, connection, redirects and the whole answer. */
  readonly totalTimeoutMs: number;
  readonly responseBytes: number;
  readonly concurrencyPerTenant: number;
  readonly callsPerExchange: number;
  readonly redirects: number;
}

export const HTTP_LIMITS: HttpLimits = Object.freeze({
  connectTimeoutMs: 500,
  totalTimeoutMs: 1_000,
  responseBytes: 1_048_576,
  concurrencyPerTenant: 64,
  callsPerExchange: 4,
  redirects: 3,
});

export interface HttpCallsOptions {
  readonly clock?: Clock;
  readonly limits?: Partial<HttpLimits>;
  /** All addresses of a name; rejects when there is none. */
  readonly resolve?: (hostname: string) => Promise<readonly string[]>;
}

/** On whose behalf. */
export interface HttpCaller {
  readonly tenant: string;
  readonly exchange: ExchangeFacts;
  readonly allow: readonly (readonly HttpRule[])[];
}

export class HttpCalls {
  readonly #clock: Clock;
  readonly #limits: HttpLimits;
  readonly #resolve: (hostname: string) => Promise<readonly string[]>;
  readonly #pools: PinnedPools;
  readonly #running = new Map<string, number>();
  readonly #spent = new WeakMap<ExchangeFacts, number>();
  #counts = { calls: 0, refused: 0, failed: 0 };

  constructor({ clock = systemClock, limits, resolve = resolveName }: HttpCallsOptions = {}) {
    this.#clock = clock;
    this.#limits = { ...HTTP_LIMITS, ...limits };
    this.#resolve = resolve;
    this.#pools = new PinnedPools({ clock, connectTimeoutMs: this.#limits.connectTimeoutMs });
  }

  /**
   * Starts the request of a frame: refusals that need no look outside are there at once, everything else later. Nobody waits
   * for the answer longer than the limits and the exchange's own deadline allow.
   */
  start(caller: HttpCaller, frame: Uint8Array): HostResult<PendingBytes> {
    const request = decodeHttpRequest(frame);
    const url = request && parseTarget(request.url);
    const headers = request && sentHeaders(request.headers);
    if (request === undefined || url === undefined || headers === undefined) return this.#refuse('bad-argument');
    const grant = httpGrant(caller.allow, url, request.method);
    if (grant === undefined) return this.#refuse('denied');
    const left = caller.exchange.deadline - this.#clock.now();
    if (left <= 0) return this.#refuse('deadline');
    const spent = this.#spent.get(caller.exchange) ?? 0;
    const running = this.#running.get(caller.tenant) ?? 0;
    if (spent >= this.#limits.callsPerExchange || running >= this.#limits.concurrencyPerTenant) {
      return this.#refuse('limit');
    }
    this.#spent.set(caller.exchange, spent + 1);
    this.#running.set(caller.tenant, running + 1);
    this.#counts.calls++;
    const timeoutMs = Math.min(this.#limits.totalTimeoutMs, left, request.timeoutMs || Number.POSITIVE_INFINITY);
    return this.#withDeadline(timeoutMs, (signal) => this.#follow(caller, request, url, grant, signal)).then(
      (result) => {
        this.#end(caller.tenant);
        if (!isHostFault(result)) return encodeHttpResponse(result);
        this.#counts.failed++;
        return result;
      },
    );
  }

  describe(): { readonly calls: number; readonly refused: number; readonly failed: number; readonly running: number } {
    let running = 0;
    for (const count of this.#running.values()) running += count;
    return { ...this.#counts, running };
  }

  close(): Promise<void> {
    return this.#pools.close();
  }

  #refuse(name: Parameters<typeof hostFault>[0]): HostFault {
    this.#counts.refused++;
    return hostFault(name);
  }

  #end(tenant: string): void {
    const left = (this.#running.get(tenant) ?? 1) - 1;
    if (left === 0) this.#running.delete(tenant);
    else this.#running.set(tenant, left);
  }

  /** Never rejects; what is still under way at the deadline is aborted, and not waited for. */
  #withDeadline(
    timeoutMs: number,
    work: (signal: AbortSignal) => Promise<HostResult<HttpResponse>>,
  ): Promise<HostResult<HttpResponse>> {
    const aborter = new AbortController();
    return new Promise((resolve) => {
      const timer = startTimer(
        this.#clock,
        () => {
          resolve(hostFault('deadline'));
          aborter.abort();
        },
        timeoutMs,
      );
      work(aborter.signal)
        .catch((caught: unknown) => hostFault(caught instanceof ConnectTimeout ? 'deadline' : 'unavailable'))
        .then((result) => {
          this.#clock.clearTimeout(timer);
          resolve(result);
        });
    });
  }

  /** Every hop is checked as if it were the first: rules, name, address. */
  async #follow(
    caller: HttpCaller,
    first: HttpRequest,
    firstUrl: URL,
    firstGrant: HttpGrant,
    signal: AbortSignal,
  ): Promise<HostResult<HttpResponse>> {
    let request = first;
    let url = firstUrl;
    let grant = firstGrant;
    for (let hop = 0; ; hop++) {
      const address = await this.#address(url, grant);
      if (isHostFault(address)) return address;
      if (signal.aborted) return hostFault('deadline');
      const response = await this.#send(caller.tenant, request, url, address, signal);
      if (isHostFault(response) || !grant.redirects) return response;
      const location = response.headers.find(([name]) => name === 'location')?.[1];
      const next = nextHop(request, url, response.status, location);
      if (next === undefined) return response;
      if (hop >= this.#limits.redirects) return hostFault('limit');
      const nextGrant = httpGrant(caller.allow, next.url, next.request.method);
      if (nextGrant === undefined) return hostFault('denied');
      ({ request, url } = next);
      grant = nextGrant;
    }
  }

  /** The one address that is connected to. One that is not public among several makes the name untrustworthy as a whole. */
  async #address(url: URL, grant: HttpGrant): Promise<HostResult<string>> {
    const name = url.hostname.replace(/^\[(.*)\]$/, '$1');
    const addresses = isIP(name) === 0 ? await this.#resolve(name) : [name];
    const [address] = addresses;
    if (address === undefined) return hostFault('unavailable');
    if (!grant.privateAddresses && !addresses.every(isPublicAddress)) return hostFault('denied');
    return address;
  }

  async #send(
    tenant: string,
    { method, headers, body }: HttpRequest,
    url: URL,
    address: string,
    signal: AbortSignal,
  ): Promise<HostResult<HttpResponse>> {
    const answer = await this.#pools.request(
      { tenant, url, address },
      {
        path: url.pathname + url.search,
        method: method as 'GET',
        headers: sentHeaders(headers) ?? {},
        body: body ?? null,
        signal,
      },
    );
    const limit = this.#limits.responseBytes;
    if (method !== 'HEAD' && Number(answer.headers['content-length'] ?? 0) > limit) {
      answer.body.on('error', () => undefined).destroy();
      return hostFault('too-large');
    }
    const parts: Uint8Array[] = [];
    let bytes = 0;
    for await (const part of answer.body as AsyncIterable<Uint8Array>) {
      bytes += part.length;
      if (bytes > limit) return hostFault('too-large');
      parts.push(part);
    }
    return { status: answer.statusCode, headers: receivedHeaders(answer.headers), body: Buffer.concat(parts, bytes) };
  }
}

async function resolveName(hostname: string): Promise<readonly string[]> {
  const found = await lookup(hostname, { all: true, hints: ADDRCONFIG, order: 'ipv4first' });
  return found.map(({ address }) => address);
}

/** The shop itself, as far as flags are concerned: a small HTTP service that asks the OpenFeature client. */

import { createServer } from 'node:http';
import { policyMiddleware } from 'edict/http';
import { decide, FLAGS } from './decisions.mjs';
import { USERS } from './users.mjs';

/** Starts the service, behind its policies, on a free port of loopback: `{ url, close }`. */
export async function startService(client, policies) {
  const middleware = policyMiddleware(policies);
  const server = createServer((request, response) => middleware(request, response, () => handle(request, response)));
  const handle = (request, response) => {
    answer(client, new URL(request.url, 'http://shop')).then(
      ({ status, body }) => {
        response.writeHead(status, { 'content-type': 'application/json' });
        response.end(`${JSON.stringify(body, null, 2)}\n`);
      },
      (error) => response.writeHead(500).end(`${error.message}\n`),
    );
  };
  await new Promise((resolve, reject) => server.once('error', reject).listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    close: async () => {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}

async function answer(client, { pathname, searchParams }) {
  const name = searchParams.get('user') ?? 'ana';
  if (!Object.hasOwn(USERS, name))
    return { status: 404, body: { error: `no such user; try ${Object.keys(USERS).join(', ')}` } };
  const { context } = USERS[name];
  if (pathname === '/basket') return { status: 200, body: await basket(client, context) };
  if (pathname === '/flags') {
    const entries = await Promise.all(
      Object.keys(FLAGS).map(async (flag) => [flag, await decide(client, flag, context)]),
    );
    return { status: 200, body: Object.fromEntries(entries) };
  }
  if (pathname.startsWith('/partner/')) return { status: 200, body: { offers: [] } };
  return { status: 404, body: { error: 'try /basket?user=ana or /flags?user=ben' } };
}

/** How a page of the shop uses its flags. */
async function basket(client, context) {
  const value = async (flag) => (await decide(client, flag, context)).value;
  const total = context.basket?.total ?? 0;
  const shipping = await value('shipping-options');
  const discount = await value('discount-percent');
  return {
    total,
    discount: `${discount} %`,
    toPay: Math.round(total * (100 - discount)) / 100,
    delivery: { by: shipping.carrier, days: shipping.days, isFree: total >= shipping.freeFrom },
    checkout: (await value('new-checkout')) ? 'new' : 'old',
    payments: (await value('card-payments')) ? ['card', 'invoice'] : ['invoice'],
    giftWrapping: await value('gift-wrapping'),
  };
}

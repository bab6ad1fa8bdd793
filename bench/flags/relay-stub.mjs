/**
 * Child process that stands in for the servers: one loopback port that answers GO Feature Flag's configuration route,
 * GrowthBook's feature route and LaunchDarkly's stream from bodies prepared beforehand, gzip when it is accepted.
 * It tells the parent how long its last answer took, from the request's arrival to the last byte handed over.
 */

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { gzipSync } from 'node:zlib';

const { edict, growthbook, launchdarkly } = JSON.parse(process.argv[2]);

function prepared(text, type) {
  const plain = Buffer.from(text);
  return {
    plain,
    gzip: gzipSync(plain),
    type,
    etag: `"${plain.length}-${createHash('sha1').update(plain).digest('hex')}"`,
  };
}

const flags = Object.fromEntries(JSON.parse(readFileSync(launchdarkly, 'utf8')).map((flag) => [flag.key, flag]));
const put = JSON.stringify({ path: '/', data: { flags, segments: {} } });
const features = { status: 200, ...JSON.parse(readFileSync(growthbook, 'utf8')), dateUpdated: '2026-01-01T00:00:00Z' };

/** Path prefix → what is answered. A stream stays open after its first event. */
const ROUTES = [
  ['/v1/flag/configuration', prepared(`${readFileSync(edict, 'utf8')}\n`, 'application/json')],
  ['/api/features/', prepared(JSON.stringify(features), 'application/json')],
  ['/all', { ...prepared(`event: put\ndata: ${put}\n\n`, 'text/event-stream'), isStream: true }],
];

let answerMs = 0;

const server = createServer((request, response) => {
  const arrived = performance.now();
  const answer = ROUTES.find(([prefix]) => request.url.startsWith(prefix))?.[1];
  if (answer === undefined) {
    response.writeHead(request.method === 'GET' ? 404 : 200, { 'content-type': 'application/json' }).end('{}');
    return;
  }
  request.resume();
  request.on('end', () => {
    if (request.headers['if-none-match'] === answer.etag) {
      response.writeHead(304, { etag: answer.etag }).end();
      return;
    }
    const zipped = !answer.isStream && /\bgzip\b/.test(request.headers['accept-encoding'] ?? '');
    const body = zipped ? answer.gzip : answer.plain;
    response.writeHead(200, {
      'content-type': answer.type,
      ...(zipped && { 'content-encoding': 'gzip' }),
      ...(!answer.isStream && { 'content-length': body.length, etag: answer.etag }),
    });
    const done = () => {
      answerMs = performance.now() - arrived;
    };
    if (answer.isStream) response.write(body, done);
    else response.end(body, done);
  });
});

server.listen(0, '127.0.0.1', () => process.send({ port: server.address().port }));
process.on('message', () => process.send({ answerMs }));
process.on('disconnect', () => process.exit(0));

import http, { type RequestListener } from 'node:http';
import zlib from 'node:zlib';
import { describe, expect, it } from 'vitest';
import type { Position } from '../../../../src/policy/chain/position.ts';
import type { Body } from '../../../../src/policy/model/views.ts';
import { position, text } from '../../policy/support/exchange-rig.ts';
import { type HttpRig, service } from './support/http-rig.ts';

/** Gives back what the handler got, byte by byte. */
const mirror: RequestListener = async (request, response) => {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  response.setHeader('x-headers', JSON.stringify(request.headers));
  response.end(Buffer.concat(chunks));
};

const CODINGS = [
  ['gzip', zlib.gzipSync, zlib.gunzipSync],
  ['br', zlib.brotliCompressSync, zlib.brotliDecompressSync],
  ['deflate', zlib.deflateSync, zlib.inflateSync],
] as const;

const TEXT = 'a text of some length, '.repeat(40);

function looking(seen: Body[], body?: Buffer): Position {
  return position('look', {
    requestBody: ({ request }) => {
      seen.push(request.body);
      return body === undefined ? undefined : { kind: 'request-changes', body };
    },
  });
}

describe.each(CODINGS)('a request in %s', (coding, encode, decode) => {
  const headers = { 'content-encoding': coding, 'content-digest': 'sha-256=:x:' };

  it('is decoded for policies; unchanged, its bytes and digest are those of the client (P-34, U-13)', async () => {
    const seen: Body[] = [];
    const rig = await service([looking(seen)], mirror);
    const sent = encode(TEXT);
    const reply = await rig.send({ method: 'POST', headers, body: sent });
    expect(seen.map(({ content }) => text(content))).toEqual([TEXT]);
    expect(reply.bytes.equals(sent)).toBe(true);
    expect(JSON.parse(String(reply.headers['x-headers']))).toMatchObject(headers);
  });

  it('that a policy changed arrives in the same coding, with its length and without the old digest (P-34, U-15)', async () => {
    const rig = await service([looking([], Buffer.from('changed'))], mirror);
    const reply = await rig.send({ method: 'POST', headers, body: encode(TEXT) });
    expect(String(decode(reply.bytes))).toBe('changed');
    const seen = JSON.parse(String(reply.headers['x-headers'])) as Record<string, string>;
    expect(seen).toMatchObject({ 'content-encoding': coding, 'content-length': String(reply.bytes.length) });
    expect(seen).not.toHaveProperty('content-digest');
  });

  it('that would become too large is answered 413 (P-34)', async () => {
    const rig = await service([looking([])], mirror);
    expect(await rig.send({ method: 'POST', headers, body: encode(Buffer.alloc(2_000_000)) })).toMatchObject({
      status: 413,
    });
  });
});

describe('a request', () => {
  it.each([
    ['zip', 'raw bytes'],
    ['gzip', 'these are not gzip'],
  ])('in %s that cannot be decoded reaches the policy raw, and says so (P-34)', async (coding, body) => {
    const seen: Body[] = [];
    const rig = await service([looking(seen)], mirror);
    const reply = await rig.send({ method: 'POST', headers: { 'content-encoding': coding }, body });
    expect(seen).toMatchObject([{ encoded: true, present: true }]);
    expect(text(seen[0]?.content as Buffer)).toBe(body);
    expect(reply.body).toBe(body);
  });
});

function shouting(hooks: 'whole' | 'stream', log: string[] = []): Position {
  const loud = (bytes: Uint8Array | undefined): Buffer => Buffer.from(text(bytes ?? Buffer.of()).toUpperCase());
  return position('shout', {
    responseBody: ({ response }) => ({ kind: 'response-changes', body: loud(response?.body.content) }),
    ...(hooks === 'whole'
      ? {}
      : {
          responseChunk: ({ chunk }) => ({ kind: 'forward', body: loud(chunk?.data) }),
          streamEnd: (_: number, reason: string) => void log.push(reason),
        }),
  });
}

describe.each(CODINGS)('a response in %s', (coding, encode, decode) => {
  it('is decoded for policies and leaves in one member of the same coding (P-34, U-14)', async () => {
    const rig = await service([shouting('whole')], (_, response) => {
      const body = encode(TEXT);
      response.writeHead(200, { 'content-encoding': coding, 'content-length': body.length, digest: 'md5=x' });
      // Piece by piece: what comes out must not depend on how it came.
      for (let at = 0; at < body.length; at += 7) response.write(body.subarray(at, at + 7));
      response.end();
    });
    const reply = await rig.send();
    expect(String(decode(reply.bytes))).toBe(TEXT.toUpperCase());
    expect(reply.headers).toMatchObject({ 'content-encoding': coding, 'content-length': String(reply.bytes.length) });
    expect(reply.headers).not.toHaveProperty('digest');
  });

  it('that no policy changed leaves in its own bytes (P-34)', async () => {
    const sent = encode(TEXT);
    const rig = await service([position('look', { responseBody: () => undefined })], (_, response) =>
      response.writeHead(200, { 'content-encoding': coding, digest: 'md5=x' }).end(sent),
    );
    const reply = await rig.send();
    expect(reply.bytes.equals(sent)).toBe(true);
    expect(reply.headers).toMatchObject({ digest: 'md5=x', 'content-length': String(sent.length) });
  });

  it('that would become too large, or is something else, is a failure and not a leak (P-34)', async () => {
    for (const body of [encode(Buffer.alloc(2_000_000)), Buffer.from('plain')]) {
      const rig = await service([shouting('whole')], (_, response) =>
        response.writeHead(200, { 'content-encoding': coding }).end(body),
      );
      const reply = await rig.send();
      expect(reply).toMatchObject({ status: 500, headers: { 'x-error-id': 'error-1' } });
      expect(reply.headers).not.toHaveProperty('content-encoding');
    }
  });

  it('is streamed: each event arrives with a flush of its own, and the whole is one member (P-34, U-14)', async () => {
    const log: string[] = [];
    let next: () => void = () => undefined;
    const rig = await service([shouting('stream', log)], async (_, response) => {
      response.writeHead(200, { 'content-encoding': coding, 'content-type': 'text/event-stream' });
      const encoder = { gzip: zlib.createGzip, br: zlib.createBrotliCompress, deflate: zlib.createDeflate }[coding]();
      encoder.on('data', (piece: Buffer) => response.write(piece));
      for (let event = 0; event < 4; event++) {
        const arrived = new Promise<void>((resolve) => {
          next = resolve;
        });
        encoder.write(`data: event ${event}\n\n`);
        encoder.flush();
        await arrived;
      }
      encoder.on('end', () => response.end());
      encoder.end();
    });
    const { bytes, heard } = await decoding(rig, coding, (events) => {
      // The service sends the next event when this one was read in clear.
      if (events.endsWith('\n\n')) next();
    });
    const all = [0, 1, 2, 3].map((event) => `DATA: EVENT ${event}\n\n`).join('');
    expect(heard).toBe(all);
    expect(String(decode(bytes))).toBe(all);
    expect(log).toEqual(['completed']);
  });
});

/** Reads a coded stream as a browser does: in clear, as it comes. */
function decoding(
  rig: HttpRig,
  coding: 'gzip' | 'br' | 'deflate',
  onText: (soFar: string) => void,
): Promise<{ bytes: Buffer; heard: string }> {
  return new Promise((resolve, reject) => {
    http.get({ host: '127.0.0.1', port: rig.port, agent: false }, (response) => {
      const decoder = { gzip: zlib.createGunzip, br: zlib.createBrotliDecompress, deflate: zlib.createInflate }[
        coding
      ]();
      const raw: Buffer[] = [];
      let heard = '';
      response.on('data', (piece: Buffer) => {
        raw.push(piece);
        decoder.write(piece);
      });
      response.on('end', () => decoder.end());
      response.on('error', reject);
      decoder.on('error', reject);
      decoder.on('data', (piece: Buffer) => {
        heard += String(piece);
        onText(heard);
      });
      decoder.on('end', () => resolve({ bytes: Buffer.concat(raw), heard }));
    });
  });
}

describe('a coded stream', () => {
  it('that breaks in the middle is cut off, and its policies hear that it failed (P-34, P-67)', async () => {
    const log: string[] = [];
    const rig = await service([shouting('stream', log)], (_, response) => {
      response.writeHead(200, { 'content-encoding': 'gzip', 'content-type': 'text/event-stream' });
      const encoder = zlib.createGzip();
      encoder.write('data: good\n\n');
      encoder.flush(() => {
        response.write(encoder.read());
        response.write('data: plain\n\n');
      });
    });
    await expect(rig.send()).rejects.toThrow(/aborted|hang up|ECONNRESET/);
    expect(log).toEqual(['failed']);
  });

  it('in a coding nobody knows passes raw, and each chunk says so (P-34)', async () => {
    const seen: unknown[] = [];
    const rig = await service(
      [
        position('look', {
          responseBody: () => undefined,
          responseChunk: ({ chunk }) => {
            seen.push(chunk?.encoded);
            return undefined;
          },
        }),
      ],
      (_, response) => {
        response.writeHead(200, { 'content-encoding': 'own', 'content-type': 'text/event-stream' });
        response.write('one');
        response.end('two');
      },
    );
    expect((await rig.send()).body).toBe('onetwo');
    expect(seen).toEqual([true, true]);
  });

  it('a slow reader slows the handler down, through decoder and encoder, and gets every byte (U-14)', async () => {
    const total = 6_000_000;
    let written = 0;
    let mostAhead = 0;
    let read = 0;
    const noise = Buffer.from(Array.from({ length: 60_000 }, (_, index) => (index * index * 31) % 253));
    const rig = await service(
      [position('through', { responseBody: () => undefined, responseChunk: () => undefined })],
      (_, response) => {
        response.writeHead(200, { 'content-encoding': 'gzip', 'content-type': 'application/x-noise' });
        const encoder = zlib.createGzip({ level: 0 });
        encoder.pipe(response);
        const more = (): void => {
          while (written < total) {
            written += noise.length;
            mostAhead = Math.max(mostAhead, written - read);
            if (!encoder.write(noise)) {
              encoder.once('drain', more);
              return;
            }
          }
          encoder.end();
        };
        more();
      },
    );
    const size = await new Promise<number>((resolve, reject) => {
      http.get({ host: '127.0.0.1', port: rig.port, agent: false }, (response) => {
        const decoder = zlib.createGunzip();
        response.pipe(decoder);
        response.on('error', reject);
        decoder.on('error', reject);
        decoder.on('data', (piece: Buffer) => {
          read += piece.length;
          if (read % 3 === 0) {
            decoder.pause();
            setTimeout(() => decoder.resume(), 1);
          }
        });
        decoder.on('end', () => resolve(read));
      });
    });
    expect(size).toBe(total);
    // Buffers of two sockets and two codings, but not the whole body.
    expect(mostAhead).toBeLessThan(total);
  });
});

describe('messages without a body', () => {
  it('keep their coding header and length, and no decoder waits for bytes (P-06, P-34)', async () => {
    const seen: unknown[] = [];
    const look = position('look', {
      responseBody: ({ response }) => {
        seen.push(response?.body.present);
        return undefined;
      },
    });
    const rig = await service([look], (request, response) => {
      const status = Number(request.url?.slice(1));
      response.writeHead(status, { 'content-encoding': 'gzip', ...(status === 200 ? { 'content-length': '77' } : {}) });
      response.end();
    });
    expect(await rig.send({ path: '/204' })).toMatchObject({ status: 204, body: '' });
    expect(await rig.send({ path: '/304' })).toMatchObject({ status: 304, body: '' });
    const head = await rig.send({ method: 'HEAD', path: '/200' });
    expect(head).toMatchObject({
      status: 200,
      body: '',
      headers: { 'content-encoding': 'gzip', 'content-length': '77' },
    });
    expect(seen).toEqual([false, false, false]);
  });
});

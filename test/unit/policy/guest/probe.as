/** A policy that does what its `do` parameter says, so that a test can reach every function of the SDK. */

import {
  Answer,
  Bytes,
  change,
  clock,
  crypto,
  fail,
  failHost,
  flags,
  hostError,
  http,
  Input,
  Json,
  kv,
  log,
  metadata,
  metrics,
  PER_REQUEST,
  Plan,
  Policy,
  PolicyInfo,
  quote,
  random,
  register,
  registerPlan,
  REQUEST_HEADERS,
  REQUEST_STREAM,
  resources,
  respond,
  RESPONSE_HEADERS,
  RESPONSE_STREAM,
  terminate,
  wait,
} from '../../../../assembly/policy/index';

function bytesOf(text: string): Uint8Array {
  return Uint8Array.wrap(String.UTF8.encode(text));
}

function shown(bytes: Uint8Array | null): string {
  return bytes == null ? 'none' : bytes.toString();
}

class Probe extends Policy {
  private streams: string = '';

  constructor(
    private what: string,
    private info: PolicyInfo,
  ) {
    super(REQUEST_HEADERS | REQUEST_STREAM | RESPONSE_HEADERS | RESPONSE_STREAM);
  }

  onRequestHeaders(input: Input): Answer | null {
    const what = this.what;
    if (what == 'read') return this.read(input);
    if (what == 'everything') return this.everything();
    if (what == 'respond') {
      return respond(403)
        .setHeader('X-Why', 'no')
        .appendHeader('set-cookie', 'a=1')
        .appendHeader('set-cookie', 'b=2')
        .bodyText('go away')
        .fault(900900, 'AUTH', 'who "are" you', '\u0001');
    }
    if (what == 'host') return this.host();
    if (what == 'large') return this.large();
    if (what == 'fail') {
      fail('the first');
      fail('the second');
      return change().setHeader('x', 'y');
    }
    if (what == 'fail-host') {
      if (isNaN(kv.set('ns', 'k', bytesOf('v')))) failHost('no store');
      return null;
    }
    if (what == 'wide') return change().setHeader('x', '\u20ac');
    if (what == 'abort') {
      const items: i32[] = [];
      return change().status(items[5]);
    }
    if (what == 'wait') {
      http.start(bytesOf('GET /'));
      return wait();
    }
    return null;
  }

  onRequestBody(input: Input): Answer | null {
    const body = input.body;
    return change().addText('<').partOfBody(0, body.length).addText('>').setHeader(
      'x-body',
      body.present.toString() + ' ' + body.endOfStream.toString() + ' ' + body.truncated.toString() + ' ' + body.text(),
    );
  }

  onResponseHeaders(input: Input): Answer | null {
    const cookies = input.responseHeaders.all('Set-Cookie').join('|');
    return change().status(input.status + 1).setHeader('x-cookies', cookies);
  }

  onResponseBody(input: Input): Answer | null {
    return change().body(input.responseBody.slice(4));
  }

  onRequestChunk(input: Input): Answer | null {
    if (input.chunk.length == 0) return null;
    return change().body(Bytes.of(bytesOf(input.chunkIndex.toString() + input.isLastChunk.toString())));
  }

  onResponseChunk(input: Input): Answer | null {
    return input.chunk.equals('stop') ? terminate().bodyText('bye') : change().clearBody();
  }

  needsMoreRequestData(input: Input): bool {
    return input.total < 10 && input.fresh.indexOf('\n') < 0;
  }

  needsMoreResponseData(_input: Input): bool {
    return false;
  }

  onResume(token: i32, result: Uint8Array | null, error: i32): Answer | null {
    return change().setHeader('x-resumed', (token > 0).toString() + ' ' + shown(result) + ' ' + error.toString());
  }

  onStreamEnd(streamId: u32, reason: u32): void {
    log.info('stream ' + streamId.toString() + ' ended by ' + reason.toString());
  }

  exportState(): Uint8Array | null {
    return this.streams == '' ? null : bytesOf(this.streams);
  }

  importState(state: Bytes): bool {
    this.streams = state.text();
    return this.streams != 'no';
  }

  onDestroy(): void {
    log.warn('gone');
  }

  private read(input: Input): Answer {
    const headers = input.headers;
    const lines: string[] = [];
    for (let i: u32 = 0; i < headers.size; i++) lines.push(headers.nameAt(i) + '=' + headers.valueAt(i));
    const downstream = input.downstream;
    const missing = headers.get('x-missing');
    const api = this.info.api.get('name').asText();
    return change()
      .setHeader('x-lines', lines.join('\n').split('\n').length.toString() + ' ' + headers.has('HOST').toString())
      .setHeader('x-first', lines[0])
      .setHeader('x-missing', missing == null ? 'null' : 'there')
      .setHeader('x-line', [input.method, input.path, input.authority, input.scheme].join(' '))
      .setHeader('x-identity', [input.requestId, input.route, input.tenant, input.deadline.toString()].join(' '))
      .setHeader('x-rare', [input.clientIp, input.traceparent, input.vhost].join(' '))
      .setHeader('x-info', [this.info.name, this.info.version, this.info.attachedTo, api].join(' '))
      .setHeader('x-auth', input.auth.at(0).get('subject').asText('nobody'))
      .setHeader('x-meta', input.metadata.get('x').get('deep').at(1).asNumber().toString())
      .setHeader('x-upstream', input.upstream.get('url').asText())
      .setHeader('x-shown', input.overlay.get('x-shown') == null ? 'no' : 'yes')
      .setHeader('x-downstream', downstream == null ? 'none' : downstream.path + ' ' + downstream.headers.size.toString());
  }

  private everything(): Answer {
    return change()
      .setHeader('A', '1')
      .appendHeader('B', '\u00ff')
      .removeHeader('C')
      .showHeader('D', '4')
      .showHeaderToo('E', '5')
      .hideHeader('F')
      .path('/p\u00e4th')
      .host('h')
      .method('PUT')
      .upstream('u')
      .sandbox()
      .addQuery('q', '\u00fc')
      .setQuery('r', '')
      .removeQuery('s')
      .analytics('{"a":1}')
      .dynamicMetadata('{"n":{"a":1}}')
      .filterHeaders(false, ['Cookie', 'x'])
      .patchMetadata('{"m":null}')
      .auth('{"authenticated":true,"authorized":true,"authType":"jwt","subject":' + quote('a"b') + '}');
  }

  private host(): Answer {
    const seen: string[] = [];
    log.error('bad \u001b[31m news');
    seen.push(clock.now().toString());
    seen.push(clock.monotonic().toString());
    seen.push(shown(random.bytes(3)));
    const flag = flags.evaluate('new-ui', 0, 'false', '{"targetingKey":"u"}');
    seen.push(flag == null ? 'null' : flag);
    seen.push(metadata.set('m', '{"a":1}').toString());
    const kept = metadata.get('m');
    seen.push(kept == null ? 'null' : kept);
    seen.push(metadata.remove('m').toString());
    seen.push((metadata.get('m') == null).toString() + hostError().toString());
    seen.push(kv.setText('ns', 'k', 'value', 500).toString());
    const text = kv.getText('ns', 'k');
    seen.push((text == null ? 'null' : text) + '@' + kv.version.toString());
    seen.push(kv.increment('ns', 'n', -2.5, 1000, true).toString());
    seen.push(kv.compareAndSet('ns', 'k', 1, bytesOf('w')).toString());
    seen.push(kv.compareAndSet('ns', 'k', 1, bytesOf('w')).toString() + hostError().toString());
    seen.push(kv.remove('ns', 'k').toString() + kv.remove('ns', 'k').toString());
    seen.push(shown(crypto.hash('sha-256', bytesOf('data'))));
    seen.push(shown(crypto.hmac('sha-256', 'key', bytesOf('data'))));
    seen.push(shown(crypto.sign('ES256', 'key', bytesOf('data'))));
    seen.push(crypto.verify('ES256', 'key', bytesOf('s'), bytesOf('data')).toString());
    seen.push(crypto.equal(bytesOf('a'), bytesOf('a')).toString() + crypto.equal(bytesOf('a'), bytesOf('b')).toString());
    metrics.add(3);
    metrics.record(4, 0.5);
    seen.push((resources.get('kind', 'absent') == null).toString());
    return change().setHeader('x-host', seen.join(';'));
  }

  /** An answer longer than the SDK has room for at first. */
  private large(): Answer {
    const bytes = resources.get('kind', 'there');
    return change().setHeader('x-large', bytes == null ? 'none' : bytes.byteLength.toString());
  }
}

register((info: PolicyInfo, params: Json): Policy | null => new Probe(params.get('do').asText(), info));

registerPlan((info: PolicyInfo, params: Json): Plan | null => {
  const share = params.get('share');
  return share.exists ? new Plan(<u32>share.asNumber(PER_REQUEST), info.tenant + '/\u00e4') : null;
});

export * from '../../../../assembly/policy/exports';

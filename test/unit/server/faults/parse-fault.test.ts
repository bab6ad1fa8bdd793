import { describe, expect, it } from 'vitest';
import { EdictError } from '../../../../src/errors.ts';
import type { FaultRoute } from '../../../../src/server/faults/fault-routes.ts';
import { faultRouteOf } from '../../../../src/server/faults/fault-routes.ts';
import { parseFault } from '../../../../src/server/faults/parse-fault.ts';
import { SWITCHES } from '../../../../src/server/faults/switches.ts';

/** A parameter that is right for each switch that takes one. */
const PARAMETERS: Readonly<Record<string, string>> = {
  status: '503',
  redirect: 'relay.example:8080',
  'retry-after': '5',
  'last-modified': '-1d,Europe/Berlin',
  'collector-slow': '20',
  drip: '10',
  'reset-at': '0',
  bomb: '100',
  huge: '1000000',
};

describe('the text of a fault', () => {
  it.each([...SWITCHES])('%s is taken on each of its routes, and refused on every other', (name, row) => {
    const text = row.parameter === undefined ? name : `${name}:${PARAMETERS[name]}`;
    for (const route of ['configuration', 'change', 'evaluate', 'bulk', 'collector', 'stream'] as FaultRoute[]) {
      if (row.routes.includes(route)) expect(parseFault(text, route).text).toBe(text);
      else expect(() => parseFault(text, route)).toThrow(`"${name}" means nothing on ${route}`);
    }
  });

  it.each([
    ['stall-header', 'stall-headers'],
    ['304', '304-no-etag'],
    ['html200', 'html-200'],
    ['statu:503', 'status:<code>'],
    ['weak_etag', 'weak-etag'],
    ['RESET-AT:5', 'reset-at:<byte>'],
    ['collector-outtage', 'collector-outage'],
    [' ', 'status:503'],
  ])('%j is refused, naming "%s"', (text, nearest) => {
    expect(() => parseFault(text, 'configuration')).toThrow(EdictError);
    expect(() => parseFault(text, 'configuration')).toThrow(/^INVALID_OPTION: fault: /);
    expect(() => parseFault(text, 'configuration')).toThrow(`"${nearest}"`);
  });

  it.each([
    'status',
    'status:',
    'status:200',
    'status:199',
    'status:600',
    'status:5e2',
    'status:-1',
    'retry-after:soon',
    'retry-after:-5',
    'retry-after:date:',
    'retry-after:Sun, 06 Nov 1994',
    'redirect:',
    'redirect:http://relay.example',
    'redirect:relay.example/path',
    'redirect:user@relay.example',
    'redirect:relay.example\r\nX-Evil: 1',
    'last-modified:yesterday',
    'last-modified:5,Mars/Olympus',
    'last-modified:99999999d',
    'bomb:1',
    'bomb:1001',
    'huge:0',
    'huge:9999999999',
    'drip:0',
    'reset-at:-1',
    'reset-at:1.5',
    'weak-etag:1',
    'html-200:',
  ])('%j is refused: the parameter breaks its rule', (text) => {
    expect(() => parseFault(text, 'configuration')).toThrow(/^INVALID_OPTION: fault: ".*" (should be|takes no)/s);
  });

  it('joins switches of different stages, and any number of headers', () => {
    const text = 'status:429 + retry-after:5+last-modified:-2h,America/Sao_Paulo+drip:100';
    expect(parseFault(text, 'configuration')).toMatchObject({ text, needsBody: true });
    expect(parseFault('collector-slow:20+collector-accept-then-500', 'collector').delay?.()).toBe(20);
  });

  it.each([
    ['html-200+cut-json', '"html-200" and "cut-json" exclude each other'],
    ['weak-etag+no-etag', 'exclude each other'],
    ['stall-body+drip:5', 'exclude each other'],
    ['weak-etag+weak-etag', 'stands twice'],
    ['status:503+', 'there is no switch ""'],
    [`status:503+${'x'.repeat(600)}`, 'at most 512 characters'],
  ])('refuses %s', (text, reason) => {
    expect(() => parseFault(text, 'configuration')).toThrow(reason);
  });
});

describe('the route of a request', () => {
  it.each([
    ['POST /v1/flag/configuration', 'configuration'],
    ['GET /v1/flag/change', 'change'],
    ['POST /ofrep/v1/evaluate/flags', 'bulk'],
    ['POST /ofrep/v1/evaluate/flags/a%2Fb', 'evaluate'],
    ['POST /v1/data/collector', 'collector'],
    ['GET /stream/v1/sse/flag/change', 'stream'],
    ['GET /v1/flag/configuration', undefined],
    ['POST /ofrep/v1/evaluate/flags/a/b', undefined],
    ['GET /health', undefined],
    ['GET /edict/v1/faults', undefined],
  ])('%s is %s', (target, route) => {
    const [method, path] = target.split(' ') as [string, string];
    expect(faultRouteOf(method, path)).toBe(route);
  });
});

/**
 * cors: answers preflights, and lets browsers read responses of the origins that are listed.
 *
 *   allowedOrigins     `*`, origins, `https://*.example.com`; patterns are for the native policy
 *   allowedMethods, allowedHeaders, exposedHeaders, allowCredentials, maxAge, forwardPreflight
 */

import {
  Answer,
  change,
  Headers,
  Input,
  Json,
  Policy,
  PolicyInfo,
  quote,
  register,
  rejectParams,
  REQUEST_HEADERS,
  respond,
  RESPONSE_HEADERS,
} from '../../policy';
import { lower, Origins } from './origins';

const ALLOW_ORIGIN = 'access-control-allow-origin';
const ALLOW_CREDENTIALS = 'access-control-allow-credentials';
const EXPOSE_HEADERS = 'access-control-expose-headers';
const REQUEST_METHOD = 'access-control-request-method';
const PREFLIGHT_VARY = 'Origin, Access-Control-Request-Method, Access-Control-Request-Headers';

class Cors extends Policy {
  constructor(
    private origins: Origins,
    private methods: string[],
    private headers: string[],
    private exposed: string,
    private credentials: bool,
    private maxAge: i32,
    private forwardPreflight: bool,
  ) {
    super(REQUEST_HEADERS | RESPONSE_HEADERS);
  }

  onRequestHeaders(input: Input): Answer | null {
    const origin = input.headers.get('origin');
    if (origin == null) return null;
    if (isPreflight(input)) return this.preflight(input, origin);
    if (!this.origins.allow(origin)) return change().patchMetadata('{"cors_strip":true}');
    let told = '{"cors_headers":{"' + ALLOW_ORIGIN + '":' + quote(this.allowed(origin));
    if (this.credentials) told += ',"' + ALLOW_CREDENTIALS + '":"true"';
    if (this.exposed != '') told += ',"' + EXPOSE_HEADERS + '":' + quote(this.exposed);
    return change().patchMetadata(told + '}}');
  }

  onResponseHeaders(input: Input): Answer | null {
    const kept = input.metadata.get('cors_headers');
    const varies = !this.origins.isPublic && !variesByOrigin(input.responseHeaders);
    if (kept.isObject) return this.tell(kept.get(ALLOW_ORIGIN), kept.get(ALLOW_CREDENTIALS), kept.get(EXPOSE_HEADERS), varies);
    if (input.metadata.get('cors_strip').asBool()) return strip(varies);
    const first = input.downstream;
    const asked = first != null ? first : input;
    const origin = asked.headers.get('origin');
    if (origin == null) return varies ? change().appendHeader('vary', 'Origin') : null;
    if (isPreflight(asked)) return null;
    if (!this.origins.allow(origin)) return strip(varies);
    const answer = change().setHeader(ALLOW_ORIGIN, this.allowed(origin));
    if (this.credentials) answer.setHeader(ALLOW_CREDENTIALS, 'true');
    if (this.exposed != '') answer.setHeader(EXPOSE_HEADERS, this.exposed);
    if (varies) answer.appendHeader('vary', 'Origin');
    return answer;
  }

  private tell(origin: Json, credentials: Json, exposed: Json, varies: bool): Answer | null {
    if (!origin.isText && !credentials.isText && !exposed.isText && !varies) return null;
    const answer = change();
    if (origin.isText) answer.setHeader(ALLOW_ORIGIN, origin.asText());
    if (credentials.isText) answer.setHeader(ALLOW_CREDENTIALS, credentials.asText());
    if (exposed.isText) answer.setHeader(EXPOSE_HEADERS, exposed.asText());
    if (varies) answer.appendHeader('vary', 'Origin');
    return answer;
  }

  private allowed(origin: string): string {
    return this.origins.isPublic ? '*' : origin;
  }

  private preflight(input: Input, origin: string): Answer | null {
    const method = textOf(input.headers.get(REQUEST_METHOD));
    const wanted = input.headers.all('access-control-request-headers').join(', ');
    const anyMethod = this.methods.includes('*');
    const isMethod = anyMethod || this.methods.includes(method);
    if (!this.origins.allow(origin) || !isMethod || !this.allowsHeaders(wanted)) {
      return this.forwardPreflight ? null : respond(204).setHeader('vary', PREFLIGHT_VARY);
    }
    const answer = respond(204).setHeader(ALLOW_ORIGIN, this.allowed(origin));
    answer.setHeader('access-control-allow-methods', anyMethod ? method : this.methods.join(', '));
    const allowed = this.headers.includes('*') ? wanted : this.headers.join(', ');
    if (allowed != '') answer.setHeader('access-control-allow-headers', allowed);
    if (this.credentials) answer.setHeader(ALLOW_CREDENTIALS, 'true');
    answer.setHeader('access-control-max-age', this.maxAge.toString());
    return answer.setHeader('vary', PREFLIGHT_VARY);
  }

  private allowsHeaders(wanted: string): bool {
    if (this.headers.includes('*')) return true;
    const names = lower(wanted).split(',');
    for (let i = 0; i < names.length; i++) {
      const name = names[i].trim();
      if (name != '' && !this.knows(name)) return false;
    }
    return true;
  }

  private knows(name: string): bool {
    for (let i = 0; i < this.headers.length; i++) if (lower(this.headers[i]) == name) return true;
    return false;
  }
}

function isPreflight(input: Input): bool {
  return input.method == 'OPTIONS' && input.headers.has(REQUEST_METHOD);
}

function strip(varies: bool): Answer {
  const answer = change().removeHeader(ALLOW_ORIGIN).removeHeader(ALLOW_CREDENTIALS).removeHeader(EXPOSE_HEADERS);
  return varies ? answer.appendHeader('vary', 'Origin') : answer;
}

function variesByOrigin(headers: Headers): bool {
  const names = lower(headers.all('vary').join(', ')).split(',');
  for (let i = 0; i < names.length; i++) {
    const name = names[i].trim();
    if (name == '*' || name == 'origin') return true;
  }
  return false;
}

function textOf(text: string | null): string {
  return text == null ? '' : text;
}

/** Items of a list that must all be texts; the first that is none is told. */
function textsOf(list: Json, path: string): string[] {
  const texts: string[] = [];
  for (let i = 0; list.isList && i < list.length; i++) {
    const item = list.at(i);
    if (!item.isText) rejectParams(path + '/' + i.toString() + ': is no text');
    texts.push(item.asText());
  }
  return texts;
}

function namesOf(list: Json, path: string): string[] {
  const names = textsOf(list, path);
  for (let i = 0; i < names.length; i++) if (!isToken(names[i])) rejectParams(path + '/' + i.toString() + ': is no name');
  return names;
}

/** RFC 9110. */
function isToken(name: string): bool {
  for (let i = 0; i < name.length; i++) {
    const unit = name.charCodeAt(i);
    const letter = unit | 32;
    if ((letter >= 0x61 && letter <= 0x7a) || (unit >= 0x30 && unit <= 0x39)) continue;
    if ("!#$%&'*+-.^_`|~".indexOf(String.fromCharCode(unit)) < 0) return false;
  }
  return name != '';
}

register((info: PolicyInfo, params: Json): Policy | null => {
  const origins = textsOf(params.get('allowedOrigins'), '/allowedOrigins');
  if (origins.length == 0) rejectParams('/allowedOrigins: lists no origin');
  const credentials = params.get('allowCredentials').asBool();
  if (origins.includes('*') && credentials) {
    rejectParams('/allowCredentials: cannot be true where every origin is allowed');
  }
  const exposed = namesOf(params.get('exposedHeaders'), '/exposedHeaders');
  let maxAge = params.get('maxAge').asNumber(3_600);
  if (!isFinite(maxAge)) maxAge = 3_600;
  if (maxAge != Math.floor(maxAge) || maxAge < 0 || maxAge > 86_400) rejectParams('/maxAge: is not from 0 to 86400');
  const list = new Origins(origins);
  const methods = params.get('allowedMethods');
  const allowed = methods.exists
    ? namesOf(methods, '/allowedMethods')
    : ['GET', 'POST', 'PUT', 'DELETE', 'OPTIONS'];
  const headers = namesOf(params.get('allowedHeaders'), '/allowedHeaders');
  const forward = params.get('forwardPreflight').asBool();
  return new Cors(list, allowed, headers, exposed.join(', '), credentials, <i32>maxAge, forward);
});

export * from '../../policy/exports';

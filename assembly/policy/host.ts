/**
 * What the host does for a policy. Only what a policy uses becomes an import of its module, and only what its manifest grants
 * can be imported. Refusals are values: null, false or NaN, and `hostError()` tells why.
 */

import { Region } from './arena';
import { HOST_NOT_FOUND } from './tags';

// @ts-ignore: decorator
@external('edict', 'error')
declare function host_error(): i32;
// @ts-ignore: decorator
@external('edict', 'log')
declare function host_log(level: i32, ptr: usize, length: u32): void;
// @ts-ignore: decorator
@external('edict', 'now_ms')
declare function host_now_ms(): f64;
// @ts-ignore: decorator
@external('edict', 'monotonic_ms')
declare function host_monotonic_ms(): f64;
// @ts-ignore: decorator
@external('edict', 'random')
declare function host_random(ptr: usize, length: u32): i32;
// @ts-ignore: decorator
@external('edict', 'flag')
declare function host_flag(
  key: usize, keyLength: u32, kind: i32, otherwise: usize, otherwiseLength: u32,
  context: usize, contextLength: u32, out: usize, capacity: u32,
): i32;
// @ts-ignore: decorator
@external('edict', 'meta_get')
declare function host_meta_get(key: usize, keyLength: u32, out: usize, capacity: u32): i32;
// @ts-ignore: decorator
@external('edict', 'meta_set')
declare function host_meta_set(key: usize, keyLength: u32, value: usize, valueLength: u32): i32;
// @ts-ignore: decorator
@external('edict', 'meta_delete')
declare function host_meta_delete(key: usize, keyLength: u32): i32;
// @ts-ignore: decorator
@external('edict', 'kv_get')
declare function host_kv_get(ns: usize, nsLength: u32, key: usize, keyLength: u32, out: usize, capacity: u32): i32;
// @ts-ignore: decorator
@external('edict', 'kv_set')
declare function host_kv_set(
  ns: usize, nsLength: u32, key: usize, keyLength: u32, value: usize, valueLength: u32, ttlMs: u32,
): f64;
// @ts-ignore: decorator
@external('edict', 'kv_delete')
declare function host_kv_delete(ns: usize, nsLength: u32, key: usize, keyLength: u32): i32;
// @ts-ignore: decorator
@external('edict', 'kv_incr')
declare function host_kv_incr(
  ns: usize, nsLength: u32, key: usize, keyLength: u32, delta: f64, ttlMs: u32, mode: i32,
): f64;
// @ts-ignore: decorator
@external('edict', 'kv_cas')
declare function host_kv_cas(
  ns: usize, nsLength: u32, key: usize, keyLength: u32, expected: f64, value: usize, valueLength: u32, ttlMs: u32,
): f64;
// @ts-ignore: decorator
@external('edict', 'hash')
declare function host_hash(alg: usize, algLength: u32, ptr: usize, length: u32, out: usize, capacity: u32): i32;
// @ts-ignore: decorator
@external('edict', 'hmac')
declare function host_hmac(
  alg: usize, algLength: u32, key: usize, keyLength: u32, ptr: usize, length: u32, out: usize, capacity: u32,
): i32;
// @ts-ignore: decorator
@external('edict', 'sign')
declare function host_sign(
  alg: usize, algLength: u32, key: usize, keyLength: u32, ptr: usize, length: u32, out: usize, capacity: u32,
): i32;
// @ts-ignore: decorator
@external('edict', 'verify')
declare function host_verify(
  alg: usize, algLength: u32, key: usize, keyLength: u32, signature: usize, signatureLength: u32, ptr: usize, length: u32,
): i32;
// @ts-ignore: decorator
@external('edict', 'equal')
declare function host_equal(left: usize, leftLength: u32, right: usize, rightLength: u32): i32;
// @ts-ignore: decorator
@external('edict', 'http_start')
declare function host_http_start(ptr: usize, length: u32): i32;
// @ts-ignore: decorator
@external('edict', 'counter_add')
declare function host_counter_add(series: u32, value: f64): void;
// @ts-ignore: decorator
@external('edict', 'histogram_record')
declare function host_histogram_record(series: u32, value: f64): void;
// @ts-ignore: decorator
@external('edict', 'resource_get')
declare function host_resource_get(
  kind: usize, kindLength: u32, id: usize, idLength: u32, out: usize, capacity: u32,
): i32;

/** Arguments are written here one after another: texts live as UTF-8 outside, as UTF-16 inside. */
const args = new Region(1024);
const results = new Region(1024);
const RESULT_BYTES: u32 = 1024;

/** Places of arguments as offsets, because the region may move while it fills. */
let first: u32 = 0;
let second: u32 = 0;
let third: u32 = 0;

function begin(text: string): void {
  args.clear();
  args.utf8(text);
  first = args.used;
  second = first;
  third = first;
}

function next(text: string): void {
  args.utf8(text);
  second = args.used;
  third = second;
}

function last(text: string): void {
  args.utf8(text);
  third = args.used;
}

// @ts-ignore: decorator
@inline
function a(): usize {
  return args.start;
}

// @ts-ignore: decorator
@inline
function b(): usize {
  return args.start + first;
}

// @ts-ignore: decorator
@inline
function c(): usize {
  return args.start + second;
}

/** Room for an answer; `size` is what the host said it needs. */
function room(size: u32): usize {
  results.clear();
  return results.take(max(size, RESULT_BYTES));
}

function textOf(length: i32): string | null {
  return length < 0 ? null : String.UTF8.decodeUnsafe(results.start, length);
}

function bytesOf(length: i32, skip: u32 = 0): Uint8Array | null {
  if (length < <i32>skip) return null;
  const bytes = new Uint8Array(length - skip);
  memory.copy(bytes.dataStart, results.start + skip, length - skip);
  return bytes;
}

/** Why the last function of this hook refused: HOST_* of tags.ts, 0 when none did. */
export function hostError(): i32 {
  return host_error();
}

export namespace log {
  export function trace(message: string): void {
    write(0, message);
  }
  export function debug(message: string): void {
    write(1, message);
  }
  export function info(message: string): void {
    write(2, message);
  }
  export function warn(message: string): void {
    write(3, message);
  }
  export function error(message: string): void {
    write(4, message);
  }
  function write(level: i32, message: string): void {
    begin(message);
    host_log(level, a(), first);
  }
}

export namespace clock {
  /** Epoch milliseconds. */
  export function now(): f64 {
    return host_now_ms();
  }
  /** Never goes back; only differences mean anything. */
  export function monotonic(): f64 {
    return host_monotonic_ms();
  }
}

export namespace random {
  export function bytes(length: i32): Uint8Array | null {
    const given = new Uint8Array(length);
    return host_random(given.dataStart, length) < 0 ? null : given;
  }
}

export namespace flags {
  /** The flag for the exchange's context as JSON (`value`, `variant`, `reason`); null when the host refuses. */
  export function evaluate(key: string, kind: i32, defaultJson: string, contextJson: string = ''): string | null {
    begin(key);
    next(defaultJson);
    last(contextJson);
    const defaultLength = second - first;
    const contextLength = third - second;
    let out = room(0);
    let n = host_flag(a(), first, kind, b(), defaultLength, c(), contextLength, out, RESULT_BYTES);
    if (n > <i32>RESULT_BYTES) {
      out = room(n);
      n = host_flag(a(), first, kind, b(), defaultLength, c(), contextLength, out, n);
    }
    return textOf(n);
  }
}

/** Shared by the policies of an exchange; keys are declared in the manifest, values are JSON. */
export namespace metadata {
  export function get(key: string): string | null {
    begin(key);
    let n = host_meta_get(a(), first, room(0), RESULT_BYTES);
    if (n > <i32>RESULT_BYTES) n = host_meta_get(a(), first, room(n), n);
    return textOf(n);
  }
  export function set(key: string, json: string): bool {
    begin(key);
    next(json);
    return host_meta_set(a(), first, b(), second - first) >= 0;
  }
  /** True when there was something. */
  export function remove(key: string): bool {
    begin(key);
    return host_meta_delete(a(), first) == 1;
  }
}

/** State of the policy that all its slots share. Times to live in milliseconds, 0 for ever. */
export namespace kv {
  /** The version that `get` saw last; what compareAndSet expects. 0 stands for "not there". */
  export let version: f64 = 0;

  export function get(namespace_: string, key: string): Uint8Array | null {
    begin(namespace_);
    next(key);
    let n = host_kv_get(a(), first, b(), second - first, room(0), RESULT_BYTES);
    if (n > <i32>RESULT_BYTES) n = host_kv_get(a(), first, b(), second - first, room(n), n);
    if (n == HOST_NOT_FOUND) version = 0;
    if (n < 8) return null;
    version = load<f64>(results.start);
    return bytesOf(n, 8);
  }
  export function getText(namespace_: string, key: string): string | null {
    const bytes = get(namespace_, key);
    return bytes == null ? null : String.UTF8.decodeUnsafe(bytes.dataStart, bytes.byteLength);
  }
  /** The new version; NaN when refused. */
  export function set(namespace_: string, key: string, value: Uint8Array, ttlMs: u32 = 0): f64 {
    begin(namespace_);
    next(key);
    return host_kv_set(a(), first, b(), second - first, value.dataStart, value.byteLength, ttlMs);
  }
  export function setText(namespace_: string, key: string, value: string, ttlMs: u32 = 0): f64 {
    begin(namespace_);
    next(key);
    last(value);
    return host_kv_set(a(), first, b(), second - first, c(), third - second, ttlMs);
  }
  export function remove(namespace_: string, key: string): bool {
    begin(namespace_);
    next(key);
    return host_kv_delete(a(), first, b(), second - first) == 1;
  }
  /** The new number; NaN when refused. The time to live counts from creation unless it is refreshed. */
  export function increment(namespace_: string, key: string, delta: f64, ttlMs: u32 = 0, refresh: bool = false): f64 {
    begin(namespace_);
    next(key);
    return host_kv_incr(a(), first, b(), second - first, delta, ttlMs, refresh ? 1 : 0);
  }
  /** The new version; NaN when another was there (`hostError()` is HOST_CONFLICT) or it was refused. */
  export function compareAndSet(
    namespace_: string,
    key: string,
    expected: f64,
    value: Uint8Array,
    ttlMs: u32 = 0,
  ): f64 {
    begin(namespace_);
    next(key);
    return host_kv_cas(a(), first, b(), second - first, expected, value.dataStart, value.byteLength, ttlMs);
  }
}

/** Keys are names of the tenant's keys and never seen here. */
export namespace crypto {
  export function hash(algorithm: string, data: Uint8Array): Uint8Array | null {
    begin(algorithm);
    return bytesOf(host_hash(a(), first, data.dataStart, data.byteLength, room(0), RESULT_BYTES));
  }
  export function hmac(algorithm: string, key: string, data: Uint8Array): Uint8Array | null {
    begin(algorithm);
    next(key);
    return bytesOf(
      host_hmac(a(), first, b(), second - first, data.dataStart, data.byteLength, room(0), RESULT_BYTES),
    );
  }
  export function sign(algorithm: string, key: string, data: Uint8Array): Uint8Array | null {
    begin(algorithm);
    next(key);
    return bytesOf(
      host_sign(a(), first, b(), second - first, data.dataStart, data.byteLength, room(0), RESULT_BYTES),
    );
  }
  /** False also when refused; `key` may be a public JWK as JSON. */
  export function verify(algorithm: string, key: string, signature: Uint8Array, data: Uint8Array): bool {
    begin(algorithm);
    next(key);
    return (
      host_verify(
        a(), first, b(), second - first,
        signature.dataStart, signature.byteLength, data.dataStart, data.byteLength,
      ) == 1
    );
  }
  /** In constant time. */
  export function equal(left: Uint8Array, right: Uint8Array): bool {
    return host_equal(left.dataStart, left.byteLength, right.dataStart, right.byteLength) == 1;
  }
}

export namespace http {
  /** Starts a request (a frame, docs/policy-abi.md); its token, or a code below zero. Return `wait()` from the hook. */
  export function start(request: Uint8Array): i32 {
    return host_http_start(request.dataStart, request.byteLength);
  }
}

/** Series are declared in the manifest and named by their place there. */
export namespace metrics {
  export function add(series: u32, value: f64 = 1): void {
    host_counter_add(series, value);
  }
  export function record(series: u32, value: f64): void {
    host_histogram_record(series, value);
  }
}

export namespace resources {
  export function get(kind: string, id: string): Uint8Array | null {
    begin(kind);
    next(id);
    let n = host_resource_get(a(), first, b(), second - first, room(0), RESULT_BYTES);
    if (n > <i32>RESULT_BYTES) n = host_resource_get(a(), first, b(), second - first, room(n), n);
    return bytesOf(n);
  }
}

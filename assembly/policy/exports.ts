/**
 * The exports of `edict-core/1` and the only exporter of a policy module: thin functions that read a frame, call the policy,
 * and say where its answer is. A policy's entry file ends with `export * from '…/policy/exports'`.
 */

import { Answer } from './action';
import { PageArena, Region } from './arena';
import { Bytes } from './bytes';
import { clearFailure, failureCode, failureText } from './failure';
import { Frame } from './frame';
import { Input } from './input';
import { Json } from './json';
import { Policy, PolicyInfo, makePlan, makePolicy } from './policy';
import {
  ABI_VERSION,
  DATA_ERROR,
  DATA_RESULT,
  ERROR_DECODE,
  ERROR_HANDLE,
  ERROR_PARAMS,
  ERROR_PHASE,
  IN_API,
  IN_PARAMS,
  IN_POLICY,
  KIND_HOST_DATA,
  KIND_INPUT,
  PENDING,
} from './tags';
import { takeWaiting } from './waiting';

const arena = new PageArena();
const frame = new Frame();
const input = new Input();
const messages = new Region(256);

/** By handle, which is the index plus one; places are used again. */
const policies: (Policy | null)[] = [];

let outputPtr: usize = 0;
let outputLength: u32 = 0;

export function edict_abi_version(): u32 {
  return ABI_VERSION;
}

export function edict_input(size: u32): usize {
  return arena.reserve(size);
}

export function edict_output_ptr(): usize {
  return outputPtr;
}

export function edict_output_len(): u32 {
  return outputLength;
}

export function edict_plan(length: u32): i32 {
  begin();
  if (!frame.open(arena.start, length, KIND_INPUT)) return ERROR_DECODE;
  const plan = makePlan(infoOf(), paramsOf());
  if (failureCode() != 0) return failed();
  if (plan == null) return 0;
  leaveText(plan.shareKey);
  return plan.scope;
}

export function edict_init(length: u32): i32 {
  begin();
  if (!frame.open(arena.start, length, KIND_INPUT)) return ERROR_DECODE;
  const policy = makePolicy(infoOf(), paramsOf());
  if (failureCode() != 0) return failed();
  if (policy == null) return ERROR_PARAMS;
  let place = policies.indexOf(null);
  if (place < 0) place = policies.push(null) - 1;
  policies[place] = policy;
  return place + 1;
}

export function edict_modes(handle: u32): u32 {
  const policy = policyOf(handle);
  if (policy == null) return 0;
  let bits: u32 = 0;
  // What was not asked for is skipped, which is 1.
  for (let shift: u32 = 0; shift < 8; shift += 2) bits |= max((policy.modes >> shift) & 3, 1) << shift;
  return bits;
}

export function edict_call(handle: u32, phase: u32, length: u32): i32 {
  begin();
  const policy = policyOf(handle);
  if (policy == null) return ERROR_HANDLE;
  if (!input.open(arena.start, length)) return ERROR_DECODE;
  switch (phase) {
    case 1:
      return answered(policy.onRequestHeaders(input));
    case 2:
      return answered(policy.onRequestBody(input));
    case 3:
      return answered(policy.onResponseHeaders(input));
    case 4:
      return answered(policy.onResponseBody(input));
    case 5:
      return decided(policy.needsMoreRequestData(input));
    case 6:
      return answered(policy.onRequestChunk(input));
    case 7:
      return decided(policy.needsMoreResponseData(input));
    case 8:
      return answered(policy.onResponseChunk(input));
    default:
      return ERROR_PHASE;
  }
}

export function edict_resume(handle: u32, token: i32, length: u32): i32 {
  begin();
  const policy = policyOf(handle);
  if (policy == null) return ERROR_HANDLE;
  if (!frame.open(arena.start, length, KIND_HOST_DATA)) return ERROR_DECODE;
  if (!frame.has(DATA_RESULT)) return answered(policy.onResume(token, null, <i32>frame.u32(DATA_ERROR)));
  const result = new Bytes(frame.ptr(DATA_RESULT), frame.bytes(DATA_RESULT)).copy();
  return answered(policy.onResume(token, result, 0));
}

export function edict_stream_end(handle: u32, streamId: u32, reason: u32): i32 {
  begin();
  const policy = policyOf(handle);
  if (policy == null) return ERROR_HANDLE;
  policy.onStreamEnd(streamId, reason);
  return failureCode() == 0 ? 0 : failed();
}

export function edict_export_state(handle: u32): i32 {
  begin();
  const policy = policyOf(handle);
  if (policy == null) return ERROR_HANDLE;
  const state = policy.exportState();
  if (failureCode() != 0) return failed();
  if (state == null) return 0;
  messages.clear();
  messages.bytes(state.dataStart, state.byteLength);
  outputPtr = messages.start;
  outputLength = messages.used;
  return <i32>outputLength;
}

export function edict_import_state(handle: u32, length: u32): i32 {
  begin();
  const policy = policyOf(handle);
  if (policy == null) return ERROR_HANDLE;
  return decided(policy.importState(new Bytes(arena.start, length)));
}

export function edict_destroy(handle: u32): i32 {
  begin();
  const policy = policyOf(handle);
  if (policy == null) return ERROR_HANDLE;
  policies[handle - 1] = null;
  policy.onDestroy();
  return failureCode() == 0 ? 0 : failed();
}

export function edict_gc(): i32 {
  // @ts-ignore: the collector of the minimal runtime runs only when it is told to
  __collect();
  return 0;
}

function policyOf(handle: u32): Policy | null {
  return handle > 0 && handle <= <u32>policies.length ? policies[handle - 1] : null;
}

function begin(): void {
  outputPtr = 0;
  outputLength = 0;
  takeWaiting();
  clearFailure();
}

function answered(answer: Answer | null): i32 {
  if (failureCode() != 0) return failed();
  if (takeWaiting()) return PENDING;
  if (answer == null) return 0;
  outputLength = answer.finish();
  outputPtr = answer.ptr;
  return <i32>outputLength;
}

function decided(yes: bool): i32 {
  return failureCode() != 0 ? failed() : <i32>yes;
}

/** Leaves the message where the host looks for it. */
function failed(): i32 {
  leaveText(failureText());
  return failureCode();
}

function leaveText(text: string): void {
  messages.clear();
  messages.utf8(text);
  outputPtr = messages.start;
  outputLength = messages.used;
}

/** Of the frame of an init or plan. */
function infoOf(): PolicyInfo {
  const facts = Json.parse(frame.ptr(IN_POLICY), frame.bytes(IN_POLICY));
  return new PolicyInfo(
    facts.get('name').asText(),
    facts.get('version').asText(),
    facts.get('route').asText(),
    facts.get('attachedTo').asText(),
    facts.get('tenant').asText(),
    Json.parse(frame.ptr(IN_API), frame.bytes(IN_API)),
  );
}

function paramsOf(): Json {
  return Json.parse(frame.ptr(IN_PARAMS), frame.bytes(IN_PARAMS));
}

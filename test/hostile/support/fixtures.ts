/**
 * The hostile modules of wasm/fixtures: text, bytes, and what the caller must get, as the comment on top of each says it.
 *
 *     ;; What it does, in prose.
 *     ;;
 *     ;; stage: load | start | init | call | destroy     where it misbehaves; everything before that goes well
 *     ;; expect: CODE, or OK; several with | between them     what the caller gets of that stage
 *     ;; reason: text     in the refusal, at stage load
 *     ;; grants: edict.log     host functions it must be granted for its stage to be reached
 *     ;; calls: 1000     the call that misbehaves; those before it are answered. Default 1
 *     ;; phase: 2     of these calls. Default 1
 *     ;; bytes: append 0e 01 | set 4 02 | cut 9 | replace 71 71 by ff fe
 *         what is done to the assembled bytes, since no assembler writes such
 */

import { readdirSync, readFileSync } from 'node:fs';
import { POLICY_FAILURES, type PolicyFailureCode } from '../../../src/policy/model/failure.ts';
import { assembleText } from '../../unit/wasm/support/wat.ts';

const FOLDER = new URL('../../../wasm/fixtures/', import.meta.url);
const STAGES = ['load', 'start', 'init', 'call', 'destroy'] as const;
const KEYS: readonly string[] = ['stage', 'expect', 'reason', 'grants', 'calls', 'phase', 'bytes'];

export type Stage = (typeof STAGES)[number];

export interface HostileFixture {
  /** Of the file, without its ending. */
  readonly name: string;
  readonly purpose: string;
  readonly stage: Stage;
  /** Any of these will do. */
  readonly expect: readonly (PolicyFailureCode | 'OK')[];
  readonly reason: string | undefined;
  readonly grants: readonly string[];
  readonly calls: number;
  readonly phase: number;
  readonly text: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** All of them, by name. */
export function hostileFixtures(): HostileFixture[] {
  return readdirSync(FOLDER)
    .filter((file) => file.endsWith('.wat'))
    .sort()
    .map((file) => hostileFixture(file.slice(0, -'.wat'.length)));
}

export function hostileFixture(name: string): HostileFixture {
  const text = readFileSync(new URL(`${name}.wat`, FOLDER), 'utf8');
  const { purpose, values } = readHeader(name, text);
  const stage = STAGES.find((one) => one === values.get('stage'));
  if (stage === undefined) throw new Error(`${name}: no stage is "${values.get('stage')}"`);
  return {
    name,
    purpose,
    stage,
    expect: (values.get('expect') ?? '').split('|').map((code) => codeOf(name, code.trim())),
    reason: values.get('reason'),
    grants: values.get('grants')?.split(', ') ?? [],
    calls: Number(values.get('calls') ?? 1),
    phase: Number(values.get('phase') ?? 1),
    text,
    bytes: changed(assembleText(text), values.get('bytes')),
  };
}

function readHeader(name: string, text: string): { purpose: string; values: Map<string, string> } {
  const values = new Map<string, string>();
  const prose: string[] = [];
  for (const line of text.split('\n')) {
    if (!line.startsWith(';;')) break;
    const [, key, value] = /^;; ([a-z]+): (.+)$/.exec(line) ?? [];
    if (key !== undefined && value !== undefined && KEYS.includes(key)) values.set(key, value);
    else if (line.length > 3) prose.push(line.slice(3));
  }
  if (prose.length === 0) throw new Error(`${name}: it does not say what it does`);
  return { purpose: prose.join(' '), values };
}

function codeOf(name: string, code: string): PolicyFailureCode | 'OK' {
  if (code === 'OK' || Object.hasOwn(POLICY_FAILURES, code)) return code as PolicyFailureCode | 'OK';
  throw new Error(`${name}: no failure has the code "${code}"`);
}

function changed(bytes: Uint8Array<ArrayBuffer>, change: string | undefined): Uint8Array<ArrayBuffer> {
  if (change === undefined) return bytes;
  const [verb, ...operands] = change.split(' ');
  const hex = (texts: readonly string[]) => texts.map((text) => Number.parseInt(text, 16));
  if (verb === 'append') return Uint8Array.from([...bytes, ...hex(operands)]);
  if (verb === 'cut') return bytes.slice(0, bytes.length - Number(operands[0]));
  const copy = Uint8Array.from(bytes);
  if (verb === 'set') copy.set(hex(operands.slice(1)), Number(operands[0]));
  else if (verb === 'replace') {
    const by = operands.indexOf('by');
    const at = Buffer.from(bytes).indexOf(Uint8Array.from(hex(operands.slice(0, by))));
    if (at < 0) throw new Error(`bytes: "${change}" finds nothing`);
    copy.set(hex(operands.slice(by + 1)), at);
  } else throw new Error(`bytes: "${change}" is no change`);
  return copy;
}

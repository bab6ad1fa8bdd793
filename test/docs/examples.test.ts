import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';

const example = (name: string): string => fileURLToPath(new URL(`../../examples/${name}/main.mjs`, import.meta.url));

/** Runs an example with a temporary folder of its own. */
async function run(name: string, ...args: string[]) {
  const folder = await mkdtemp(join(tmpdir(), 'edict-examples-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const env = { ...process.env, TMPDIR: folder, NO_COLOR: '1' };
  const child = spawn(process.execPath, [example(name), ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  const output = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (text: string) => {
      output[name] += text;
    });
  }
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  const seen = async (pattern: RegExp): Promise<RegExpExecArray> => {
    for (;;) {
      const found = pattern.exec(output.stdout);
      if (found !== null) return found;
      if (child.exitCode !== null) throw new Error(`ended without ${pattern}: ${output.stdout}${output.stderr}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  };
  return { child, folder, output, ended, seen };
}

describe('the shop', () => {
  it('decides, answers through its policies, sees a change of its flag file, and with --once ends by itself, leaving nothing behind', async () => {
    const { folder, output, ended } = await run('shop', '--once');
    expect({ code: await ended, stderr: output.stderr }).toEqual({ code: 0, stderr: '' });
    const { stdout } = output;
    for (const user of ['ana', 'ben', 'crawler']) expect(stdout).toMatch(new RegExp(`^${user} `, 'm'));
    expect(stdout).toMatch(/^ {2}new-checkout +true +enabled +TARGETING_MATCH +staff +\d+\.\d\d$/m);
    expect(stdout).toMatch(/^ {2}search-ranking +"\w+" +\w+ +SPLIT +default rule/m);
    expect(stdout).toMatch(/^ {2}gift-wrapping +true +offered +TARGETING_MATCH +big-enough/m);
    expect(stdout).toMatch(/^ {2}advent-calendar +false +SdkDefault +DISABLED +-/m);
    expect(stdout).not.toContain('ERROR');
    expect(stdout).toMatch(/^Changed: card-payments, new-checkout, \d+\.\d s after the file was written$/m);
    expect(stdout).toMatch(/card-payments +ana +true STATIC .*→ +false STATIC/);
    expect(stdout).toMatch(/new-checkout +ben +false DEFAULT .*→ +true TARGETING_MATCH/);
    expect(stdout).toMatch(/^ {2}\/basket\?user=ana +200 +no-store +(?:nl|-) +\{/m);
    expect(stdout).toMatch(/^ {2}\/basket\?user=crawler +403 +- +- +\{"error":"baskets are for people"\}/m);
    expect(stdout.match(/^ {2}\/partner\/offers +500 +- +- +\{"error":"Internal policy error"/gm)).toHaveLength(5);
    expect(stdout.match(/^ {2}\/partner\/offers +503 +- +- +\{"error":"Service unavailable"/gm)).toHaveLength(1);
    expect(stdout).toMatch(/^ {2}shop +basket +people-only +native +63 +42 none, 21 immediate +\d+\.\d$/m);
    expect(stdout).toMatch(/^ {2}shop +basket +set-headers +WebAssembly, metered +84 +84 changed +\d+\.\d$/m);
    // Built by the first `npm start`: a checkout in which there was none has two policies in front of its baskets.
    if (
      existsSync(
        fileURLToPath(
          new URL('../../node_modules/.cache/edict/components/shop/four-hooks.component.wasm', import.meta.url),
        ),
      )
    ) {
      expect(stdout).toMatch(/^ {2}shop +basket +language +WebAssembly, metered +42 +42 changed +\d+\.\d$/m);
      expect(stdout).toMatch(/^ {2}\/basket\?user=ana +200 +no-store +nl +\{/m);
    }
    expect(stdout).toMatch(/^ {2}partner +partner-offers +loop-forever +WebAssembly, metered +5 +5 FUEL_EXHAUSTED/m);
    expect(stdout.split('\n').filter((line) => line.length > 100)).toEqual([]);
    expect(await readdir(folder)).toEqual([]);
  });

  it('runs on until it is stopped, answers what it tells to curl, and then leaves nothing behind', async () => {
    const { child, folder, output, ended, seen } = await run('shop');
    await seen(/stop +Ctrl-C/);
    const [, basket] = await seen(/curl '(http:\S+\/basket\S+)'/);
    const [, flags] = await seen(/curl '(http:\S+\/flags\S+)'/);
    const [, partner] = await seen(/curl -i '(http:\S+\/partner\S+)'/);
    const [, ofrep] = await seen(/(http:\S+\/ofrep\/v1\/evaluate\/flags\/new-checkout)/);
    expect(await (await fetch(basket as string)).json()).toMatchObject({ checkout: 'new', payments: ['invoice'] });
    expect(await (await fetch(flags as string)).json()).toMatchObject({ 'card-payments': { variant: 'paused' } });
    expect((await fetch(partner as string)).status).toBe(500);
    const headers = { 'content-type': 'application/json' };
    const answer = await fetch(ofrep as string, { method: 'POST', headers, body: '{"context":{"country":"DE"}}' });
    expect(await answer.json()).toMatchObject({ key: 'new-checkout' });
    child.kill('SIGINT');
    expect({ code: await ended, stderr: output.stderr }).toEqual({ code: 0, stderr: '' });
    expect(await readdir(folder)).toEqual([]);
  });
});

/** What an example that ends by itself printed. */
async function printed(name: string): Promise<string> {
  const { folder, output, ended } = await run(name);
  expect({ code: await ended, stderr: output.stderr }).toEqual({ code: 0, stderr: '' });
  expect(await readdir(folder)).toEqual([]);
  return output.stdout;
}

describe('OpenTelemetry', () => {
  it("has events and counts of evaluations from OpenFeature's hooks, and the facts inside from Edict (D-94)", async () => {
    const stdout = await printed('opentelemetry');
    expect(stdout).toMatch(/^ {2}feature_flag\.evaluation {2}new-checkout {2}on {2}targeting_match$/m);
    expect(stdout).toMatch(/^ {2}feature_flag\.evaluation {2}no-such-flag {2}- {2}error {2}flag_not_found$/m);
    expect(stdout).toMatch(
      /^ {2}feature_flag\.evaluation_requests_total {2}2 {2}key=new-checkout provider\.name=edict$/m,
    );
    expect(stdout).toMatch(/^ {2}edict\.provider\.state {2}1 {2}state=ready$/m);
    expect(stdout).toMatch(/^ {2}edict\.polls {2}1 {2}outcome=changed$/m);
    expect(stdout).toMatch(/^ {2}edict\.events\.accepted {2}3$/m);
    expect(stdout).not.toMatch(/ana|ben/);
  });
});

describe('the multi-provider', () => {
  it('answers from Edict, then from memory, then with the default (S-42)', async () => {
    expect((await printed('multi-provider')).trimEnd().split('\n')).toEqual([
      'new-checkout  true   on   STATIC  Edict',
      'dark-mode     true   on   STATIC  memory',
      'no-such-flag  false  -    ERROR   nobody',
    ]);
  });
});

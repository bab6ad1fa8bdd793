import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { startPolicyRelay } from '../server/policies/support.ts';
import { cacheFolder, engineRig, following, QUIET } from './support.ts';

const SECRET = 'correct-horse-battery-staple';
const YAML = `routes:
  - key: 'GET|/pets|*'
    policies:
      - use: set-headers
        params: { requestHeaders: [{ name: x-a }], responseHeaders: [{ name: x-m, value: '{{ secret "mark" }}' }] }
`;

it('a secret that a template refers to is in no file of the cache, and is resolved again when the cache is loaded', async () => {
  const cacheDir = await cacheFolder();
  const relay = await startPolicyRelay(YAML, { apiKeys: ['key-of-the-relay'] });
  const secret = () => SECRET;
  const first = await following(relay, { cacheDir, apiKey: 'key-of-the-relay' }, { secret });
  expect(await first.mark()).toBe(`200 ${SECRET}`);
  await first.engine.close();
  const files = (await readdir(cacheDir, { recursive: true, withFileTypes: true })).filter((file) => file.isFile());
  const texts = await Promise.all(files.map((file) => readFile(join(file.parentPath, file.name), 'latin1')));
  expect(texts.length).toBe(3);
  expect(texts.some((text) => text.includes('{{ secret'))).toBe(true);
  for (const text of texts) {
    expect(text).not.toContain(SECRET);
    expect(text).not.toContain('key-of-the-relay');
  }
  await relay.relay.close();
  const second = await engineRig({ secret: () => `${SECRET}-2` });
  await second.engine.follow({ ...QUIET, endpoint: relay.relay.url, cacheDir, apiKey: 'key-of-the-relay' });
  expect(await second.mark()).toBe(`200 ${SECRET}-2`);
  // The configuration of another key is not for this one.
  const other = await engineRig({ secret });
  await expect(
    other.engine.follow({ ...QUIET, endpoint: relay.relay.url, cacheDir, apiKey: 'another-key' }),
  ).rejects.toThrow();
  expect(await other.mark()).toBe('503');
});

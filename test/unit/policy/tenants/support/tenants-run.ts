/** Makes tenants in a process of their own and gives what they did to its memory. */

import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

export interface TenantsReport {
  readonly grownBytes: number;
  readonly served: number;
  readonly tenants: number;
  readonly instances: number;
  readonly memoryBytes: number;
  readonly created: number;
  readonly reaped: number;
  readonly books: { readonly accepted: number; readonly sent: number; readonly pending: number };
  readonly timers: number;
}

const child = fileURLToPath(new URL('../fixtures/tenants-child.mjs', import.meta.url));

export async function measureTenants(mode: 'churn' | 'idle', count: number): Promise<TenantsReport> {
  const { stdout } = await promisify(execFile)(process.execPath, ['--expose-gc', child, mode, String(count)]);
  return JSON.parse(stdout) as TenantsReport;
}

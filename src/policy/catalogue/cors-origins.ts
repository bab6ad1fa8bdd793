/** The origins that cors allows: every one, one by name, all below a host, or those of a pattern. */

import { patternOf } from './pattern.ts';

/** A scheme, a host, perhaps a port, and nothing that a pattern would be made of. */
const EXACT = /^[A-Za-z][A-Za-z0-9+.-]*:\/\/(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]+)?$/;
/** `https://*.example.com`: any number of labels below a host. */
const BELOW = /^([A-Za-z][A-Za-z0-9+.-]*:\/\/)\*(\.[A-Za-z0-9._-]+(?::[0-9]+)?)$/;
const LABELS = /^[a-z0-9_-]+(?:\.[a-z0-9_-]+)*$/;

/** Origins are compared without regard to case; a pattern is for the whole origin, never for a part of it. */
export function originTest(origins: readonly string[], path: string): (origin: string) => boolean {
  const tests = origins.map((one, index) => testOf(one, `${path}/${index}`));
  return (origin) => {
    const lower = origin.toLowerCase();
    return tests.some((test) => test(lower));
  };
}

function testOf(allowed: string, path: string): (origin: string) => boolean {
  if (allowed === '*') return () => true;
  if (allowed === 'null' || EXACT.test(allowed)) {
    const wanted = allowed.toLowerCase();
    return (origin) => origin === wanted;
  }
  const below = BELOW.exec(allowed);
  if (below !== null) {
    const scheme = (below[1] as string).toLowerCase();
    const host = (below[2] as string).toLowerCase();
    return (origin) =>
      origin.startsWith(scheme) &&
      origin.endsWith(host) &&
      LABELS.test(origin.slice(scheme.length, Math.max(scheme.length, origin.length - host.length)));
  }
  const pattern = patternOf(allowed, path);
  return (origin) => pattern.matches(origin);
}

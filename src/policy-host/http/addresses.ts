/** Which addresses are the public internet's. Everything else needs a rule that says so. */

import { BlockList, isIP, isIPv4 } from 'node:net';

/** IANA's special-purpose registry for IPv4, multicast and the reserved rest. */
const PRIVATE_V4 = [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 4],
  ['240.0.0.0', 4],
] as const;

/** Of 2000::/3, the one block that is the internet's: what of it is not. Tunnels lead to whatever they hold. */
const PRIVATE_V6 = [
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['3fff::', 20],
] as const;

const blocked = new BlockList();
for (const [net, bits] of PRIVATE_V4) blocked.addSubnet(net, bits, 'ipv4');
for (const [net, bits] of PRIVATE_V6) blocked.addSubnet(net, bits, 'ipv6');

const unicast = new BlockList();
unicast.addSubnet('2000::', 3, 'ipv6');

/** `::ffff:0:0/96` is IPv4 in another dress, `64:ff9b::/96` IPv4 behind a translator. */
const mapped = new BlockList();
mapped.addSubnet('::ffff:0.0.0.0', 96, 'ipv6');
mapped.addSubnet('64:ff9b::', 96, 'ipv6');

export function isPublicAddress(address: string): boolean {
  if (isIP(address) === 0 || address.includes('%')) return false;
  if (isIPv4(address)) return !blocked.check(address, 'ipv4');
  if (mapped.check(address, 'ipv6')) {
    const inner = lowerHalf(address);
    return inner !== undefined && !blocked.check(inner, 'ipv4');
  }
  return unicast.check(address, 'ipv6') && !blocked.check(address, 'ipv6');
}

/** The last 32 bits as an IPv4 address. */
function lowerHalf(address: string): string | undefined {
  const dotted = /(\d+\.\d+\.\d+\.\d+)$/.exec(address)?.[1];
  if (dotted !== undefined) return dotted;
  // The URL parser writes any spelling of an IPv6 address in its shortest form.
  const short = new URL(`http://[${address}]/`).hostname.slice(1, -1);
  const [high = '0', low = '0'] = short.replace('::', ':0:').split(':').slice(-2);
  const bits = Number.parseInt(high || '0', 16) * 65_536 + Number.parseInt(low || '0', 16);
  if (!Number.isInteger(bits)) return undefined;
  return [24, 16, 8, 0].map((shift) => (bits >>> shift) & 255).join('.');
}

/** The origins that cors allows: every one, one by name, or all below a host. Letters are compared without their case. */

import { rejectParams } from '../../policy';

export class Origins {
  readonly isPublic: bool;
  private exact: string[] = [];
  private schemes: string[] = [];
  private hosts: string[] = [];

  constructor(allowed: string[]) {
    this.isPublic = allowed.includes('*');
    for (let i = 0; i < allowed.length; i++) {
      if (!this.add(lower(allowed[i]))) {
        rejectParams('/allowedOrigins/' + i.toString() + ': is neither an origin nor all below one');
      }
    }
  }

  allow(given: string): bool {
    if (this.isPublic) return true;
    const origin = lower(given);
    if (this.exact.includes(origin)) return true;
    for (let i = 0; i < this.hosts.length; i++) {
      const scheme = this.schemes[i];
      const host = this.hosts[i];
      const end = max(scheme.length, origin.length - host.length);
      if (origin.startsWith(scheme) && origin.endsWith(host) && isLabels(origin.substring(scheme.length, end))) return true;
    }
    return false;
  }

  private add(allowed: string): bool {
    if (allowed == '*') return true;
    const slashes = allowed.indexOf('://');
    const authority = slashes > 0 ? allowed.substring(slashes + 3) : '';
    const isBelow = authority.startsWith('*.');
    if (allowed != 'null') {
      if (slashes <= 0 || !isScheme(allowed.substring(0, slashes))) return false;
      if (!isAuthority(isBelow ? authority.substring(2) : authority, !isBelow)) return false;
    }
    if (isBelow) {
      this.schemes.push(allowed.substring(0, slashes + 3));
      this.hosts.push(authority.substring(1));
    } else this.exact.push(allowed);
    return true;
  }
}

/** ASCII letters; others are not part of an origin and of no header name. */
export function lower(text: string): string {
  let lowered = '';
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    lowered += String.fromCharCode(unit >= 0x41 && unit <= 0x5a ? unit | 32 : unit);
  }
  return lowered;
}

function isScheme(text: string): bool {
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    const isLetter = unit >= 0x61 && unit <= 0x7a;
    if (!isLetter && (i == 0 || (!isDigit(unit) && unit != 0x2b && unit != 0x2d && unit != 0x2e))) return false;
  }
  return true;
}

/** A host or, where it may, an address in brackets; perhaps a port. */
function isAuthority(text: string, mayBeAddress: bool): bool {
  const closed = mayBeAddress && text.startsWith('[') ? text.indexOf(']') : -1;
  const colon = text.indexOf(':', max(closed, 0));
  const host = colon < 0 ? text : text.substring(0, colon);
  if (colon >= 0 && !isPort(text.substring(colon + 1))) return false;
  if (closed >= 0) return closed > 1 && host.length == closed + 1 && isAddress(host.substring(1, closed));
  if (host == '') return false;
  for (let i = 0; i < host.length; i++) if (!isHost(host.charCodeAt(i))) return false;
  return true;
}

function isAddress(text: string): bool {
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (!isDigit(unit) && !(unit >= 0x61 && unit <= 0x66) && unit != 0x3a && unit != 0x2e) return false;
  }
  return true;
}

function isPort(text: string): bool {
  for (let i = 0; i < text.length; i++) if (!isDigit(text.charCodeAt(i))) return false;
  return text != '';
}

/** Labels with single dots between them. */
function isLabels(text: string): bool {
  const labels = text.split('.');
  for (let i = 0; i < labels.length; i++) {
    if (labels[i] == '') return false;
    for (let k = 0; k < labels[i].length; k++) if (!isHost(labels[i].charCodeAt(k))) return false;
  }
  return true;
}

function isHost(unit: i32): bool {
  return (unit >= 0x61 && unit <= 0x7a) || isDigit(unit) || unit == 0x2d || unit == 0x2e || unit == 0x5f;
}

function isDigit(unit: i32): bool {
  return unit >= 0x30 && unit <= 0x39;
}

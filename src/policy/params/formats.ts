/** The `format` words of JSON Schema that are checked; each in time that grows with the text only. */

import { linearPattern, patternFault } from './linear-pattern.ts';

/** Longer texts are no such thing. */
const MAX_LENGTH = 8_192;

type Check = (text: string) => boolean;

function matching(pattern: string): Check {
  const compiled = linearPattern(pattern);
  return (text) => text.length <= MAX_LENGTH && compiled.test(text);
}

const isUri: Check = (text) =>
  text.length <= MAX_LENGTH && /^[A-Za-z][A-Za-z0-9+.-]*:[^\s]*$/.test(text) && URL.canParse(text);

const isUriReference: Check = (text) =>
  text.length <= MAX_LENGTH && !/[\s\\]/.test(text) && URL.canParse(text, 'http://base.invalid/');

const isDateTime = matching('^\\d{4}-\\d{2}-\\d{2}[Tt]\\d{2}:\\d{2}:\\d{2}(\\.\\d+)?([Zz]|[+-]\\d{2}:\\d{2})$');
const isDate = matching('^\\d{4}-\\d{2}-\\d{2}$');
const OCTET = '(25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)';

export const FORMATS: Readonly<Record<string, Check>> = {
  uri: isUri,
  'uri-reference': isUriReference,
  'date-time': (text) => isDateTime(text) && !Number.isNaN(Date.parse(text)),
  date: (text) => isDate(text) && !Number.isNaN(Date.parse(text)),
  time: matching('^\\d{2}:\\d{2}:\\d{2}(\\.\\d+)?([Zz]|[+-]\\d{2}:\\d{2})$'),
  email: matching('^[^\\s@]+@[^\\s@]+$'),
  hostname: matching(
    '^([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)(\\.[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*$',
  ),
  ipv4: matching(`^${OCTET}(\\.${OCTET}){3}$`),
  ipv6: (text) => text.length <= 64 && /^[0-9A-Fa-f:.]+$/.test(text) && URL.canParse(`http://[${text}]/`),
  uuid: matching('^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$'),
  regex: (text) => patternFault(text) === undefined,
};

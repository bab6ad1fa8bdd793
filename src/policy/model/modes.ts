/** Which parts of an exchange a policy wants to see, and whether its hooks fit what it declares. */

/** Whether the header hook of a direction is called. */
export type HeaderMode = 'skip' | 'process';
/** Not at all, the whole body once, or chunk by chunk. */
export type BodyMode = 'skip' | 'buffer' | 'stream';

/** What a policy asks for. */
export interface ProcessingModes {
  readonly requestHeaders: HeaderMode;
  readonly requestBody: BodyMode;
  readonly responseHeaders: HeaderMode;
  readonly responseBody: BodyMode;
}

/** Which hooks a policy has. A streaming hook always comes with its buffered one, the fallback. */
export interface Capabilities {
  readonly requestHeaders: boolean;
  readonly requestBody: boolean;
  readonly responseHeaders: boolean;
  readonly responseBody: boolean;
  readonly streamingRequest: boolean;
  readonly streamingResponse: boolean;
}

/** Every contradiction between modes and hooks, as sentences; empty when there is none. */
export function modeViolations(modes: ProcessingModes, has: Capabilities): readonly string[] {
  return [
    ...headerViolations('requestHeaders', modes.requestHeaders, has.requestHeaders),
    ...bodyViolations('requestBody', modes.requestBody, has.requestBody, has.streamingRequest),
    ...headerViolations('responseHeaders', modes.responseHeaders, has.responseHeaders),
    ...bodyViolations('responseBody', modes.responseBody, has.responseBody, has.streamingResponse),
  ];
}

function headerViolations(name: string, mode: HeaderMode, hasHook: boolean): string[] {
  if (mode === 'process' && !hasHook) return [`${name}: mode is process, but there is no such hook`];
  if (mode === 'skip' && hasHook) return [`${name}: there is a hook, but the mode is skip`];
  return [];
}

function bodyViolations(name: string, mode: BodyMode, hasBuffered: boolean, hasStreaming: boolean): string[] {
  const wants = { skip: [false, false], buffer: [true, false], stream: [true, true] }[mode] as [boolean, boolean];
  const violations: string[] = [];
  const check = (kind: string, wanted: boolean, has: boolean): void => {
    if (wanted === has) return;
    violations.push(
      has
        ? `${name}: there is a ${kind} hook, but the mode is ${mode}`
        : `${name}: mode is ${mode}, but there is no ${kind} hook`,
    );
  };
  check('buffered', wants[0], hasBuffered);
  check('streaming', wants[1], hasStreaming);
  return violations;
}

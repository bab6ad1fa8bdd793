/** Listens to channels for the length of one test. */

import diagnosticsChannel from 'node:diagnostics_channel';
import { onTestFinished } from 'vitest';
import type { ChannelMessages, ChannelName } from '../../../../src/telemetry/channels.ts';

/** What was said, in order. */
export function hear<Name extends ChannelName>(name: Name): ChannelMessages[Name][] {
  const heard: ChannelMessages[Name][] = [];
  const listener = (message: unknown): void => void heard.push(message as ChannelMessages[Name]);
  diagnosticsChannel.subscribe(name, listener);
  onTestFinished(() => void diagnosticsChannel.unsubscribe(name, listener));
  return heard;
}

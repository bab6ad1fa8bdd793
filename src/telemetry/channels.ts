/** What Edict tells to `node:diagnostics_channel`: one channel a topic, free while nobody listens. */

import { type Channel, channel } from 'node:diagnostics_channel';

/** The channels and what their messages hold; never a context value, never a credential. */
export interface ChannelMessages {
  /** A resolution left the provider. */
  readonly 'edict:evaluate': {
    readonly flagKey: string;
    readonly variant: string;
    readonly reason: string;
    readonly errorCode: string | undefined;
  };
  /** The relay was asked for the configuration, or for its change probe. */
  readonly 'edict:poll': {
    readonly outcome: 'changed' | 'unchanged' | 'held' | 'failed';
    readonly code: string | undefined;
    readonly status: number | undefined;
  };
  /** The change stream opened, ended, or said that something changed. */
  readonly 'edict:stream': { readonly event: 'opened' | 'ended' | 'triggered'; readonly status: number | undefined };
  /** A guest threw; its store is being replaced. */
  readonly 'edict:trap': { readonly traps: number };
  /** A remote fallback ended. */
  readonly 'edict:fallback': { readonly flagKey: string; readonly outcome: string };
  /** Usage events were sent or dropped. */
  readonly 'edict:events': { readonly sent: number; readonly dropped: number; readonly cause: string | undefined };
}

/** The name of a channel. */
export type ChannelName = keyof ChannelMessages;

const CHANNELS: { readonly [Name in ChannelName]: Channel } = {
  'edict:evaluate': channel('edict:evaluate'),
  'edict:poll': channel('edict:poll'),
  'edict:stream': channel('edict:stream'),
  'edict:trap': channel('edict:trap'),
  'edict:fallback': channel('edict:fallback'),
  'edict:events': channel('edict:events'),
};

/** Whether anybody listens; asked before a message is made on a hot path. */
export function isHeard(name: ChannelName): boolean {
  return CHANNELS[name].hasSubscribers;
}

/**
 * Publishes one message. A listener that throws is Node's to report (as an uncaught exception on the next tick), and never
 * reaches whoever published.
 */
export function publish<Name extends ChannelName>(name: Name, message: ChannelMessages[Name]): void {
  const { [name]: topic } = CHANNELS;
  if (topic.hasSubscribers) topic.publish(message);
}

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
  /**
   * The change stream: it opened; ended after it was open; could not be opened; is not offered (`absent`); or one conditional
   * fetch was asked for because of it (`triggered`). `code` and `status` say why it ended or failed.
   */
  readonly 'edict:stream': {
    readonly event: 'opened' | 'ended' | 'failed' | 'absent' | 'triggered';
    readonly code: string | undefined;
    readonly status: number | undefined;
  };
  /** A guest threw; its store is being replaced. `traps`: how many of this evaluator, this one included. */
  readonly 'edict:trap': { readonly traps: number };
  /** The relay was asked about a flag that could not be decided here, or was not (`refused`, with the limit as `cause`). */
  readonly 'edict:fallback': {
    readonly flagKey: string;
    readonly outcome: 'answered' | 'failed' | 'timedOut' | 'refused';
    readonly cause: string | undefined;
  };
  /** Usage events were sent, or dropped for one cause; summed over the work at hand. */
  readonly 'edict:events': { readonly sent: number; readonly dropped: number; readonly cause: string | undefined };
  /** A hook of a policy ended. */
  readonly 'edict:policy:call': PolicyCall;
  /** A hook of a policy failed; told after `edict:policy:call`. */
  readonly 'edict:policy:failure': PolicyCall;
  /** A load of policies ended. `refused` and `superseded`: what served before goes on. */
  readonly 'edict:policy:swap': {
    readonly outcome: 'active' | 'refused' | 'superseded';
    readonly revision: string;
    readonly problems: number;
    /** Routes that serve the new revision, their old one, or nothing. */
    readonly routes: { readonly active: number; readonly kept: number; readonly closed: number };
  };
  /** Decision events of a tenant were dropped. */
  readonly 'edict:policy:drop': { readonly tenant: string; readonly reason: string; readonly count: number };
}

/** One hook of one policy. */
export interface PolicyCall {
  readonly tenant: string;
  readonly route: string;
  readonly policy: string;
  readonly version: string;
  readonly position: string;
  readonly phase: string;
  readonly outcome: string;
  readonly code: string | undefined;
  readonly durationUs: number;
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
  'edict:policy:call': channel('edict:policy:call'),
  'edict:policy:failure': channel('edict:policy:failure'),
  'edict:policy:swap': channel('edict:policy:swap'),
  'edict:policy:drop': channel('edict:policy:drop'),
};

/** Whether anybody listens; asked before a message is made, so that a channel nobody listens to costs one property read. */
export function isHeard(name: ChannelName): boolean {
  return CHANNELS[name].hasSubscribers;
}

/**
 * Publishes one message. A listener that throws is Node's to report (as an uncaught exception on the next tick), and never
 * reaches whoever published. Listeners run at once and may call back: publish last, when everything is in its new state.
 */
export function publish<Name extends ChannelName>(name: Name, message: ChannelMessages[Name]): void {
  const { [name]: topic } = CHANNELS;
  if (topic.hasSubscribers) topic.publish(message);
}

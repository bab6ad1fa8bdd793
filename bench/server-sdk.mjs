/**
 * The OpenFeature server SDK as Edict itself resolves it (from the project's own dependencies), so that Edict and the
 * provider that does nothing are measured through one and the same copy of the client.
 */
export { InMemoryProvider, OpenFeature } from '@openfeature/server-sdk';

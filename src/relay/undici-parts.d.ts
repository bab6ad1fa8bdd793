/** Types of the three modules of undici that the relay client loads; see undici.ts for why not all of it. */

declare module 'undici/lib/dispatcher/pool.js' {
  import type undici from 'undici';

  const part: typeof undici.Pool;
  export = part;
}

declare module 'undici/lib/core/connect.js' {
  import type undici from 'undici';

  const part: typeof undici.buildConnector;
  export = part;
}

declare module 'undici/lib/api/api-request.js' {
  import type undici from 'undici';

  const part: typeof undici.Dispatcher.prototype.request;
  export = part;
}

/** How Edict names itself to a relay. */

/** The version of the package; a test keeps it equal to package.json, which compiled code cannot import. */
export const VERSION = '0.1.0';

export const USER_AGENT = `edict/${VERSION}`;

/** What modules may ask for where the operator says nothing: all that stays in this process. */

export const DEFAULT_ALLOWED = {
  log: true,
  clock: { fine: true },
  random: true,
  metrics: true,
  flags: true,
  metadata: true,
  resources: true,
  kv: true,
  crypto: true,
};

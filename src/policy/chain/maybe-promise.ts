/** Values that are there at once, or later: the chain stays synchronous for as long as its policies are. */

export type MaybePromise<T> = T | Promise<T>;

/** Goes on with a value, at once when it is there. `next` must not throw. */
export function andThen<T, R>(value: MaybePromise<T>, next: (value: T) => MaybePromise<R>): MaybePromise<R> {
  return value instanceof Promise ? value.then(next) : next(value);
}

/**
 * Visits items in order until a visit gives true; whether one did. At once for as long as the visits are. `visit` must not
 * throw.
 */
export function visitUntil<T>(
  items: readonly T[],
  visit: (item: T) => MaybePromise<boolean>,
  from = 0,
): MaybePromise<boolean> {
  for (let i = from; i < items.length; i++) {
    const isDone = visit(items[i] as T);
    if (isDone instanceof Promise) return isDone.then((yes) => yes || visitUntil(items, visit, i + 1));
    if (isDone) return true;
  }
  return false;
}

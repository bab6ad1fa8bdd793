/** Values that are there at once, or later: the chain stays synchronous for as long as its policies are. */

export type MaybePromise<T> = T | Promise<T>;

/** Goes on with a value, at once when it is there. `next` must not throw. */
export function andThen<T, R>(value: MaybePromise<T>, next: (value: T) => MaybePromise<R>): MaybePromise<R> {
  return value instanceof Promise ? value.then(next) : next(value);
}

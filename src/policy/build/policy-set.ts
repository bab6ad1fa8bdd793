/** What serves: every route of one revision. Immutable; a new revision is another set, swapped by one reference. */

import type { Sha256 } from '../../internal/sha256.ts';
import type { RouteVersion } from './route-version.ts';

export class PolicySet {
  static readonly empty = new PolicySet('', undefined, 0, new Map());
  readonly revision: string;
  /** Of the whole document, in canonical form. */
  readonly digest: Sha256 | undefined;
  /** Grows with every configuration that was handed over; a set never follows a later one. */
  readonly generation: number;
  readonly routes: ReadonlyMap<string, RouteVersion>;

  constructor(
    revision: string,
    digest: Sha256 | undefined,
    generation: number,
    routes: ReadonlyMap<string, RouteVersion>,
  ) {
    this.revision = revision;
    this.digest = digest;
    this.generation = generation;
    this.routes = routes;
    Object.freeze(this);
  }

  route(key: string): RouteVersion | undefined {
    return this.routes.get(key);
  }
}

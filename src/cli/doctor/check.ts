/** What one check of `edict doctor` found. */

export interface Check {
  readonly name: string;
  /** `note`: nothing was checked, and nothing is wrong. */
  readonly status: 'ok' | 'note' | 'bad';
  readonly detail: string;
  readonly remedy?: string;
  /** The facts behind the detail, for machines. */
  readonly facts?: Readonly<Record<string, string | number | boolean | null>>;
}

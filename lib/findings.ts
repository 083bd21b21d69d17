/** A mistake or a warning that a check found, with its path relative to what was checked. */
export interface Finding {
  readonly path: readonly (string | number)[];
  readonly message: string;
  readonly hint: string;
  /** @default - refused; `warning` is printed and lets the synthesis go on */
  readonly severity?: 'warning';
}

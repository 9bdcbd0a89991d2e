/** A row of the specification as data: the same rows run against the matcher and, over HTTP, against every store. */
export type Row =
  | {
      readonly name: string;
      /** `Type?query`, not percent-encoded beyond need; `{base}` stands for the server's own FHIR address. */
      readonly query: string;
      /** Ids of the population (without type), in any order. */
      readonly expect: readonly string[];
    }
  | { readonly name: string; readonly query: string; readonly status: 400; readonly detail: string };

/** Rows about one thing. The first is the positive control: it finds something. */
export interface Group {
  readonly title: string;
  readonly rows: readonly Row[];
}

import type { TopLevelSpec } from 'vega-lite';

/** A cell of a table; a link is relative to the folder of the report. */
export type Cell = string | { readonly text: string; readonly href: string };

/** What a report consists of, before it becomes Markdown or HTML. */
export type Block =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'code'; readonly text: string }
  | {
      readonly kind: 'table';
      readonly header: readonly string[];
      readonly rows: readonly (readonly Cell[])[];
    }
  /** Left out where pictures cannot be. */
  | { readonly kind: 'chart'; readonly caption: string; readonly spec: TopLevelSpec };

/** A heading and what is below it; without blocks it is left out. */
export interface Section {
  readonly title: string;
  readonly blocks: readonly Block[];
}

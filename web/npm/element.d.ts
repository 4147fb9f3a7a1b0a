import type { Entity, Token } from "./clinical-ner.js";

/**
 * `<clinical-ner model="…" strategy="…" threshold="…">text</clinical-ner>`: the text with its entities marked. Events: `progress`,
 * `ready` (the model), `entities`, `error`; each has its object as `detail`.
 */
export class ClinicalNer extends HTMLElement {
  /** The text; by default, and again after `null`, what stands in the element. */
  get value(): string;
  set value(text: string | null);
  /** What was found in it. */
  readonly entities: (Entity | Token)[];
}

declare global {
  interface HTMLElementTagNameMap {
    "clinical-ner": ClinicalNer;
  }
}

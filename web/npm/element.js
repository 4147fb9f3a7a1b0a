// <clinical-ner>: a text with its entities marked, for pages without a framework. Importing this file defines it.
import { pipeline } from "./clinical-ner.js";

const STYLES = `
:host { display: block; line-height: 1.9; color-scheme: light dark; }
:host([hidden]) { display: none; }
.text { white-space: pre-wrap; overflow-wrap: break-word; }
mark, li {
  color: inherit;
  padding: 0.1em 0.2em;
  border-radius: 0.25em;
  border-bottom: 2px solid hsl(var(--hue) 60% 45%);
  background: var(--own, var(--clinical-ner-mark, hsl(var(--hue) 70% 50% / 0.18)));
}
mark::after { content: attr(data-type); margin-inline-start: 0.4em; font-size: 0.7em; font-weight: 600; }
.legend, .status { font-size: 0.85em; }
.legend { display: flex; flex-wrap: wrap; gap: 0.3em 0.8em; margin: 0.5em 0; padding: 0; list-style: none; }
.legend:empty, .status:empty { display: none; }
`;
// As far apart as they can be, in the order of the types.
const hue = (at) => Math.round((350 + at * 137.5) % 360);
// A type as a part, and within the name of its custom property.
const partName = (type) => type.trim().replace(/\s+/g, "-");
const property = (type) => `--clinical-ner-${CSS.escape(partName(type).toLowerCase())}`;
const rule = (type, at) => `[data-type=${CSS.escape(type)}] { --hue: ${hue(at)}; --own: var(${property(type)}); }`;

// One model for all elements that name the same one, as long as one of them is there.
const running = new Map();
const acquire = (model, tell) => {
  const key = model ?? "";
  let shared = running.get(key);
  const forget = () => { if (running.get(key) === shared) running.delete(key); };
  if (!shared) {
    shared = { users: 0, listeners: new Set(), control: new AbortController() };
    running.set(key, shared);
    shared.ner = pipeline("token-classification", model, {
      progress_callback: (progress) => shared.listeners.forEach((listener) => listener(progress)),
      signal: shared.control.signal,
    });
    // Whoever comes later tries again.
    shared.ner.catch(forget);
  }
  shared.users++;
  shared.listeners.add(tell);
  const release = () => {
    shared.listeners.delete(tell);
    shared.users--;
    // An element that is moved leaves the page and comes back at once.
    setTimeout(() => {
      if (shared.users > 0) return;
      forget();
      // It may still be on its way.
      shared.control.abort();
      shared.ner.then((ner) => ner.dispose(), () => {});
    });
  };
  return { ner: shared.ner, release };
};

export class ClinicalNer extends HTMLElement {
  static observedAttributes = ["model", "strategy", "threshold"];

  #text;
  #legend;
  #status;
  #hues = new CSSStyleSheet();
  // What stands in the element may come later, or change.
  #content = new MutationObserver(() => { if (this.#value === null) this.#update(); });
  #value = null;
  #model = null;
  #work = null;
  #entities = [];

  constructor() {
    super();
    const root = this.attachShadow({ mode: "open" });
    const styles = new CSSStyleSheet();
    styles.replaceSync(STYLES);
    root.adoptedStyleSheets = [styles, this.#hues];
    const part = (tag, name) => {
      const element = Object.assign(document.createElement(tag), { className: name });
      element.setAttribute("part", name);
      root.append(element);
      return element;
    };
    this.#text = part("div", "text");
    this.#legend = part("ul", "legend");
    // Without markers it would be no list to Safari.
    this.#legend.setAttribute("role", "list");
    this.#legend.setAttribute("aria-label", "Types");
    this.#status = part("p", "status");
    this.#status.setAttribute("role", "status");
  }

  // The text: by default what stands in the element.
  get value() {
    return this.#value ?? this.textContent;
  }

  set value(text) {
    this.#value = text == null ? null : String(text);
    this.#update();
  }

  // What was found in it, as the pipeline gives it.
  get entities() {
    return this.#entities;
  }

  connectedCallback() {
    // Set before this class was there.
    if (Object.hasOwn(this, "value")) {
      const { value } = this;
      delete this.value;
      this.#value = value == null ? null : String(value);
    }
    this.#content.observe(this, { childList: true, characterData: true, subtree: true });
    this.#start();
  }

  disconnectedCallback() {
    this.#content.disconnect();
    this.#work?.abort();
    this.#model?.release();
    this.#model = null;
  }

  attributeChangedCallback(name) {
    if (!this.isConnected || !this.#model) return;
    if (name === "model") {
      this.#model.release();
      this.#start();
    } else {
      this.#update();
    }
  }

  #emit(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }

  #start() {
    const model = acquire(this.getAttribute("model"), (progress) => this.#emit("progress", progress));
    this.#model = model;
    this.#update();
    model.ner.then((ner) => { if (this.#model === model) this.#emit("ready", ner.model); }, () => {});
  }

  async #update() {
    this.#work?.abort();
    const model = this.#model;
    const text = this.value;
    this.#entities = [];
    this.#draw(text, []);
    if (!model) return;
    const work = new AbortController();
    this.#work = work;
    this.#status.textContent = "Looking for entities…";
    try {
      const ner = await model.ner;
      const entities = await ner(text, {
        aggregation_strategy: this.getAttribute("strategy") ?? "constrained",
        threshold: Number(this.getAttribute("threshold") ?? 0),
        signal: work.signal,
      });
      if (work.signal.aborted) return;
      this.#hues.replaceSync(ner.model.types.map(rule).join("\n"));
      this.#entities = entities;
      this.#draw(text, entities);
      this.#status.textContent = "";
      this.#emit("entities", entities);
    } catch (error) {
      if (work.signal.aborted) return;
      this.#status.textContent = error.message;
      this.#emit("error", error);
    }
  }

  #draw(text, entities) {
    const nodes = [];
    const keys = new Map();
    let end = 0;
    for (const entity of entities) {
      const type = (entity.entity_group ?? entity.entity).replace(/^[BI]-/, "");
      const mark = document.createElement("mark");
      mark.textContent = entity.word;
      mark.dataset.type = type;
      mark.title = `${type}, ${Math.round(100 * entity.score)} %`;
      mark.setAttribute("part", `mark ${partName(type)}`);
      nodes.push(text.slice(end, entity.start), mark);
      end = entity.end;
      keys.set(type, (keys.get(type) ?? 0) + 1);
    }
    nodes.push(text.slice(end));
    this.#text.replaceChildren(...nodes);
    this.#legend.replaceChildren(...[...keys].sort().map(([type, count]) => {
      const key = document.createElement("li");
      key.textContent = `${type} ${count}`;
      key.dataset.type = type;
      key.setAttribute("part", `key ${partName(type)}`);
      return key;
    }));
  }
}

// A bundle may hold the package twice.
if (!customElements.get("clinical-ner")) customElements.define("clinical-ner", ClinicalNer);

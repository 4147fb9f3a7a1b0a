/** How token labels become entities. `constrained` knows which labels may follow each other and gives calibrated scores; the others are Hugging Face's. */
export type AggregationStrategy = "constrained" | "none" | "simple" | "first" | "average" | "max";

interface Found {
  /** 0 to 1. */
  score: number;
  /** The slice of the text. */
  word: string;
  /** First UTF-16 unit: `text.slice(start, end) === word`. */
  start: number;
  /** UTF-16 unit after the last. */
  end: number;
}

/** What every strategy but `none` gives. */
export interface Entity extends Found {
  entity_group: string;
}

/** What the strategy `none` gives. */
export interface Token extends Found {
  /** A label, such as `B-Symptoms`. */
  entity: string;
  /** Number of the token, from 1. */
  index: number;
}

export interface ClassifyOptions<S extends AggregationStrategy = AggregationStrategy> {
  /** Default `constrained`. */
  aggregation_strategy?: S;
  /** Leaves out what scores less. Default 0; `constrained` has a least score of its own. */
  threshold?: number;
  /** Labels or types that are left out. Default `["O"]`. */
  ignore_labels?: string[];
  /** Stops the work; the promise is rejected with the signal's reason. */
  signal?: AbortSignal;
}

type Output<S extends AggregationStrategy> = S extends "none" ? Token[] : Entity[];

export interface TokenClassificationPipeline {
  <S extends AggregationStrategy = "constrained">(text: string, options?: ClassifyOptions<S>): Promise<Output<S>>;
  <S extends AggregationStrategy = "constrained">(texts: string[], options?: ClassifyOptions<S>): Promise<Output<S>[]>;
  task: string;
  model: {
    name: string;
    bytes: number;
    sha256: string;
    base: string | null;
    metrics: string | null;
    labels: string[];
    types: string[];
    kernels: string;
  };
  /** Ends the worker and gives its memory back. Texts that wait are rejected. */
  dispose(): Promise<void>;
}

export type Progress =
  /** `total` and `progress` (in per cent) are 0 where the server does not tell the size. */
  | { status: "progress"; file: string; loaded: number; total: number; progress: number }
  | { status: "ready"; task: string; model: string };

export interface PipelineOptions {
  progress_callback?: (progress: Progress) => void;
  /** Only WebAssembly runs yet. */
  device?: "auto" | "wasm";
  /** By default one per core, 8 at most. More than one needs a page that is isolated from other origins. */
  threads?: number;
  signal?: AbortSignal;
}

/**
 * Starts a model: a file that `model-export` wrote, by its address (relative to the page) or as it is; by default the one in this
 * package.
 */
export function pipeline(
  task: "token-classification" | "ner",
  model?: string | URL | Blob | null,
  options?: PipelineOptions,
): Promise<TokenClassificationPipeline>;

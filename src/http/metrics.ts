/**
 * What the server measures of itself, in the text format of Prometheus.
 *
 * @module
 */

/** Upper bounds of a histogram's buckets, in seconds. */
const BOUNDS_S = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10] as const;

/** Names and values of labels, in one order for each metric. */
export type Labels = Readonly<Record<string, string>>;

/** Labels can only come from what the program knows; this bounds what a mistake costs. */
const MAX_SERIES = 1000;

interface Metric {
  readonly name: string;
  readonly help: string;
  readonly type: "counter" | "gauge" | "histogram";
  lines(): Iterable<string>;
}

/** A number that only grows. */
export class Counter implements Metric {
  readonly type = "counter";
  readonly #series = new Map<string, number>();

  constructor(readonly name: string, readonly help: string) {}

  /** Counts one more. */
  add(labels: Labels = {}, by = 1): void {
    const key = textOf(labels);
    if (!this.#series.has(key) && this.#series.size >= MAX_SERIES) return;
    this.#series.set(key, (this.#series.get(key) ?? 0) + by);
  }

  *lines(): Iterable<string> {
    if (this.#series.size === 0) yield `${this.name} 0`;
    for (const [labels, value] of this.#series) yield `${this.name}${braced(labels)} ${value}`;
  }
}

/** A number that is asked for when it is shown. */
export class Gauge implements Metric {
  readonly type = "gauge";

  constructor(readonly name: string, readonly help: string, readonly ask: () => number) {}

  *lines(): Iterable<string> {
    yield `${this.name} ${this.ask()}`;
  }
}

/** How long something took. */
export class Histogram implements Metric {
  readonly type = "histogram";
  readonly #series = new Map<string, { counts: number[]; sum: number; count: number }>();

  constructor(readonly name: string, readonly help: string) {}

  /** Notes a duration, in milliseconds. */
  observe(ms: number, labels: Labels = {}): void {
    const key = textOf(labels);
    let series = this.#series.get(key);
    if (!series) {
      if (this.#series.size >= MAX_SERIES) return;
      series = { counts: BOUNDS_S.map(() => 0), sum: 0, count: 0 };
      this.#series.set(key, series);
    }
    const seconds = ms / 1000;
    series.sum += seconds;
    series.count++;
    const at = BOUNDS_S.findIndex((bound) => seconds <= bound);
    if (at >= 0) series.counts[at]++;
  }

  *lines(): Iterable<string> {
    for (const [labels, { counts, sum, count }] of this.#series) {
      let below = 0;
      const bucket = (le: string, value: number) =>
        `${this.name}_bucket${braced([labels, `le="${le}"`].filter(Boolean).join(","))} ${value}`;
      for (const [i, bound] of BOUNDS_S.entries()) yield bucket(String(bound), below += counts[i]);
      yield bucket("+Inf", count);
      yield `${this.name}_sum${braced(labels)} ${Number(sum.toFixed(6))}`;
      yield `${this.name}_count${braced(labels)} ${count}`;
    }
  }
}

/** Everything that the server measures. */
export class Metrics {
  readonly requests = new Counter("csc_http_requests_total", "Requests by route and status.");
  readonly requestTime = new Histogram(
    "csc_http_request_duration_seconds",
    "Until the answer began, by route.",
  );
  readonly limited = new Counter("csc_http_limited_total", "Requests refused by a limit, by kind.");
  readonly sessionsStarted = new Counter("csc_sessions_started_total", "MCP sessions by kind.");
  readonly sessionsEnded = new Counter("csc_sessions_ended_total", "MCP sessions by their end.");
  readonly acts = new Counter("csc_acts_total", "Tool calls, reads and prompts by result.");
  readonly actTime = new Histogram("csc_act_duration_seconds", "Tool calls, reads and prompts.");
  readonly storeTime = new Histogram(
    "csc_store_operation_duration_seconds",
    "Operations of the server's own store.",
  );
  readonly storeFailures = new Counter("csc_store_failures_total", "Failed operations by code.");
  readonly hookTime = new Histogram(
    "csc_hook_elapsed_seconds",
    "How long a hook on another machine had run when it asked the store.",
  );
  readonly #gauges: Gauge[] = [];

  /** Adds a number that is asked for when it is shown. */
  gauge(name: string, help: string, ask: () => number): void {
    this.#gauges.push(new Gauge(name, help, ask));
  }

  /** The text. */
  text(): string {
    const own = Object.values(this).filter((value): value is Metric =>
      value instanceof Counter || value instanceof Histogram
    );
    const parts = [...own, ...this.#gauges].map((metric) =>
      [
        `# HELP ${metric.name} ${metric.help}`,
        `# TYPE ${metric.name} ${metric.type}`,
        ...metric.lines(),
      ].join("\n")
    );
    return parts.join("\n") + "\n";
  }
}

function textOf(labels: Labels): string {
  return Object.entries(labels).map(([name, value]) => `${name}="${escaped(value)}"`).join(",");
}

function escaped(value: string): string {
  return value.replace(/["\\\n]/g, (char) => char === "\n" ? "\\n" : `\\${char}`);
}

function braced(labels: string): string {
  return labels === "" ? "" : `{${labels}}`;
}

// An ECharts chart from options that are plain JSON (hub/web/charts/options.py): adds what JSON
// cannot say, formatters and the page's colours. Text is set as text, never as HTML.
import { echarts } from "nicegui-echart";
import { toRaw } from "vue";

const SETTLED_MS = 250; // after the last move of a zoom

export default {
  template: '<div role="img" :aria-label="label"></div>',
  props: { options: Object, label: String },
  async mounted() {
    await new Promise((resolve) => setTimeout(resolve, 0)); // style sheets first
    this.chart = echarts.init(this.$el, null, { renderer: "canvas" });
    this.chart.on("finished", () => (this.$el.dataset.drawn = String(this.count ?? 0)));
    this.chart.on("brushEnd", (event) => this.chosen(event));
    this.sizes = new ResizeObserver(() => this.chart.resize());
    this.sizes.observe(this.$el);
    this.colours = new MutationObserver(() => this.dark !== dark() && this.draw());
    this.colours.observe(document.body, { attributes: true, attributeFilter: ["class"] });
    this.draw();
  },
  beforeUnmount() {
    this.sizes?.disconnect();
    this.colours?.disconnect();
    this.chart?.dispose();
  },
  methods: {
    draw() {
      if (!this.chart || !this.options) return;
      const options = structuredClone(toRaw(this.options));
      this.dress(options);
      this.$el.style.height = `${options.height}px`;
      this.chart.resize();
      this.count = (this.count ?? 0) + 1;
      this.chart.setOption(options, { notMerge: true });
      // A drag across the chart chooses a time to look at; on a touch screen it would keep the
      // page from scrolling.
      if (matchMedia("(pointer: fine)").matches) {
        this.chart.dispatchAction({
          type: "takeGlobalCursor",
          key: "brush",
          brushOption: { brushType: "lineX", brushMode: "single" },
        });
      }
    },
    dress(options) {
      const style = getComputedStyle(this.$el);
      const text = style.color;
      this.dark = dark();
      const faint = this.dark ? "#ffffff30" : "#00000020";
      const panel = this.dark ? "#222" : "#fff";
      options.textStyle = { fontFamily: style.fontFamily, color: text };
      options.legend.textStyle = { color: text };
      for (const axis of [...options.xAxis, ...options.yAxis]) {
        axis.axisLabel = { ...axis.axisLabel, color: text };
        axis.nameTextStyle = { ...axis.nameTextStyle, color: text };
        axis.axisLine = { ...axis.axisLine, lineStyle: { color: text } };
        axis.splitLine = { ...axis.splitLine, lineStyle: { color: faint } };
        if (axis.words) axis.axisLabel.formatter = (value) => axis.words[value] ?? "";
      }
      options.tooltip = {
        ...options.tooltip,
        backgroundColor: panel,
        textStyle: { color: text },
        axisPointer: { type: "line", label: { show: false } },
        formatter: (at) => this.tip(options, at),
      };
      options.brush = { xAxisIndex: "all", throttleType: "debounce", throttleDelay: SETTLED_MS };
    },
    tip(options, at) {
      const box = document.createElement("div");
      if (!Array.isArray(at)) {
        box.textContent = at.name; // a mark or a zone
        return box;
      }
      const time = at[0].axisValue;
      const line = (text) => (box.appendChild(document.createElement("div")).textContent = text);
      line(moment(time, options.timezone));
      for (const trace of options.traces) {
        const found = reading(options.dataset[trace.dataset].source, time);
        line(`${trace.name}: ${found === null ? "no data" : told(trace, found)}`);
      }
      return box;
    },
    chosen(event) {
      const area = event.areas?.[0]?.coordRange;
      this.chart.dispatchAction({ type: "brush", areas: [] });
      if (area && area[1] - area[0] > 1000) {
        this.$emit("span", { since: Math.round(area[0]), until: Math.round(area[1]) });
      }
    },
  },
  watch: {
    options() {
      this.draw();
    },
  },
};

const dark = () => document.body.classList.contains("body--dark");

// A time by the place's clock, with its offset: an hour of autumn comes twice.
function moment(time, timeZone) {
  const told = {
    year: "numeric", month: "short", day: "numeric", hour: "2-digit", minute: "2-digit",
    second: "2-digit", timeZone, timeZoneName: "shortOffset",
  };
  return new Intl.DateTimeFormat(navigator.language, told).format(time);
}

// The columns at the last time that is not after `time`; null in a gap.
function reading(columns, time) {
  let low = 0;
  let high = columns.t.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (columns.t[middle] <= time) low = middle + 1;
    else high = middle;
  }
  const n = low - 1;
  if (n < 0 || columns.v[n] === null) return null;
  return { v: columns.v[n], low: columns.low?.[n], span: columns.span?.[n] };
}

function told(trace, found) {
  const show = (value) => {
    const word = trace.words[value];
    return word ?? `${value.toFixed(trace.decimals)} ${trace.unit}`.trim();
  };
  if (found.low === undefined || !found.span) return show(found.v);
  return `${trace.what} ${show(found.v)}, ${show(found.low)} to ${show(found.low + found.span)}`;
}

// An ECharts chart from options that are plain JSON (hub/web/charts/options.py): adds what JSON
// cannot say, formatters and the page's colours. Text is set as text, never as HTML.
import { echarts } from "nicegui-echart";
import { toRaw } from "vue";

const say = window.dormouseSay;

const SETTLED_MS = 250; // after the last move of a zoom
const NARROW = 600; // px: a phone's; names of lanes stand above them, nothing stands at the right
const ROWS = 500; // of the table

export default {
  template: `<div class="dm-chart-box">
    <div class="dm-plot" ref="plot" role="img" tabindex="0" :aria-label="label" @keydown="key"></div>
    <div class="dm-marks" ref="marks"></div>
    <p class="dm-sr" role="status">{{ said }}</p>
    <details @toggle="tabled = $event.target.open">
      <summary>{{ say("As a table") }}</summary>
      <div class="dm-scroll" tabindex="0" role="region" :aria-label="say('The chart as a table')" v-if="tabled">
        <p v-if="table.left" class="dm-soft">{{ say("The last {shown} of {all} times.", { shown: ${ROWS}, all: table.rows.length + table.left }) }}</p>
        <table class="dm-table">
          <thead><tr><th scope="col">{{ say("Time") }}</th><th scope="col" v-for="one in table.names">{{ one }}</th></tr></thead>
          <tbody><tr v-for="row in table.rows">
            <th scope="row">{{ row.at }}</th><td v-for="one in row.values">{{ one }}</td>
          </tr></tbody>
        </table>
      </div>
    </details>
  </div>`,
  props: { options: Object, label: String, keyed: Boolean },
  data: () => ({ said: "", tabled: false }),
  computed: {
    table() {
      return tableOf(this.options);
    },
  },
  async mounted() {
    await new Promise((resolve) => setTimeout(resolve, 0)); // style sheets first
    const plot = this.$refs.plot;
    this.chart = echarts.init(plot, null, { renderer: "canvas" });
    this.chart.on("finished", () => {
      this.mark();
      plot.dataset.drawn = String(this.count ?? 0);
    });
    this.chart.on("brushEnd", (event) => this.chosen(event));
    this.sizes = new ResizeObserver(() => this.sized());
    this.sizes.observe(plot);
    this.colours = new MutationObserver(() => this.dark !== dark() && this.draw());
    this.colours.observe(document.body, { attributes: true, attributeFilter: ["class"] });
    this.$el.addEventListener("dm-picture", () => this.picture());
    if (this.keyed) {
      document.addEventListener("keydown", this.pressed);
      window.dormouse?.keys?.(say("On this page"), [
        ["[", say("Earlier")],
        ["]", say("Later")],
        ["1 2 3 4 5", say("Hour, day, week, month, year")],
        ["m", say("Mute what is unusual")],
      ]);
    }
    this.draw();
  },
  beforeUnmount() {
    document.removeEventListener("keydown", this.pressed);
    this.sizes?.disconnect();
    this.colours?.disconnect();
    this.chart?.dispose();
  },
  methods: {
    say,
    sized() {
      const narrow = this.$refs.plot.clientWidth < NARROW;
      if (narrow !== this.narrow) this.draw();
      else this.chart.resize();
      const wide = Math.round(this.$refs.plot.clientWidth - (narrow ? 56 : 172));
      if (wide > 0 && wide !== this.told) this.$emit("width", (this.told = wide));
    },
    draw() {
      if (!this.chart || !this.options) return;
      const options = structuredClone(toRaw(this.options));
      this.narrow = this.$refs.plot.clientWidth < NARROW;
      this.dress(options);
      this.$refs.plot.style.height = `${options.height}px`;
      this.chart.resize();
      this.count = (this.count ?? 0) + 1;
      this.drawn = options;
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
      const colour = (name) => style.getPropertyValue(`--dm-${name}`).trim() || style.color;
      const text = style.color;
      this.dark = dark();
      const faint = colour("line");
      options.textStyle = { fontFamily: style.fontFamily, color: text };
      options.legend.textStyle = { color: text };
      for (const grid of options.grid) if (this.narrow) Object.assign(grid, { left: 44, right: 12 });
      for (const axis of [...options.xAxis, ...options.yAxis]) {
        axis.axisLabel = { ...axis.axisLabel, color: colour("soft") };
        axis.nameTextStyle = { ...axis.nameTextStyle, color: text, fontWeight: axis.lane ? 600 : 500 };
        axis.axisLine = { ...axis.axisLine, lineStyle: { color: faint } };
        const type = axis.type === "time" ? "dotted" : "solid";
        axis.splitLine = { ...axis.splitLine, lineStyle: { color: faint, type } };
        if (axis.words) axis.axisLabel.formatter = (value) => axis.words[value] ?? "";
        if (axis.lane && this.narrow) {
          Object.assign(axis, { nameLocation: "end", nameGap: 2 });
          Object.assign(axis.nameTextStyle, { align: "left", verticalAlign: "bottom", fontSize: 11 });
        } else if (axis.lane) {
          axis.nameTextStyle.width = 68;
          axis.nameTextStyle.overflow = "truncate";
        }
      }
      for (const one of options.series) this.dressed(one, options, colour);
      options.tooltip = {
        ...options.tooltip,
        backgroundColor: colour("card"),
        borderColor: colour("edge"),
        textStyle: { color: text },
        axisPointer: { type: "line", label: { show: false } },
        formatter: (at) => this.tip(options, at),
      };
      options.brush = { xAxisIndex: "all", throttleType: "debounce", throttleDelay: SETTLED_MS };
    },
    dressed(one, options, colour) {
      const tone = one.usual ? colour("line") : one.datasetIndex < 6 && !one.lane && colour(`c${one.datasetIndex + 1}`);
      if (tone) {
        one.color = tone;
        for (const part of ["lineStyle", "endLabel", "areaStyle"]) if (one[part]) one[part].color = tone;
      }
      if (one.lane) {
        const fills = { state: colour("c2"), ok: colour("ok"), partly: colour("warn"), missing: colour("bad") };
        one.renderItem = (params, api) => piece(params, api, one, fills, colour("card"), this.narrow);
      }
      if (one.markArea?.hatched) {
        one.markArea.itemStyle = { color: hatch(colour("edge")) };
        one.markArea.label = { ...one.markArea.label, color: colour("text"), backgroundColor: colour("card") };
      }
      if (one.markLine) one.markLine.lineStyle = { ...one.markLine.lineStyle, color: colour("accent") };
      if (one.markPoint) one.markPoint.itemStyle = { color: colour("warn") };
      if (one.endLabel) {
        const trace = options.traces[one.datasetIndex];
        one.endLabel.show = !this.narrow;
        one.endLabel.formatter = () => endOf(options.dataset[one.datasetIndex].source, trace);
      }
    },
    // Marks are buttons over the canvas, so that they have a name and can be reached by keys.
    mark() {
      const options = this.drawn;
      const lane = options.grid.length - 1;
      const grid = options.grid[lane];
      const made = (options.moves ?? []).map((move) => {
        const x = this.chart.convertToPixel({ xAxisIndex: lane }, move.at);
        const button = document.createElement("button");
        button.type = "button";
        button.className = "dm-mark";
        button.title = `${moment(move.at, options.timezone)}: ${move.text}`;
        button.setAttribute("aria-label", button.title);
        button.style.left = `${x}px`;
        button.style.top = `${grid.top + grid.height / 2}px`;
        const icon = document.createElement("i");
        icon.className = "q-icon material-icons";
        icon.setAttribute("aria-hidden", "true");
        icon.textContent = move.icon;
        button.append(icon);
        button.addEventListener("click", () => this.at(move.at));
        return button;
      });
      // Drawn anew by a pointer alone they are the same: one that is pressed just now stays.
      const described = made.map((one) => `${one.title} ${one.style.cssText}`).join("\n");
      if (described === this.marked) return;
      this.marked = described;
      const had = document.activeElement?.parentElement === this.$refs.marks;
      if (!had || made.length !== this.$refs.marks.children.length) this.$refs.marks.replaceChildren(...made);
    },
    // Keys of the page: where `[` takes AltGr to type, that is no Ctrl and Alt.
    pressed(event) {
      const held = event.ctrlKey || event.altKey || event.metaKey;
      if (held && !event.getModifierState("AltGraph")) return;
      if (event.target.closest?.("input, textarea, select, [contenteditable], dialog, .q-dialog, .q-menu")) return;
      if (event.key === "m") document.querySelector(".dm-mute")?.click();
      else if ("[]12345".includes(event.key)) this.$emit("key", event.key);
    },
    // A cursor that reads values out: arrows go from one time to the next, with Shift ten.
    key(event) {
      const times = timesOf(this.options);
      if (!times.length || event.ctrlKey || event.altKey || event.metaKey) return;
      const last = times.length - 1;
      const step = event.shiftKey ? 10 : 1;
      const from = this.cursor === undefined ? last + 1 : Math.min(this.cursor, last);
      const to = {
        ArrowLeft: from - step, ArrowRight: from === last + 1 ? last : from + step, Home: 0, End: last,
      }[event.key];
      if (to === undefined) return;
      event.preventDefault();
      this.cursor = Math.max(0, Math.min(last, to));
      this.at(times[this.cursor]);
    },
    at(time) {
      const x = this.chart.convertToPixel({ xAxisIndex: 0 }, time);
      const grid = this.drawn.grid[0];
      this.chart.dispatchAction({ type: "showTip", x, y: grid.top + grid.height / 2 });
      const moves = (this.options.moves ?? []).filter((one) => one.at === time).map((one) => one.text);
      const values = this.options.traces.map((trace) => {
        const found = reading(this.options.dataset[trace.dataset].source, time);
        return `${trace.name}: ${found === null ? say("no readings") : told(trace, found)}`;
      });
      this.said = [moment(time, this.options.timezone), ...moves, ...values].join("; ");
    },
    picture() {
      const link = document.createElement("a");
      const background = getComputedStyle(document.body).getPropertyValue("--dm-card").trim();
      link.href = this.chart.getDataURL({ type: "png", pixelRatio: 2, backgroundColor: background });
      link.download = "readings.png";
      link.click();
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
        line(`${trace.name}: ${found === null ? say("no readings") : told(trace, found)}`);
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

// A piece of a lane: the height is the share of the time; a word where there is room.
function piece(params, api, series, fills, ground, narrow) {
  const [from, to] = [api.coord([api.value(0), 0]), api.coord([api.value(1), 0])];
  const height = series.lane.height;
  const full = params.coordSys.height;
  const one = series.data[params.dataIndex];
  const tall = Math.max(2, height * api.value(2));
  const bottom = params.coordSys.y + (full + height) / 2;
  const gap = one.kind === "state" ? 0 : 1;
  const shape = echarts.graphic.clipRectByRect(
    { x: from[0], y: bottom - tall, width: Math.max(1.5, to[0] - from[0] - gap), height: tall },
    params.coordSys,
  );
  if (!shape) return null;
  const item = { type: "rect", shape: { ...shape, r: one.kind === "state" ? 2 : 0 }, style: { fill: fills[one.kind] } };
  if (one.kind === "ok") item.style.opacity = 0.55;
  if (!one.name || shape.width < 7 * one.name.length + 8 || narrow) return item;
  const style = { text: one.name, fill: ground, x: shape.x + 6, y: bottom - height / 2, textVerticalAlign: "middle", fontSize: 12 };
  return { type: "group", children: [item, { type: "text", style }] };
}

function hatch(colour) {
  const tile = document.createElement("canvas");
  tile.width = tile.height = 8;
  const pen = tile.getContext("2d");
  pen.strokeStyle = colour;
  pen.globalAlpha = 0.6;
  for (const shift of [-8, 0, 8]) {
    pen.moveTo(shift, 8);
    pen.lineTo(shift + 8, 0);
  }
  pen.stroke();
  return { image: tile, repeat: "repeat" };
}

// What stands at a line's end: its newest value, and whose it is where there are several.
function endOf(columns, trace) {
  let n = columns.v.length - 1;
  while (n >= 0 && columns.v[n] === null) n -= 1;
  return n < 0 ? "" : told(trace, { v: columns.v[n] });
}

// All times that are drawn, in order, each once.
function timesOf(options) {
  const all = new Set();
  for (const { source } of options?.dataset ?? []) source.t.forEach((t, n) => source.v[n] !== null && all.add(t));
  return [...all].sort((a, b) => a - b);
}

function tableOf(options) {
  const times = timesOf(options);
  const shown = times.slice(-ROWS);
  const rows = shown.map((time) => ({
    at: moment(time, options.timezone),
    values: options.traces.map((trace) => {
      const found = reading(options.dataset[trace.dataset].source, time);
      return found === null ? "\u2013" : told(trace, found);
    }),
  }));
  return { names: (options?.traces ?? []).map((one) => one.name), rows, left: times.length - shown.length };
}

const dark = () => document.body.classList.contains("body--dark");

// A time by the place's clock, with its offset: an hour of autumn comes twice.
function moment(time, timeZone) {
  const told = {
    year: "numeric", month: "short", day: "numeric", hour: "2-digit", minute: "2-digit",
    second: "2-digit", timeZone, timeZoneName: "shortOffset",
  };
  return new Intl.DateTimeFormat(window.dormouseLocale ?? navigator.language, told).format(time);
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
    return word ?? `${window.dormouseNumber(value.toFixed(trace.decimals))} ${trace.unit}`.trim();
  };
  if (found.low === undefined || !found.span) return show(found.v);
  return say("{what} {mean}, {low} to {high}", { what: trace.what, mean: show(found.v), low: show(found.low), high: show(found.low + found.span) });
}

// A device on the home page: its name, newest value, the line of its last day, what is wrong.

const say = window.dormouseSay;
const WIDTH = 100, HEIGHT = 28;
const FRESH_MS = 600;

// Half-hourly means as a path; where nothing was measured it is broken.
function path(points, scale) {
  let drawn = "", on = false;
  points.forEach((value, i) => {
    if (value === null) on = false;
    else {
      const x = ((i / (points.length - 1)) * WIDTH).toFixed(1);
      drawn += `${on ? "L" : "M"}${x},${level(value, scale)}`;
      on = true;
    }
  });
  return drawn;
}

function level(value, [low, high]) {
  return (2 + (1 - (value - low) / (high - low)) * (HEIGHT - 4)).toFixed(1);
}

// Where it usually is, as an area: hours of which too little is known are left out.
function area(usual, scale) {
  let drawn = "";
  for (let i = 0; i < usual.length; ) {
    let end = i;
    while (end < usual.length && usual[end]) end++;
    const run = usual.slice(i, end).map(([low, high], n) => [((i + n + 0.5) / usual.length) * WIDTH, low, high]);
    const edge = (side) => run.map((one) => `${one[0].toFixed(1)},${level(Math.min(scale[1], Math.max(scale[0], one[side])), scale)}`);
    if (run.length > 1) drawn += `M${edge(2).join("L")}L${edge(1).reverse().join("L")}Z`;
    i = end + 1;
  }
  return drawn;
}

export const Tile = {
  props: { device: Object, kind: String, late: Boolean, silent: String, problem: Object, muted: Boolean, scale: Array, points: Array, usual: Array, large: Boolean },
  template: `
    <a class="dm-tile" :class="{ large, bad: late || problem?.bad, warn: !late && problem && !problem.bad }"
       :href="device.path" :data-device="device.id">
      <span class="dm-head"><span class="dm-name" :title="device.name">{{ device.name }}</span>
        <q-icon v-if="late || problem" name="warning_amber" aria-hidden="true" />
        <q-icon v-else-if="device.battery?.low" name="battery_alert" aria-hidden="true" />
        <q-icon v-else-if="muted" class="dm-quiet" name="notifications_off" aria-hidden="true" /></span>
      <span v-if="device.where" class="dm-sub">{{ device.where }}</span>
      <span class="dm-now-line">
        <span ref="number" class="dm-number" :data-key="main?.key">{{ main ? main.text : say("no values yet") }}</span>
        <svg v-if="curve" class="dm-spark" :viewBox="'0 0 ${WIDTH} ${HEIGHT}'" preserveAspectRatio="none" aria-hidden="true">
          <path v-if="band" class="usual" :d="band" /><path class="line" :d="curve" /><path v-if="end" class="end" :d="end" /></svg>
      </span>
      <span v-if="said" class="dm-said">{{ said }}</span>
      <span v-if="large"><span v-for="one in others" :key="one.key" class="dm-other" :data-key="one.key"><span>{{ say(one.label) }}</span><span>{{ one.text }}</span></span></span>
      <span v-else-if="!said && rest" class="dm-sub">{{ rest }}</span>
    </a>`,
  watch: {
    // A new value fades in its colour; another kind of value is no news.
    told([key], [before]) {
      if (key === before && !matchMedia("(prefers-reduced-motion: reduce)").matches)
        this.$refs.number?.animate([{ color: "var(--dm-accent)" }, {}], { duration: FRESH_MS });
    },
  },
  methods: { say },
  computed: {
    told() {
      return [this.main?.key, this.main?.text];
    },
    main() {
      return this.device.values.find((one) => one.label === this.kind) ?? this.device.values[0];
    },
    others() {
      const rest = this.device.values.filter((one) => one !== this.main);
      return this.large ? rest : rest.slice(0, 2);
    },
    rest() {
      return [...this.others.map((one) => one.text), ...(this.muted ? [say("muted")] : [])].join(" · ");
    },
    band() {
      return this.curve && this.usual ? area(this.usual, this.scale) : "";
    },
    curve() {
      return this.points && this.scale && this.main?.label === this.kind ? path(this.points, this.scale) : "";
    },
    end() {
      const now = this.main?.number;
      if (now === null || now === undefined || this.late) return "";
      const [low, high] = this.scale;
      return `M${WIDTH},${level(Math.min(high, Math.max(low, now)), this.scale)}h0`;
    },
    said() {
      if (this.late) return this.silent;
      if (this.problem) return this.problem.short;
      return this.device.battery?.low ? say("battery {text}, low", { text: this.device.battery.text }) : "";
    },
  },
};

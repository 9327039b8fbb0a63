// The home page: what needs attention, then values by place. The hub sends it once (prop `view`),
// then what changed (method `patch`) and the last day of each shown series (method `draw`).
// Everything is set as text. While somebody points at a list or is in it, nothing in it moves.

import { Tile } from "tile";

const say = window.dormouseSay, sayN = window.dormouseSayN;
const TICK_MS = 10000;
const MOST_PROBLEMS = 3;
// A curve's scale is at least so high, or noise would look like weather.
const LEAST = { "°C": 2, "%": 5, hPa: 4 };
const UNDO_MS = 30000;
const SETTLE_MS = 1000; // from the list to the button that has it made anew
const TESTS = { all: say("All"), attention: say("Attention"), silent: say("Silent"), open: say("Open"), low: say("Battery low") };
const MUTES = [[say("For a day"), 1], [say("For a week"), 7], [say("For good"), 0]];

function age(ms) {
  const s = Math.max(0, ms / 1000);
  if (s < 60) return say("less than a minute");
  if (s >= 172800) return say("{n} days", { n: Math.floor(s / 86400) });
  return s < 7200 ? `${Math.floor(s / 60)} min` : `${Math.floor(s / 3600)} h`;
}

function spokenNumber(number, digits) {
  return window.dormouseNumber(number.toFixed(digits));
}

function median(numbers) {
  const sorted = [...numbers].sort((a, b) => a - b);
  const half = sorted.length >> 1;
  return sorted.length % 2 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
}

export default {
  components: { Tile },
  props: { view: Object, person: String, may: Boolean },
  emits: ["kind", "mute"],
  template: `
    <div class="dm-home">
      <div v-if="facts.length" class="dm-facts" role="group" :aria-label="say('Overview')">
        <component v-for="one in facts" :key="one.label" :is="one.filter ? 'button' : 'div'" :type="one.filter ? 'button' : undefined"
                   :aria-pressed="one.filter ? filter === one.filter : undefined" @click="one.filter && choose({ filter: filter === one.filter ? 'all' : one.filter })">
          <span class="dm-fact">{{ one.label }}</span><span><b>{{ one.value }}</b> {{ one.unit }}</span><span class="dm-fact">{{ one.context }}</span></component>
      </div>
      <section v-if="state.problems.length" class="dm-problems" aria-labelledby="dm-attention" role="region">
        <h2 id="dm-attention">{{ told.length ? say("Needs attention") : say("Muted") }} <small>{{ told.length || state.problems.length }}</small></h2>
        <ul role="list">
          <li v-for="problem in problems" :key="problem.subject + problem.text" :class="{ bad: problem.bad, muted: problem.muted }"
              @keydown.m.exact="muteKey(problem, $event)">
            <q-icon :name="problem.muted ? 'notifications_off' : 'warning_amber'" aria-hidden="true" />
            <a v-if="problem.path" :href="problem.path"><b>{{ problem.subject }}</b> {{ problem.text }}</a>
            <span v-else><b>{{ problem.subject }}</b> {{ problem.text }}</span>
            <button v-if="may && problem.muted" type="button" class="dm-text" :aria-label="say('Unmute {name}', { name: problem.subject })" @click="mute(problem, -1)">{{ say("Unmute") }}</button>
            <button v-else-if="may && problem.odd" type="button" class="dm-text dm-mute" :aria-label="say('Mute {name}', { name: problem.subject })">{{ say("Mute…") }}
              <q-menu auto-close><q-list role="menu" :aria-label="say('Mute {name}', { name: problem.subject })">
                <q-item v-for="[words, days] in mutes" :key="days" clickable role="menuitem" @click="mute(problem, days)"><q-item-section>{{ words }}</q-item-section></q-item>
              </q-list></q-menu></button>
          </li>
        </ul>
        <button v-if="more" type="button" class="dm-text" @click="all = true">{{ more }}</button>
      </section>
      <p v-if="!told.length && state.sections.length" class="dm-fine">{{ say("All is well.") }}</p>
      <div v-if="state.sections.length" class="dm-choices">
        <div class="dm-chips" role="group" :aria-label="say('Filter')">
          <button v-for="one in chips" :key="one.key" type="button" class="dm-chip" :aria-pressed="filter === one.key"
                  @click="choose({ filter: one.key })">{{ one.title }} <b>{{ one.count }}</b></button>
          <button v-if="later" ref="settler" type="button" class="dm-chip" @click="settle(true)" @mouseleave="settle(false)" @blur="settle(false)"><q-icon name="refresh" aria-hidden="true" /> {{ say("{n} moved", { n: moved }) }}</button>
        </div>
        <div class="dm-shown">
          <div v-if="kinds.length > 1" class="dm-segments" role="group" :aria-label="say('Value shown')" @keydown="along">
            <button v-for="one in kinds" :key="one" type="button" :aria-pressed="kind === one" @click="pick(one)">{{ say(one) }}</button>
          </div>
          <div class="dm-segments" role="group" :aria-label="say('Form')" @keydown="along">
            <button v-for="[key, title, icon] in forms" :key="key" type="button" :aria-pressed="form === key" :aria-label="title" :title="title"
                    @click="choose({ form: key })"><q-icon :name="icon" aria-hidden="true" /></button>
          </div>
        </div>
      </div>
      <div ref="places" class="dm-places" @keydown="arrow" @mouseleave="settle(false)" @focusout="settle(false)">
        <component v-for="section in sections" :key="section.id" :is="state.cards ? 'section' : 'details'"
                   class="dm-place" :data-place="section.id" :open="state.cards ? undefined : opened(section)" @toggle="folded(section, $event)">
          <component :is="state.cards ? 'div' : 'summary'" class="dm-place-head">
            <h2><span v-if="section.path.length" class="dm-path">{{ section.path.join(" › ") }} › </span>{{ section.name }}</h2>
            <span v-if="!state.cards" class="dm-soft">{{ sayN("{n} device", "{n} devices", section.devices.length) }}{{ middle(section) }}</span>
            <span v-if="!state.cards && wrong(section)" class="dm-pill warn"><q-icon name="warning_amber" aria-hidden="true" />{{ wrong(section) }}
              <span class="dm-sr">{{ sayN("needs attention", "need attention", wrong(section)) }}</span></span>
            <span v-if="!state.cards && scale" class="dm-range" aria-hidden="true">{{ scale[0] }}<svg class="dm-strip" viewBox="0 0 200 12">
              <line x1="0" y1="11" x2="200" y2="11" /><circle v-for="(dot, i) in strip(section)" :key="i" :cx="dot.x" cy="6" r="3.5" :class="{ odd: dot.odd }" /></svg>{{ scale[1] }} {{ unit }}</span>
          </component>
          <div v-if="form === 'table'" class="dm-scroll"><table class="dm-grid">
            <caption class="dm-sr">{{ section.name }}</caption>
            <thead><tr><th scope="col">{{ say("Device") }}</th><th v-for="one in kinds" :key="one" scope="col" class="end">{{ say(one) }}</th><th scope="col">{{ say("State") }}</th></tr></thead>
            <tbody><tr v-for="device in section.devices" :key="device.id">
              <th scope="row"><a :href="device.path">{{ device.name }}</a><small v-if="device.where">{{ device.where }}</small></th>
              <td v-for="one in kinds" :key="one" class="end">{{ device.values.find((value) => value.label === one)?.text ?? "–" }}</td>
              <td :class="{ 'dm-said': said(device), bad: late(device) || of[device.id]?.bad }">{{ said(device) || others(device) || say("on time") }}</td></tr></tbody>
          </table></div>
          <div v-else-if="state.cards || opened(section)" class="dm-tiles" :class="{ large: state.cards }">
            <Tile v-for="device in section.devices" :key="device.id" :device="device" :kind="kind" :late="late(device)" :silent="silent(device)"
                  :problem="of[device.id]" :muted="hushed.has(device.id)" :scale="scale" :points="sparks[device.id]" :usual="usual[device.id]" :large="state.cards" />
          </div>
        </component>
      </div>
      <p v-if="!sections.length && state.sections.length" class="dm-soft">{{ say("No device is so.") }}
        <button type="button" class="dm-text" @click="choose({ filter: 'all' })">{{ say("Show all") }}</button></p>
      <p v-if="drawn && scale && form === 'tiles'" class="dm-soft dm-small">{{ said24() }}</p>
      <div class="dm-snack" role="status" :hidden="!undo"><span v-if="undo">{{ say("{name} is muted.", { name: undo.subject }) }}</span>
        <button v-if="undo" type="button" class="dm-text" @click="mute(undo, -1)">{{ say("Undo") }}</button></div>
    </div>`,
  data() {
    const kept = this.remembered();
    return { state: this.view, ahead: 0, now: 0, all: false, picked: Boolean(kept.kind), sparks: {}, usual: {}, later: null, moved: 0, undo: null,
      folds: kept.folds ?? {}, filter: kept.filter ?? "all", kind: kept.kind ?? "", form: kept.form ?? "tiles", mutes: MUTES,
      forms: [["tiles", say("Tiles"), "grid_view"], ["table", say("Table"), "table_rows"]] };
  },
  created() {
    this.take(this.view);
  },
  mounted() {
    this.ticking = setInterval(() => this.tick(), TICK_MS);
    if (this.picked) this.$emit("kind", this.kind);
  },
  beforeUnmount() {
    clearInterval(this.ticking);
    clearTimeout(this.undoing);
  },
  watch: {
    view(view) {
      this.hear(view);
    },
  },
  computed: {
    devices() {
      return this.state.sections.flatMap((section) => section.devices);
    },
    told() {
      return this.state.problems.filter((one) => !one.muted);
    },
    of() {
      const found = {};
      for (const one of this.told) if (one.device) found[one.device] ??= one;
      return found;
    },
    hushed() {
      return new Set(this.state.problems.filter((one) => one.muted).map((one) => one.device));
    },
    problems() {
      return this.all ? [...this.told, ...this.state.problems.filter((one) => one.muted)] : this.told.slice(0, MOST_PROBLEMS);
    },
    more() {
      const hidden = this.all ? 0 : this.told.length - this.problems.length;
      const muted = this.all ? 0 : this.state.problems.length - this.told.length;
      return [hidden ? say("{n} more", { n: hidden }) : "", muted ? say("{n} muted", { n: muted }) : ""].filter(Boolean).join(", ");
    },
    // What curves there are, the commonest first.
    kinds() {
      const count = new Map();
      for (const device of this.devices)
        for (const one of device.values) if (one.curve) count.set(one.label, (count.get(one.label) ?? 0) + 1);
      return [...count].sort((a, b) => b[1] - a[1]).slice(0, 4).map(([label]) => label);
    },
    values() {
      return this.devices.map((device) => this.value(device)).filter((one) => one && one.number !== null);
    },
    unit() {
      return this.values[0]?.unit ?? "";
    },
    drawn() {
      return Object.keys(this.sparks).length > 0;
    },
    scale() {
      const all = this.values.map((one) => one.number);
      for (const points of Object.values(this.sparks)) for (const one of points) if (one !== null) all.push(one);
      if (!all.length) return null;
      let low = all.reduce((a, b) => Math.min(a, b)), high = all.reduce((a, b) => Math.max(a, b));
      const lacking = (LEAST[this.unit] ?? 1) - (high - low);
      if (lacking > 0) (low -= lacking / 2), (high += lacking / 2);
      return [Math.floor(low * 2) / 2, Math.ceil(high * 2) / 2];
    },
    facts() {
      if (!this.devices.length) return [];
      const told = this.devices.filter((one) => one.due !== null);
      const late = told.filter((one) => this.late(one)).length;
      const facts = [];
      if (told.length) facts.push({ label: say("On time"), value: told.length - late, unit: say("of {n}", { n: told.length }), context: late ? say("{n} silent", { n: late }) : "", filter: "silent" });
      const numbers = this.values.map((one) => one.number);
      if (numbers.length > 1) {
        const text = (n) => this.told1(n);
        const low = numbers.reduce((a, b) => Math.min(a, b)), high = numbers.reduce((a, b) => Math.max(a, b));
        facts.push({ label: say(this.kind), value: text(median(numbers)), unit: say("{unit} median", { unit: this.unit }), context: say("{low} to {high} {unit}", { low: text(low), high: text(high), unit: this.unit }) });
      }
      const open = this.devices.filter((one) => this.open(one));
      if (open.length || this.devices.some((one) => one.values.some((value) => value.label === "Contact")))
        facts.push({ label: say("Open or alarming"), value: open.length, unit: "", context: open.length === 1 ? open[0].name : "", filter: "open" });
      const low = this.devices.filter((one) => one.battery?.low).length;
      if (this.devices.some((one) => one.battery)) facts.push({ label: say("Batteries"), value: low, unit: say("low"), context: "", filter: "low" });
      return facts;
    },
    chips() {
      return Object.entries(TESTS)
        .map(([key, title]) => ({ key, title, count: this.devices.filter((one) => this.fits(one, key)).length }))
        .filter((one) => one.key === "all" || (one.count && one.key !== "silent") || one.key === this.filter);
    },
    sections() {
      if (this.filter === "all") return this.state.sections;
      return this.state.sections
        .map((section) => ({ ...section, devices: section.devices.filter((one) => this.fits(one, this.filter)) }))
        .filter((section) => section.devices.length);
    },
  },
  methods: {
    say,
    sayN,
    // A number of the chosen value, as it is written in the page's language.
    told1(number) {
      const digits = this.unit === "°C" ? 1 : 0;
      return spokenNumber(number, digits);
    },
    said24() {
      const usual = Object.keys(this.usual).length ? say("Shaded: where it usually is.") + " " : "";
      const [low, high] = this.scale;
      const what = { kind: say(this.kind).toLowerCase(), low, high, unit: this.unit };
      return `${say("Lines: {kind} of the last 24 hours, all on one scale ({low} to {high} {unit}).", what)} ${usual}${say("Dot: now.")}`;
    },
    take(view) {
      this.state = view;
      this.later = null;
      this.known = new Map();
      for (const section of this.state.sections) for (const device of section.devices) this.known.set(device.id, device);
      if (!this.kinds.includes(this.kind)) (this.kind = this.kinds[0] ?? ""), (this.picked = false);
      if (!(this.filter in TESTS)) this.filter = "all";
      this.clock(view.now);
    },
    // All of it anew; but what somebody points at or is in keeps its place until they are gone.
    hear(view) {
      const order = (one) => one.sections.flatMap((section) => section.devices.map((device) => `${section.id}/${device.id}`));
      const before = order(this.state), after = order(view);
      const moved = after.filter((one, i) => before[i] !== one).length || (before.length !== after.length ? 1 : 0);
      if (!moved || !this.busy()) return this.take(view);
      (this.later = view), (this.moved = moved), (this.state.problems = view.problems);
      for (const section of view.sections)
        for (const device of section.devices) {
          const shown = this.known.get(device.id);
          if (shown) Object.assign(shown, device);
        }
      this.clock(view.now);
    },
    // In the list, or at the button that has it made anew.
    busy() {
      const parts = [this.$refs.places, this.$refs.settler];
      return parts.some((one) => one && (one.matches(":hover") || one.contains(document.activeElement)));
    },
    settle(now) {
      if (this.later && now) this.take(this.later);
      else if (this.later) setTimeout(() => this.later && !this.busy() && this.take(this.later), SETTLE_MS);
    },
    choose(wish) {
      Object.assign(this, wish);
      this.keep();
    },
    pick(kind) {
      this.picked = true;
      (this.sparks = {}), (this.usual = {});
      this.choose({ kind });
      this.$emit("kind", kind);
    },
    draw(kind, sparks, usual) {
      if (!this.picked && this.kinds.includes(kind)) this.kind = kind;
      if (kind === this.kind) (this.sparks = sparks), (this.usual = usual);
    },
    mute(problem, days) {
      this.$emit("mute", problem.odd, days);
      clearTimeout(this.undoing);
      this.undo = days < 0 ? null : problem;
      if (this.undo) this.undoing = setTimeout(() => (this.undo = null), UNDO_MS);
    },
    muteKey(problem, event) {
      if (this.may && problem.odd && !problem.muted) event.currentTarget.querySelector(".dm-mute")?.click();
    },
    value(device) {
      return device.values.find((one) => one.label === this.kind);
    },
    fits(device, key) {
      if (key === "attention") return this.late(device) || Boolean(this.of[device.id]);
      if (key === "silent") return this.late(device);
      if (key === "open") return this.open(device);
      return key === "all" || Boolean(device.battery?.low);
    },
    open(device) {
      return device.values.some((one) => one.noticed);
    },
    late(device) {
      return device.due !== null && this.now > device.due;
    },
    silent(device) {
      return device.seen === null ? say("Never heard") : say("Silent for {time}", { time: age(this.now - device.seen) });
    },
    said(device) {
      if (this.late(device)) return this.silent(device);
      return this.of[device.id]?.text ?? (device.battery?.low ? say("battery {text}, low", { text: device.battery.text }) : "");
    },
    others(device) {
      return device.values.filter((one) => !this.kinds.includes(one.label)).slice(0, 2).map((one) => one.text).join(" · ");
    },
    wrong(section) {
      return section.devices.filter((one) => this.fits(one, "attention")).length;
    },
    middle(section) {
      const numbers = section.devices.map((one) => this.value(one)?.number).filter((one) => one !== null && one !== undefined);
      return numbers.length ? say(", median {number} {unit}", { number: this.told1(median(numbers)), unit: this.unit }) : "";
    },
    strip(section) {
      const [low, high] = this.scale;
      return section.devices
        .map((device) => ({ number: this.value(device)?.number, odd: this.fits(device, "attention") }))
        .filter((one) => one.number !== null && one.number !== undefined)
        .map((one) => ({ x: 4 + ((one.number - low) / (high - low)) * 192, odd: one.odd }));
    },
    // Arrows go from tile to tile as they lie on the screen, and along segments.
    arrow(event) {
      const way = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowDown: [0, 1], ArrowUp: [0, -1] }[event.key];
      const from = event.target.closest(".dm-tile");
      if (!way || !from || event.altKey || event.ctrlKey || event.metaKey) return;
      event.preventDefault();
      const tiles = [...this.$refs.places.querySelectorAll(".dm-tile")];
      if (way[0]) return tiles[tiles.indexOf(from) + way[0]]?.focus();
      const at = from.getBoundingClientRect();
      const [next] = tiles
        .map((tile) => ({ tile, box: tile.getBoundingClientRect() }))
        .filter(({ box }) => (box.top - at.top) * way[1] > 4)
        .sort((a, b) => Math.abs(a.box.top - at.top) - Math.abs(b.box.top - at.top) || Math.abs(a.box.left - at.left) - Math.abs(b.box.left - at.left));
      next?.tile.focus();
    },
    along(event) {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      const all = [...event.currentTarget.children];
      if (step) all[all.indexOf(event.target) + step]?.focus();
    },
    // Kept by the browser for each person; on a phone, and beyond 60 devices, what is well begins folded.
    remembered() {
      try {
        return JSON.parse(localStorage.getItem(`dormouse-home ${this.person}`) || "{}");
      } catch {
        return {};
      }
    },
    keep() {
      const { folds, filter, form } = this;
      const kept = { folds, filter, form, kind: this.picked ? this.kind : "" };
      localStorage.setItem(`dormouse-home ${this.person}`, JSON.stringify(kept));
    },
    opened(section) {
      const roomy = !matchMedia("(max-width: 639px)").matches && this.devices.length <= 60;
      return this.folds[section.id] ?? (roomy || section.id === this.sections[0].id || this.wrong(section) > 0);
    },
    folded(section, event) {
      if (this.state.cards || event.target.open === this.opened(section)) return;
      this.folds[section.id] = event.target.open;
      this.keep();
    },
    // Ages are by the hub's clock, whatever this machine's says.
    clock(now) {
      this.ahead = Date.now() - now;
      this.tick();
    },
    tick() {
      this.now = Date.now() - this.ahead;
    },
    patch(changes) {
      this.clock(changes.now);
      if (changes.problems) this.state.problems = changes.problems;
      for (const change of changes.devices) {
        // What waits to be shown is kept as new as what is shown.
        const waiting = this.later?.sections.flatMap((section) => section.devices).find((one) => one.id === change.id);
        for (const device of [this.known.get(change.id), waiting]) if (device) this.renew(device, change);
      }
    },
    renew(device, change) {
      if (change.seen !== undefined) device.seen = change.seen;
      if (change.due !== undefined) device.due = change.due;
      if (change.battery !== undefined) device.battery = change.battery;
      for (const value of change.values ?? []) {
        const shown = device.values.find((one) => one.key === value.key);
        if (shown) Object.assign(shown, value);
      }
    },
  },
};

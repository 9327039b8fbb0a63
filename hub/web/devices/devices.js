// The table of devices: filtered, sorted, searched and chosen from in the browser. Everything is set
// as text. While somebody points at it or is in it, no row moves.

const say = window.dormouseSay;
const COLUMNS = [
  { key: "name", title: say("Device") },
  { key: "value", title: say("Now"), end: true },
  { key: "spark", title: say("24 hours") },
  { key: "problem", title: say("State") },
  { key: "battery", title: say("Battery"), end: true },
  { key: "dbm", title: say("WiFi") },
  { key: "firmware", title: say("Firmware") },
  { key: "every", title: say("Every") },
  { key: "heard", title: say("Heard") },
];
const TESTS = {
  all: [say("All"), () => true],
  attention: [say("Attention"), (one) => one.problem.level > 0],
  old: [say("Old firmware"), (one) => one.old],
  low: [say("Battery low"), (one) => one.battery.low],
  weak: [say("Weak WiFi"), (one) => one.wifi === "weak"],
};
const ACTIONS = [
  ["move", say("Move…"), "place"],
  ["interval", say("Interval…"), "schedule"],
  ["update", say("Update…"), "system_update_alt"],
  ["mute", say("Mute…"), "notifications_off"],
];
// More rows than anybody reads at once are shown when asked for.
const FIRST = 60;
const WIDTH = 84, HEIGHT = 24;
const collator = new Intl.Collator(window.dormouseLocale, { numeric: true, sensitivity: "base" });

function rank(device, key) {
  if (key === "heard") return -(device.seen ?? 0);
  if (key === "problem") return -device.problem.level;
  if (key === "battery") return parseFloat(device.battery.text) || Infinity;
  if (key === "dbm") return device.dbm ?? Infinity;
  if (key === "value") return parseFloat(device.value) || device.value;
  return device[key];
}

function compare(a, b) {
  if (typeof a === "number" || typeof b === "number") return a < b ? -1 : a > b ? 1 : 0;
  return (a === "") - (b === "") || collator.compare(a, b);
}

export default {
  props: { view: Object, place: Number, may: Boolean },
  emits: ["bulk"],
  template: `
    <div class="dm-table-page">
      <nav v-if="view.places.length" class="dm-card dm-tree" :aria-label="say('Places')">
        <h2>{{ say("Places") }}</h2>
        <button v-for="one in tree" :key="one.id" type="button" :style="{ '--depth': one.depth }" :class="{ over: over === one.id }"
                :aria-pressed="at === one.id" @click="go(one.id)" @dragover="may && one.id !== null && allow($event, one.id)"
                @dragleave="over = undefined" @drop.prevent="drop(one.id)">
          <span>{{ one.name }}</span><small>{{ one.devices }}</small>
        </button>
      </nav>
      <div class="dm-table-side">
        <div class="dm-chips" role="group" :aria-label="say('Filter')">
          <button v-for="one in chips" :key="one.key" type="button" class="dm-chip"
                  :aria-pressed="filter === one.key" @click="filter = one.key; held = null">
            {{ one.title }} <b>{{ one.count }}</b>
          </button>
          <button v-if="moved" type="button" class="dm-chip" @click="held = null"><q-icon name="refresh" aria-hidden="true" /> {{ say("{n} moved", { n: moved }) }}</button>
        </div>
        <p v-if="!shown.length && view.devices.length" class="dm-soft">{{ say("No device is so here.") }}
          <button type="button" class="dm-text" @click="filter = 'all'; at = null">{{ say("Show all") }}</button></p>
        <div v-else-if="shown.length" ref="list" class="dm-wide" @mouseleave="release" @focusout="release"><table class="dm-table">
          <caption class="dm-sr">{{ say("Devices, {shown} of {all}", { shown: shown.length, all: view.devices.length }) }}</caption>
          <thead><tr>
            <th v-if="may" scope="col" class="dm-tick"><label><input type="checkbox" :checked="chosen.length === shown.length"
              :indeterminate.prop="chosen.length > 0 && chosen.length < shown.length" :aria-label="say('Choose all')" @change="every($event.target.checked)"></label></th>
            <th v-for="one in columns" :key="one.key" scope="col" :class="{ end: one.end }"
                :aria-sort="sorted === one.key ? (down ? 'descending' : 'ascending') : undefined">
              <button v-if="one.key !== 'spark'" type="button" @click="sort(one.key)">{{ one.title }}<span v-if="sorted === one.key"
                aria-hidden="true">{{ down ? ' ↓' : ' ↑' }}</span></button>
              <span v-else class="dm-soft">{{ one.title }}</span>
            </th>
          </tr></thead>
          <tbody>
            <tr v-for="one in rows" :key="one.id" :data-device="one.id" :class="{ chosen: picked[one.id] }"
                :draggable="may" @dragstart="drag(one.id, $event)">
              <td v-if="may" class="dm-tick"><label><input type="checkbox" v-model="picked[one.id]" :aria-label="say('Choose {name}', { name: one.name })"></label></td>
              <th scope="row"><a :href="one.path" draggable="false">{{ one.name }}</a><small>{{ one.where || say("New, no place yet") }}</small></th>
              <td class="end" data-column="value">{{ one.value || "–" }}</td>
              <td data-column="spark"><svg v-if="lines[one.id]" class="dm-spark" viewBox="0 0 ${WIDTH} ${HEIGHT}" aria-hidden="true">
                <path class="line" :d="lines[one.id].line" /><path class="end" :class="{ odd: one.problem.level }" :d="lines[one.id].end" /></svg></td>
              <td data-column="state">
                <span v-if="one.problem.level" class="dm-pill" :class="one.problem.level > 1 ? 'bad' : 'warn'"
                  ><q-icon name="warning_amber" aria-hidden="true" /><span>{{ one.problem.text }}</span></span>
                <span v-else-if="one.problem.text" class="dm-pill"><q-icon name="notifications_off" aria-hidden="true" />{{ one.problem.text }}</span>
                <span v-else class="dm-soft">{{ say("on time") }}</span>
              </td>
              <td class="end" data-column="battery" :class="{ 'dm-bad': one.battery.low }">{{ one.battery.text || "–"
                }}<small v-if="one.battery.left">{{ one.battery.left }}</small></td>
              <td data-column="wifi" :title="one.dbm === null ? undefined : one.dbm + ' dBm'">{{ one.wifi || "–" }}</td>
              <td data-column="firmware">{{ one.firmware || "–" }}</td>
              <td data-column="every">{{ one.every || "–" }}</td>
              <td data-column="heard">{{ one.heard }}</td>
            </tr>
          </tbody>
        </table></div>
        <p v-if="rows.length < shown.length" class="dm-soft">{{ say("{n} of {all} shown.", { n: rows.length, all: shown.length }) }}
          <button type="button" class="dm-text" @click="all = true">{{ say("Show all") }}</button></p>
      </div>
      <div v-if="chosen.length" class="dm-bulk" role="group" :aria-label="say('What to do with the chosen devices')" @keydown.esc="clear">
        <b role="status">{{ say("{n} chosen", { n: chosen.length }) }}</b>
        <button v-for="[key, title, icon] in actions" :key="key" type="button" class="dm-button" @click="$emit('bulk', key, chosen, 0)">
          <q-icon :name="icon" aria-hidden="true" />{{ title }}</button>
        <button type="button" class="dm-text" @click="clear">{{ say("Clear") }}</button>
      </div>
    </div>`,
  data() {
    return { filter: "all", at: this.place ?? null, sorted: "problem", down: false, columns: COLUMNS, actions: ACTIONS,
      picked: {}, sparks: {}, all: false, held: null, dragged: [], over: undefined };
  },
  watch: {
    // It is drawn anew: where somebody is in it, it keeps its order until they are gone.
    view(now, before) {
      const list = this.$refs.list;
      if (!this.held && list && (list.matches(":hover") || list.contains(document.activeElement)))
        this.held = new Map(this.order(before.devices).map((one, i) => [one.id, i]));
    },
  },
  computed: {
    tree() {
      const rest = this.view.devices.filter((one) => one.place === null).length;
      const all = { id: null, name: say("All"), depth: 0, devices: this.view.devices.length };
      return [all, ...this.view.places, ...(rest || this.may ? [{ id: 0, name: say("New, no place yet"), depth: 0, devices: rest }] : [])];
    },
    here() {
      if (this.at === null) return this.view.devices;
      if (this.at === 0) return this.view.devices.filter((one) => one.place === null);
      const place = this.view.places.find((one) => one.id === this.at);
      const within = new Set(place ? place.within : []);
      return this.view.devices.filter((one) => within.has(one.place));
    },
    chips() {
      return Object.entries(TESTS)
        .map(([key, [title, fits]]) => ({ key, title, count: this.here.filter(fits).length }))
        .filter((one) => one.key === "all" || one.count || one.key === this.filter);
    },
    sortedNow() {
      return this.order(this.here.filter(TESTS[this.filter][1]));
    },
    shown() {
      if (!this.held) return this.sortedNow;
      const place = (one) => this.held.get(one.id) ?? Infinity;
      return [...this.sortedNow].sort((a, b) => (place(a) === place(b) ? 0 : place(a) - place(b)));
    },
    moved() {
      return this.held ? this.shown.filter((one, i) => this.sortedNow[i] !== one).length : 0;
    },
    rows() {
      return this.all ? this.shown : this.shown.slice(0, FIRST);
    },
    chosen() {
      return this.shown.filter((one) => this.picked[one.id]).map((one) => one.id);
    },
    lines() {
      const drawn = this.view.devices.filter((one) => this.sparks[one.id]);
      return Object.fromEntries(drawn.map((one) => [one.id, this.line(this.sparks[one.id], this.scales[one.label])]));
    },
    // One scale for what is measured in the same unit.
    scales() {
      const scales = {};
      for (const one of this.view.devices) {
        const known = (this.sparks[one.id] ?? []).filter((value) => value !== null);
        const [low, high] = scales[one.label] ?? [Infinity, -Infinity];
        scales[one.label] = [known.reduce((a, b) => Math.min(a, b), low), known.reduce((a, b) => Math.max(a, b), high)];
      }
      return scales;
    },
  },
  methods: {
    say,
    order(devices) {
      const way = this.down ? -1 : 1;
      return [...devices].sort(
        (a, b) => way * compare(rank(a, this.sorted), rank(b, this.sorted)) || collator.compare(a.name, b.name),
      );
    },
    sort(key) {
      this.held = null;
      this.down = this.sorted === key && !this.down;
      this.sorted = key;
    },
    go(place) {
      (this.at = place), (this.held = null);
    },
    release() {
      setTimeout(() => {
        const list = this.$refs.list;
        if (this.held && list && !list.matches(":hover") && !list.contains(document.activeElement)) this.held = null;
      });
    },
    line(points, [low, high]) {
      let drawn = "", end = "", on = false;
      if (high - low < 2) [low, high] = [(low + high) / 2 - 1, (low + high) / 2 + 1];
      points.forEach((value, i) => {
        if (value === null) return void (on = false);
        const at = `${((i / (points.length - 1)) * (WIDTH - 6)).toFixed(1)},${(3 + (1 - (value - low) / (high - low)) * (HEIGHT - 6)).toFixed(1)}`;
        drawn += `${on ? "L" : "M"}${at}`;
        (on = true), (end = `M${at}h0`);
      });
      return { line: drawn, end };
    },
    draw(sparks) {
      this.sparks = sparks;
    },
    every(on) {
      this.picked = Object.fromEntries(on ? this.shown.map((one) => [one.id, true]) : []);
    },
    clear() {
      this.picked = {};
    },
    // A row is dragged to a place of the tree; with the chosen ones, if it is one of them.
    drag(id, event) {
      this.dragged = this.picked[id] ? this.chosen : [id];
      event.dataTransfer.setData("text/plain", this.dragged.join(" "));
      event.dataTransfer.effectAllowed = "move";
    },
    allow(event, id) {
      if (!this.dragged.length) return;
      event.preventDefault();
      this.over = id;
    },
    drop(id) {
      if (this.dragged.length && id !== null) this.$emit("bulk", "put", this.dragged, id);
      (this.dragged = []), (this.over = undefined);
    },
  },
};

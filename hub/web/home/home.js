// The home page: places, devices, values, ages. The hub sends it once (prop `view`) and then what
// changed (method `patch`). Everything is set as text.

const TICK_MS = 10000;

const Device = {
  props: { device: Object, now: Number },
  template: `
    <a class="dm-device" :class="{ late: late }" :href="device.path" :data-device="device.id">
      <span class="dm-head">
        <span class="dm-name">{{ device.name }}</span>
        <span v-if="device.battery" class="dm-battery" :class="{ low: device.battery.low }"
              :aria-label="'battery ' + device.battery.text + (device.battery.low ? ', low' : '')"
          ><q-icon :name="device.battery.low ? 'battery_alert' : 'battery_std'" aria-hidden="true" />
          {{ device.battery.text }}</span>
      </span>
      <span v-for="value in device.values" :key="value.key" class="dm-value" :data-key="value.key">
        <span class="dm-label">{{ value.label }}</span>
        <span class="dm-number">{{ value.text }}</span>
        <span v-if="old(value)" class="dm-old">{{ age(value.at) }}</span>
      </span>
      <span v-if="!device.values.length" class="dm-label">no values yet</span>
      <span class="dm-age">{{ seen }}</span>
    </a>`,
  computed: {
    late() {
      return this.device.due !== null && this.now > this.device.due;
    },
    seen() {
      if (this.device.seen === null) return "never heard";
      return (this.late ? "silent for " : "heard ") + this.age(this.device.seen, this.late);
    },
  },
  methods: {
    // A value much older than the device's last word.
    old(value) {
      return this.device.seen !== null && this.device.seen - value.at > 120000;
    },
    age(at, bare) {
      const s = Math.max(0, (this.now - at) / 1000);
      if (s < 60) return bare ? "less than a minute" : "just now";
      const [n, unit] = s < 7200 ? [s / 60, "min"] : s < 172800 ? [s / 3600, "h"] : [s / 86400, "days"];
      return `${Math.floor(n)} ${unit}` + (bare ? "" : " ago");
    },
  },
};

export default {
  components: { Device },
  props: { view: Object },
  template: `
    <div class="dm-home">
      <ul v-if="state.problems.length" class="dm-problems" aria-label="Problems">
        <li v-for="problem in state.problems" :key="problem.text">
          <a v-if="problem.path" :href="problem.path">{{ problem.text }}</a>
          <span v-else>{{ problem.text }}</span>
        </li>
      </ul>
      <p v-else-if="state.places.length" class="dm-fine">All is well.</p>
      <section v-for="place in state.places" :key="place.id" :data-place="place.id"
               :style="{ '--depth': place.depth }" class="dm-place">
        <h2 :aria-level="Math.min(place.depth + 2, 6)">
          <span v-if="place.path.length" class="dm-path">{{ place.path.join(' › ') }} › </span
          >{{ place.name }}
        </h2>
        <div class="dm-devices">
          <Device v-for="device in place.devices" :key="device.id" :device="device" :now="now" />
        </div>
      </section>
    </div>`,
  data() {
    return { state: this.view, ahead: 0, now: 0 };
  },
  created() {
    this.take(this.view);
  },
  mounted() {
    this.ticking = setInterval(() => this.tick(), TICK_MS);
  },
  beforeUnmount() {
    clearInterval(this.ticking);
  },
  watch: {
    view(view) {
      this.take(view);
    },
  },
  methods: {
    take(view) {
      this.state = view;
      this.devices = new Map();
      for (const place of this.state.places)
        for (const device of place.devices) this.devices.set(device.id, device);
      this.clock(view.now);
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
        const device = this.devices.get(change.id);
        if (!device) continue;
        if (change.seen !== undefined) device.seen = change.seen;
        if (change.due !== undefined) device.due = change.due;
        if (change.battery !== undefined) device.battery = change.battery;
        for (const value of change.values ?? []) {
          const shown = device.values.find((one) => one.key === value.key);
          if (shown) Object.assign(shown, value);
        }
      }
    },
  },
};

// What an open page needs of its own: colours, log-out, and a watch over its connection.
"use strict";
(() => {
  // What is said, in the page's language: words.de.js and the like have it, English needs none.
  const words = window.dormouseWords ?? {};
  const fill = (text, values) => (values ? text.replace(/\{(\w+)\}/g, (_, name) => values[name]) : text);
  const say = (text, values) => fill(words[text] ?? text, values);
  window.dormouseSay = say;
  window.dormouseSayN = (one, more, n, values) =>
    fill(words[one]?.[window.dormousePlural(n)] ?? (n === 1 ? one : more), { n, ...values });
  // A number as it is written in English, with the page's own decimal sign.
  const comma = { de: ",", fr: "," }[document.documentElement.lang];
  window.dormouseNumber = (text) => (comma ? text.replace(/(\d)\.(\d)/g, `$1${comma}$2`) : text);
  // Numbers and dates: as the browser has them where it speaks the page's language.
  const spoken = document.documentElement.lang.slice(0, 2);
  window.dormouseLocale = navigator.language.startsWith(spoken) ? navigator.language : spoken === "en" ? undefined : spoken;

  const WORRY_MS = 10_000; // the hub sends a beat every 3 s
  const SLOW_MS = 45_000;
  let last = Date.now();
  let ticked = Date.now();
  let checking = false;

  // Reloading must not become a loop when it does not help: each wait is twice as long, 5 min at
  // most, and a page that has been well for a minute starts anew.
  const key = "dormouse-reload";
  const memory = JSON.parse(sessionStorage.getItem(key) || "{}");
  const born = Date.now();
  function reload() {
    const pause = memory.pause || 0;
    if (Date.now() - (memory.at || 0) < pause) return;
    sessionStorage.setItem(
      key,
      JSON.stringify({ at: Date.now(), pause: Math.min(300_000, Math.max(5_000, pause * 2)) }),
    );
    window.location.reload();
  }

  function isInUse() {
    const typing = document.activeElement?.matches("input, textarea, select, [contenteditable]");
    return typing || document.querySelector(".q-dialog") !== null;
  }

  function banner(text) {
    let box = document.getElementById("dm-unreachable");
    if (!box) {
      box = document.createElement("div");
      box.id = "dm-unreachable";
      box.setAttribute("role", "alert");
      document.body.append(box);
    }
    box.hidden = !text;
    document.body.classList.toggle("dm-away", Boolean(text));
    if (box.textContent !== text) box.textContent = text;
  }

  async function ask(path) {
    const answer = await fetch(path, { cache: "no-store", signal: AbortSignal.timeout(4000) });
    return answer.status;
  }

  async function check() {
    if (checking) return;
    checking = true;
    try {
      const status = await ask("/session");
      if (status === 401) window.location.reload(); // to the log-in
      else if (status === 200) {
        banner("");
        // Connected and slow is not lost, and loading anew would take what somebody is typing.
        const patience = window.socket?.connected && isInUse() ? SLOW_MS : WORRY_MS;
        if (Date.now() - last > patience) reload();
      } else {
        banner(say("The hub is there, but its database is not: what is shown may be old. Trying again…"));
      }
    } catch {
      // By the clock that the page's other times are by.
      const timeZone = document.querySelector("meta[name=dormouse-zone]")?.content;
      const told = { hour: "2-digit", minute: "2-digit", timeZone };
      const since = new Date(last).toLocaleTimeString(window.dormouseLocale, told);
      banner(say("Hub unreachable since {since}. What is shown is from then; trying again…", { since }));
    } finally {
      checking = false;
    }
  }

  setInterval(() => {
    const now = Date.now();
    // The page itself was asleep (a phone in a pocket): give its connection a moment to return.
    if (now - ticked > 5000) last = Math.max(last, now - WORRY_MS + 4000);
    ticked = now;
    if (now - last > WORRY_MS) check();
    else if (now - born > 60_000 && memory.pause) {
      memory.pause = 0;
      sessionStorage.removeItem(key);
    }
  }, 1000);

  function watchSocket() {
    if (!window.socket) return setTimeout(watchSocket, 100);
    // A session that was ended closes the connection: say so at once.
    window.socket.on("disconnect", () => setTimeout(check, 300));
  }
  watchSocket();

  // How many notifications are open, beside the menu's entry: by CSS, since the menu is Vue's.
  const BADGE_MS = 60_000;
  async function badge() {
    if (document.hidden) return;
    try {
      const answer = await fetch("/badge", { cache: "no-store", signal: AbortSignal.timeout(4000) });
      if (!answer.ok) return;
      const { open } = await answer.json();
      const style = document.documentElement.style;
      document.documentElement.classList.toggle("dm-badged", open > 0);
      style.setProperty("--dm-badge", `"${open > 99 ? "99+" : open}"`);
      style.setProperty("--dm-badge-said", `"${say("{n} open", { n: open })}"`);
    } catch {
      // The watch over the connection says that the hub is away.
    }
  }
  setInterval(badge, BADGE_MS);
  document.addEventListener("visibilitychange", badge);
  badge();

  window.dormouse = {
    badge,
    beat() {
      last = Date.now();
      banner("");
    },
    theme(name) {
      document.cookie = `dormouse_theme=${name}; path=/; max-age=31536000; samesite=lax`;
      window.Quasar.Dark.set(name === "auto" ? "auto" : name === "dark");
    },
    logout() {
      const form = Object.assign(document.createElement("form"), { method: "post", action: "/logout" });
      document.body.append(form);
      form.submit();
    },
  };
})();

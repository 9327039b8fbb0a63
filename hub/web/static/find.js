// Finding rooms, devices and pages from anywhere (`/`), and going to the main pages by keys (g h).
"use strict";
(() => {
  const say = window.dormouseSay;
  const WAIT_MS = 120;
  const GO = { h: "/", d: "/devices", n: "/notifications", u: "/updates" };
  let input, list, box, timer, asked = 0, chosen = -1, led = 0;

  function options() {
    return [...list.children].filter((one) => one.dataset.path);
  }

  function choose(index) {
    const all = options();
    chosen = all.length ? (index + all.length) % all.length : -1;
    all.forEach((one, i) => one.setAttribute("aria-selected", String(i === chosen)));
    if (chosen < 0) input.removeAttribute("aria-activedescendant");
    else {
      input.setAttribute("aria-activedescendant", all[chosen].id);
      all[chosen].scrollIntoView({ block: "nearest" });
    }
  }

  function open(shown) {
    list.hidden = !shown;
    input.setAttribute("aria-expanded", String(shown));
    if (!shown) choose(-1), (chosen = -1);
  }

  function line(title, where, path, index) {
    const item = document.createElement("li");
    item.setAttribute("role", "option");
    const name = document.createElement("span");
    name.textContent = title;
    const small = document.createElement("small");
    small.textContent = where;
    item.append(name, small);
    if (path) {
      item.id = `dm-found-${index}`;
      item.dataset.path = path;
    } else item.setAttribute("aria-disabled", "true");
    return item;
  }

  async function look() {
    const number = ++asked;
    const wanted = input.value.trim();
    if (!wanted) return open(false);
    let found;
    try {
      const answer = await fetch("/find?q=" + encodeURIComponent(wanted), { cache: "no-store" });
      if (!answer.ok) throw new Error(String(answer.status));
      found = await answer.json();
    } catch {
      found = null;
    }
    if (number !== asked) return;
    if (!found) list.replaceChildren(line(say("The hub did not answer. Try again."), "", "", 0));
    else if (!found.length) list.replaceChildren(line(say("Nothing is called {name}.", { name: wanted }), "", "", 0));
    else list.replaceChildren(...found.map((one, i) => line(one.title, one.where, one.path, i)));
    open(true);
    choose(0);
  }

  function leave() {
    open(false);
    box.classList.remove("open");
  }

  function typed(event) {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      if (list.hidden) look();
      else choose(chosen + (event.key === "ArrowDown" ? 1 : -1));
    } else if (event.key === "Enter") {
      const all = options();
      if (!list.hidden && chosen >= 0 && all[chosen]) window.location.assign(all[chosen].dataset.path);
    } else if (event.key === "Escape") {
      input.value = "";
      leave();
      input.blur();
    }
  }

  function elsewhere(target) {
    return target.closest?.("input, textarea, select, [contenteditable], .q-dialog, .q-menu");
  }

  function key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || elsewhere(event.target)) return;
    if (event.key === "/") {
      event.preventDefault();
      window.dormouse.find();
    } else if (event.key === "g") led = Date.now();
    else if (GO[event.key] && Date.now() - led < 1000) window.location.assign(GO[event.key]);
  }

  function attach() {
    box = document.querySelector(".dm-find");
    if (!box || !window.dormouse) return setTimeout(attach, 100);
    input = box.querySelector("input");
    list = box.querySelector("ul");
    input.addEventListener("input", () => {
      clearTimeout(timer);
      timer = setTimeout(look, WAIT_MS);
    });
    input.addEventListener("keydown", typed);
    input.addEventListener("blur", () => setTimeout(leave, 150));
    list.addEventListener("pointerdown", (event) => {
      const item = event.target.closest("li");
      if (item?.dataset.path) window.location.assign(item.dataset.path);
      event.preventDefault();
    });
    document.addEventListener("keydown", key);
    window.dormouse.find = () => {
      box.classList.add("open");
      input.focus();
      input.select();
    };
  }
  attach();
})();

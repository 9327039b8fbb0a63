// The list of keyboard shortcuts (`?`), on every page. A page adds its own by
// window.dormouse.keys("On this page", [["m", "Mute"], ...]).
"use strict";
(() => {
  const say = window.dormouseSay;
  const GROUPS = new Map([
    [
      say("Everywhere"),
      [
        ["/", say("Find a room, a device or a page")],
        ["g h", say("Home")],
        ["g d", say("Devices")],
        ["g n", say("Notifications")],
        ["g u", say("Updates")],
        ["Esc", say("Close what is open")],
        ["?", say("This list")],
      ],
    ],
  ]);
  let dialog;

  function built(tag, text, parent) {
    const element = document.createElement(tag);
    if (text) element.textContent = text;
    parent.append(element);
    return element;
  }

  function fill() {
    dialog.replaceChildren();
    built("h2", say("Keyboard shortcuts"), dialog).id = "dm-keys-title";
    for (const [title, keys] of GROUPS) {
      built("h3", title, dialog);
      const list = built("dl", "", dialog);
      for (const [key, what] of keys) {
        const term = built("dt", "", list);
        for (const one of key.split(" ")) built("kbd", one, term);
        built("dd", what, list);
      }
    }
    const button = built("button", say("Close"), dialog);
    button.type = "button";
    button.className = "dm-button";
    button.addEventListener("click", () => dialog.close());
  }

  function show() {
    if (!dialog) {
      dialog = document.createElement("dialog");
      dialog.className = "dm-keys";
      dialog.setAttribute("aria-labelledby", "dm-keys-title");
      // What opened it has the focus again when it closes: the browser sees to that.
      document.body.append(dialog);
    }
    if (dialog.open) return;
    fill();
    dialog.showModal();
  }

  document.addEventListener("keydown", (event) => {
    if (event.key !== "?" || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.closest?.("input, textarea, select, [contenteditable], .q-dialog")) return;
    event.preventDefault();
    show();
  });

  function attach() {
    if (!window.dormouse) return setTimeout(attach, 100);
    window.dormouse.shortcuts = show;
    window.dormouse.keys = (title, keys) => GROUPS.set(title, keys);
  }
  attach();
})();

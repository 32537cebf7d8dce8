// The console works without this script. It shows progress as it happens.
"use strict";
(() => {
  const card = document.querySelector("[data-stream]");
  if (!card) return;
  let source = null;

  const isAnother = (number, shown) => String(number ?? "") !== (shown ?? "");

  const show = (state) => {
    if (isAnother(state.id, card.dataset.run) || isAnother(state.ended, card.dataset.ended)) {
      // Another run, or none, or one that has ended since: the page is made anew.
      source.close();
      location.reload();
      return;
    }
    for (const place of card.querySelectorAll("[data-show]")) {
      const value = state[place.dataset.show];
      if (place instanceof HTMLProgressElement) {
        if (value === null) place.removeAttribute("value");
        else place.value = value;
      } else if (place.textContent !== value) {
        place.textContent = value;
      }
    }
  };

  const open = () => {
    if (source) return;
    source = new EventSource(card.dataset.stream);
    source.onmessage = (event) => show(JSON.parse(event.data));
    source.onerror = () => {
      // After a restart of the agent a browser gives up by itself.
      if (source.readyState !== EventSource.CLOSED) return;
      source = null;
      const again = () => setTimeout(open, 2000);
      // A browser that is locked by now goes to the door.
      fetch(card.dataset.stream, { method: "HEAD" }).then((answer) => (answer.redirected ? location.reload() : again()), again);
    };
  };

  // A browser opens six connections to a host: pages that nobody sees give theirs back.
  document.addEventListener("visibilitychange", () => {
    if (document.hidden && source) {
      source.close();
      source = null;
    } else if (!document.hidden) {
      open();
    }
  });
  open();
})();

// An open page keeps itself up to date: it asks again with the ETag it has, and while the answer is
// 304 nothing happens. What is new is merged into what is there, element by element, so focus,
// scrolling, text being typed and whatever was opened stay as they are.
"use strict";
(() => {
  const main = document.getElementById("content");
  const state = document.querySelector("#as-of-now .state");
  const time = document.querySelector("#as-of-now time");
  const announced = document.getElementById("announced");
  const ANNOUNCE_MS = 15_000; // a listener wants to hear of it, not of each time
  const LONGEST_WAIT = 30; // times the usual one, while the server is away

  let etag = main.dataset.etag;
  let failures = 0;
  let timer = 0;
  let announcedAt = -ANNOUNCE_MS;

  function key(node) {
    return node.nodeType === Node.ELEMENT_NODE ? node.id : "";
  }

  function alike(one, other) {
    return one.nodeName === other.nodeName && key(one) === key(other);
  }

  function mergeAttributes(old, fresh) {
    for (const { name } of [...old.attributes]) {
      // What the reader opened stays open.
      if (!fresh.hasAttribute(name) && !(name === "open" && old.nodeName === "DETAILS")) {
        old.removeAttribute(name);
      }
    }
    for (const { name, value } of fresh.attributes) {
      if (old.getAttribute(name) !== value) {
        old.setAttribute(name, value);
      }
    }
  }

  function merge(old, fresh) {
    if (old.nodeType !== Node.ELEMENT_NODE) {
      if (old.nodeValue !== fresh.nodeValue) {
        old.nodeValue = fresh.nodeValue;
      }
      return;
    }
    if (old.hasAttribute("data-keep") || old.isEqualNode(fresh)) {
      return;
    }
    mergeAttributes(old, fresh);
    mergeChildren(old, fresh);
  }

  function mergeChildren(old, fresh) {
    const kept = new Map();
    for (const child of old.children) {
      if (child.id) {
        kept.set(child.id, child);
      }
    }
    let place = old.firstChild;
    for (const child of [...fresh.childNodes]) {
      const known = key(child) ? kept.get(key(child)) : undefined;
      if (known && known.nodeName === child.nodeName) {
        if (known !== place) {
          old.insertBefore(known, place);
        }
        merge(known, child);
        place = known.nextSibling;
      } else if (place && !key(place) && alike(place, child)) {
        const next = place.nextSibling;
        merge(place, child);
        place = next;
      } else {
        old.insertBefore(document.importNode(child, true), place);
      }
    }
    while (place) {
      const next = place.nextSibling;
      place.remove();
      place = next;
    }
  }

  function entries() {
    return new Set([...main.querySelectorAll(".entry")].map((entry) => entry.id));
  }

  function show(text) {
    const page = new DOMParser().parseFromString(text, "text/html");
    const fresh = page.getElementById("content");
    if (!fresh) {
      throw new Error("an answer without content");
    }
    const before = entries();
    mergeChildren(main, fresh);
    document.title = page.title;
    const added = [...entries()].filter((id) => !before.has(id));
    for (const id of added) {
      document.getElementById(id).classList.add("fresh");
    }
    document.dispatchEvent(new CustomEvent("history:updated"));
    announce(added.length);
  }

  function announce(added) {
    if (performance.now() - announcedAt < ANNOUNCE_MS) {
      return;
    }
    announcedAt = performance.now();
    announced.textContent = added
      ? `${added} new ${added === 1 ? "entry" : "entries"} in the timeline`
      : "The page was updated";
  }

  function say(words, at) {
    state.textContent = words;
    if (at) {
      time.dateTime = at.toISOString();
      time.textContent = `${at.toISOString().slice(11, 19)}Z`;
    }
  }

  function wait() {
    clearTimeout(timer);
    const times = Math.min(2 ** failures, LONGEST_WAIT);
    timer = setTimeout(ask, main.dataset.seconds * 1000 * times);
  }

  async function ask() {
    if (document.hidden) {
      return; // visibilitychange asks again
    }
    try {
      const answer = await fetch(location.pathname + location.search, {
        headers: { "If-None-Match": etag },
        cache: "no-store",
        redirect: "error",
      });
      if (answer.status === 200) {
        show(await answer.text());
        etag = answer.headers.get("etag") ?? etag;
      } else if (answer.status !== 304) {
        throw new Error(`answered ${answer.status}`);
      }
      failures = 0;
      say("Live, as of", new Date());
    } catch {
      failures += 1;
      say("Not live: the server cannot be asked. As of");
    }
    wait();
  }

  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) {
      clearTimeout(timer);
      ask();
    }
  });
  say("Live, as of");
  wait();
})();

// Every time of the page in the reader's own zone, as its tooltip. Without this script UTC stays.
"use strict";
(() => {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const local = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "long" });

  function tell() {
    for (const time of document.querySelectorAll("time[datetime]")) {
      const at = new Date(time.dateTime);
      if (!Number.isNaN(at.valueOf())) {
        time.title = `${local.format(at)} in ${zone} · ${time.dateTime}`;
      }
    }
  }

  for (const hint of document.querySelectorAll(".with-script")) {
    hint.hidden = false;
  }
  document.addEventListener("history:updated", tell);
  tell();
})();

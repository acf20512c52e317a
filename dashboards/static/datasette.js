// What Datasette's own pages leave unsaid to those who do not see them: language, landmark, labels.
"use strict";
document.addEventListener("DOMContentLoaded", () => {
  const labels = {
    "select[name^='_filter_column']": "Column",
    "select[name^='_filter_op']": "Comparison",
    "input[name^='_filter_value']": "Value",
    "select[name='_sort']": "Sort by",
    ".CodeMirror textarea, textarea[name='sql'], .cm-content": "SQL query",
    "dl.column-descriptions": "What the columns mean",
  };

  function tell() {
    for (const [selector, label] of Object.entries(labels)) {
      for (const element of document.querySelectorAll(selector)) {
        if (!element.labels?.length && !element.hasAttribute("aria-label")) {
          element.setAttribute("aria-label", label);
        }
      }
    }
    for (const element of document.querySelectorAll("dl.column-descriptions, td .long, pre")) {
      if (element.scrollHeight > element.clientHeight || element.scrollWidth > element.clientWidth) {
        element.tabIndex = 0;
      }
    }
  }

  document.documentElement.lang = "en";
  document.querySelector("section.content")?.setAttribute("role", "main");
  tell();
  window.addEventListener("load", tell); // the editor of queries makes its own elements
});

// Light or dark as Locust's page has it: its choice lies in localStorage.theme, else the system decides.
// Not a module and not deferred: it must have spoken before the page is painted.
"use strict";

(() => {
  const system = window.matchMedia("(prefers-color-scheme: dark)");

  function chosen() {
    try {
      return localStorage.theme;
    } catch {
      return undefined; // storage is forbidden: the system decides
    }
  }

  function apply() {
    const dark = chosen() === "dark" || (chosen() === undefined && system.matches);
    document.documentElement.dataset.theme = dark ? "dark" : "light";
    document.dispatchEvent(new Event("themechange"));
  }

  function toggle() {
    try {
      localStorage.theme = document.documentElement.dataset.theme === "dark" ? "light" : "dark";
    } catch {
      return;
    }
    apply();
  }

  apply();
  system.addEventListener("change", apply);
  window.addEventListener("storage", apply); // switched on Locust's page in another tab
  document.addEventListener("DOMContentLoaded", () => {
    document.getElementById("theme")?.addEventListener("click", toggle);
  });
})();

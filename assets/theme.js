// Runs before the first paint, so that a dark page never flashes white.
(() => {
  const root = document.documentElement;
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const chosen = () => {
    try {
      return localStorage.getItem("theme") || "system";
    } catch {
      return "system";
    }
  };
  const apply = () => {
    const theme = chosen();
    root.dataset.theme = theme;
    root.classList.toggle("dark", theme === "dark" || (theme !== "light" && dark.matches));
  };
  root.classList.add("js");
  apply();
  dark.addEventListener("change", apply);
  addEventListener("storage", apply);
  document.addEventListener("portico:theme", (event) => {
    try {
      localStorage.setItem("theme", event.detail);
    } catch {
      // Without storage the choice cannot be kept.
    }
    apply();
  });
})();

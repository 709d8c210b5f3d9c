// Shows the head that stands in the HTML, or asks for it where it was not known soon enough, and takes it away once
// the page has drawn its own, has ended without one, or is another page.
(() => {
  const root = document.getElementById("root");
  const path = location.pathname;
  const name = document.currentScript.dataset.page;
  const STATE = "data-test-script-state";
  const asking = new AbortController();
  let running = false;
  const end = () => {
    asking.abort();
    watch.disconnect();
    clearTimeout(latest);
    document.getElementById("page-head")?.remove();
  };
  const watch = new MutationObserver(() => {
    const state = root.querySelector(`[${STATE}]`)?.getAttribute(STATE);
    const done = running && state === "notRunning";
    running ||= state === "running";
    if (done || root.querySelector(".headline") || location.pathname !== path) end();
  });
  watch.observe(root, { childList: true, subtree: true, attributes: true, attributeFilter: [STATE] });
  const latest = setTimeout(end, 10000);
  const show = () => {
    // The theme that was chosen in the menu, which Streamlit keeps for each page; else the system's.
    const theme = localStorage.getItem(`stActiveTheme-${path}-v2`) ?? "";
    const head = document.getElementById("page-head");
    if (theme.includes("Dark")) head.classList.add("dark");
    if (theme.includes("Light")) head.classList.add("light");
  };
  if (document.getElementById("page-head")) {
    show();
    return;
  }
  fetch(`./page-head/${name}${location.search}`, { priority: "high", signal: asking.signal })
    .then((answer) => (answer.status === 200 ? answer.text() : ""))
    .then((html) => {
      if (asking.signal.aborted || !html) return;
      root.insertAdjacentHTML("afterend", html);
      show();
    })
    .catch(() => {}); // the page says what is wrong
})();

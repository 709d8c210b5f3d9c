(() => {
  const content = JSON.parse(document.getElementById("content").textContent);
  const at = (id) => document.getElementById(id);
  const server = content.server ?? null; // null: a file on a disk, whose decisions are handed in as a file
  const STORE = `spinebench-review-${content.set}`;
  const AHEAD = 8; // items that are fetched before they are needed
  const LETTERS = "qwertyuiop"; // keys of the reasons
  const SAID = { accept: "accepted", correct: "corrected", reject: "rejected" };

  const order = content.items; // [{ id, state }] in the order to read
  const cases = new Map((content.cases ?? []).map((one) => [one.id, one]));
  const decided = new Map(); // id -> { decision, reason, gold, note, key, withdrawn }, the reviewer's last word
  const undone = []; // ids decided on this page, the last one at the end
  let place = 0, mode = null, chosen = new Set(), reason = null, close = null, kept = true, trouble = "", clock = 0;

  // ------------------------------------------------------------------ text from outside: only ever as text

  const ODD = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]|\udb40[\udc00-\udc7f]/g;

  // What would not be seen, or would turn the line, is named.
  function write(element, text) {
    element.replaceChildren();
    let from = 0;
    for (const match of text.matchAll(ODD)) {
      const mark = document.createElement("span");
      mark.className = "odd";
      mark.textContent = `U+${match[0].codePointAt(0).toString(16).toUpperCase().padStart(4, "0")}`;
      element.append(text.slice(from, match.index), mark);
      from = match.index + match[0].length;
    }
    element.append(text.slice(from));
  }

  function make(tag, className, text) {
    const element = document.createElement(tag);
    if (className) element.className = className;
    if (text !== undefined) write(element, String(text));
    return element;
  }

  function notice(text) { write(at("notice"), text); at("notice").hidden = text === ""; }

  // ------------------------------------------------------------------ decisions that wait to be handed in

  // Each by itself, so that two tabs do not write over each other's.
  const slot = (one) => `${STORE}-${one.key}`;
  const memory = new Map(); // where the browser keeps nothing

  function put(one) {
    memory.set(one.key, one);
    try { localStorage.setItem(slot(one), JSON.stringify(one)); } catch {
      if (kept) notice("This browser keeps nothing by itself: do not close the page before all is handed in.");
      kept = false;
    }
  }

  function drop(one) {
    memory.delete(one.key);
    try { localStorage.removeItem(slot(one)); } catch { kept = false; }
  }

  function waitingOnes() {
    const found = new Map(memory);
    try {
      for (let index = 0; index < localStorage.length; index += 1) {
        const name = localStorage.key(index);
        if (!name.startsWith(`${STORE}-`)) continue;
        const one = JSON.parse(localStorage.getItem(name));
        if (typeof one?.key === "string") found.set(one.key, one);
      }
    } catch { kept = false; }
    return [...found.values()].sort((one, other) => one.time - other.time);
  }

  // ------------------------------------------------------------------ one item

  const here = () => order[place];
  const isOpen = (one) => !SAID[one.state];

  async function fetchCases(from) {
    const missing = order.slice(from, from + AHEAD).map((one) => one.id).filter((id) => !cases.has(id));
    if (server === null || missing.length === 0) return;
    const reply = await fetch(`${server.items}/${missing.join(",")}`, { credentials: "same-origin", redirect: "error" });
    if (!reply.ok) throw new Error(String(reply.status));
    for (const one of (await reply.json()).cases) {
      cases.set(one.id, one);
      if (decided.has(one.id) || one.standing === null) continue;
      decided.set(one.id, one.standing);
      stateOf(one.id, one.standing.withdrawn ? "" : one.standing.decision);
    }
  }

  async function show(index) {
    place = index;
    mode = null;
    if (order.length === 0) { empty(); return; }
    const wanted = here().id;
    if (!cases.has(wanted)) {
      try { await fetchCases(index); } catch {
        if (here().id === wanted) notice("This item cannot be had at present: no connection, or you are signed out. Try again with the arrow keys.");
        return;
      }
    }
    if (here().id !== wanted) return; // moved on while it came
    const one = cases.get(wanted);
    if (one === undefined) { notice("This item is not there any more: load the page again."); return; }
    draw(one);
    fetchCases(index + 1).catch(() => {});
  }

  function empty() {
    at("form").hidden = true;
    at("item").replaceChildren(make("p", "plain", content.adjudicates
      ? "There is nothing for you to decide yet: items on which reviewers differ come here as soon as there are any. " + (server === null ? "Ask the study lead for a new file then." : "Load the page again later.")
      : "There is nothing for you to review at present."));
    for (const id of ["undo", "open"]) at(id).disabled = true;
    showProgress();
  }

  function draw(one) {
    write(at("question"), one.question);
    at("options").replaceChildren(...one.options.map((option) => {
      const line = make("li", option.right ? "right" : "");
      line.append(make("b", "", option.letter), make("span", "", option.text));
      if (option.right) line.append(make("small", "", "✓ marked as right"));
      return line;
    }));
    const rows = one.findings.map((found) => {
      const parts = [found.label, found.level, found.side, found.severity].filter((part) => part);
      return make("li", found.counts === false ? "off" : "", `${parts.join(" · ")}${found.counts === false ? " (does not count as disease)" : ""} — ${found.row}`);
    });
    if (one.healthy) rows.unshift(make("li", "", "nothing found"));
    if (rows.length === 0) rows.push(make("li", "", "no findings are kept with this build"));
    at("findings").replaceChildren(...rows);
    write(at("facts"), [`labels: ${one.labels.join(", ")}`, ...one.facts, one.source, one.rows.length > 0 ? `rows: ${one.rows.join(", ")}` : ""].filter((text) => text).join(" · "));
    at("alike").hidden = one.alike === 0;
    write(at("alike"), `${one.alike} other ${one.alike === 1 ? "image" : "images"} of this queue ${one.alike === 1 ? "is" : "are"} nearly the same as this one.`);
    at("earlier").hidden = (one.earlier ?? []).length === 0;
    write(at("earlier"), `Reviewers said:\n${(one.earlier ?? []).join("\n")}`);
    at("note").value = decided.get(one.id)?.note ?? "";
    drawImages(one);
    drawForm();
    at("item").scrollTop = 0;
    showProgress();
  }

  function drawImages(one) {
    if (close !== null) close();
    close = null;
    const box = make("div");
    at("picture").replaceChildren(box);
    if (one.images.length === 0) { box.append(make("p", "", "This item has no image.")); return; }
    box.append(at("viewer").content.cloneNode(true));
    const images = one.images.map((image) => ({ url: content.images?.[image.key] ?? `${server.images}/${image.key}`, label: image.label || "image" }));
    close = openViewer({ data: { images }, parentElement: box });
  }

  const seen = (one) => one.images.length === 0 || at("picture").querySelector(".viewer")?.dataset.loaded !== undefined;

  // A reason that the plan has no more is named as it stands.
  const reasonText = (id) => content.reasons.find((known) => known.id === id)?.text ?? id;

  function drawForm() {
    const one = cases.get(here().id);
    const last = decided.get(one.id);
    const stands = last !== undefined && !last.withdrawn ? last : null;
    write(at("state"), stands === null ? (here().state === "changed" ? "changed since you decided" : "open") : SAID[stands.decision]);
    at("state").className = `chip ${stands === null ? "" : "done"}`;
    write(at("stated"), stands === null ? "" : [reasonText(stands.reason), ...(stands.gold ?? [])].filter((text) => text).join(" · "));
    for (const [id, name] of [["accept", "accept"], ["correct", "correct"], ["reject", "reject"]]) {
      at(id).setAttribute("aria-pressed", String(mode === name || (mode === null && stands?.decision === name)));
    }
    at("correct").disabled = one.options.length === 0;
    at("more").hidden = mode === null;
    if (mode === null) return;
    write(at("more-title"), mode === "correct" ? (one.several ? "Which options are right?" : "Which option is right?") : "");
    at("answers").replaceChildren(...(mode === "correct" ? one.options : []).map((option, index) => choice(index + 1, option.text, chosen.has(index), () => toggle(index))));
    at("reasons").replaceChildren(...content.reasons.map((known, index) => choice(LETTERS[index], known.text, reason === known.id, () => { reason = known.id; drawForm(); }, known.id)));
  }

  function choice(key, text, pressed, act, value) {
    const button = make("button");
    button.type = "button";
    button.setAttribute("aria-pressed", String(pressed));
    if (value !== undefined) button.dataset.reason = value;
    button.append(make("kbd", "", key), make("span", "", ` ${text}`));
    button.addEventListener("click", act);
    return button;
  }

  function toggle(index) {
    const one = cases.get(here().id);
    if (index >= one.options.length) return;
    if (!one.several) chosen = new Set([index]);
    else if (!chosen.delete(index)) chosen.add(index);
    drawForm();
  }

  function begin(name) {
    if (!cases.has(here()?.id)) return;
    mode = name;
    reason = null;
    chosen = new Set();
    drawForm();
    at("more").scrollIntoView({ block: "nearest" });
  }

  // ------------------------------------------------------------------ deciding

  function decide(name) {
    const one = here() === undefined ? undefined : cases.get(here().id);
    if (one === undefined) return;
    const last = decided.get(one.id);
    if (name !== "reject" && !seen(one)) { notice("The picture is not shown yet: an item is accepted or corrected only by who sees it. If it stays so, tell the study lead."); return; }
    const gold = name === "correct" ? one.options.filter((_, index) => chosen.has(index)).map((option) => option.text) : [];
    if (name !== "accept" && reason === null) { notice("Choose a reason."); return; }
    if (name === "correct" && gold.length === 0) { notice("Choose the option that is right."); return; }
    if (name === "correct" && one.options.every((option) => option.right === gold.includes(option.text))) { notice("This is the answer that is marked already: accept the item, or choose another."); return; }
    const said = { decision: name, reason: name === "accept" ? null : reason, gold, note: at("note").value, withdrawn: false };
    if (last === undefined || Object.keys(said).some((field) => JSON.stringify(last[field]) !== JSON.stringify(said[field]))) {
      hand(one, said);
      undone.push(one.id);
    }
    toOpen();
  }

  function hand(one, said) {
    clock = Math.max(Date.now(), clock + 1); // later than before, whatever the clock says
    const last = decided.get(one.id);
    const record = { key: newKey(), id: one.id, time: clock, item_id: one.item_id, item_hash: one.item_hash, reviewer: content.reviewer, follows: last?.key ?? null, ...said };
    decided.set(one.id, record);
    stateOf(one.id, said.withdrawn ? "" : said.decision);
    put(record);
    notice("");
    at("remarks").hidden = true;
    showProgress();
    send?.();
  }

  function stateOf(id, state) {
    const found = order.find((other) => other.id === id);
    if (found !== undefined) found.state = state;
  }

  // `crypto.randomUUID` is there only under https and on this machine.
  function newKey() {
    return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  }

  async function undo() {
    const id = undone.pop();
    if (!decided.has(id) || !cases.has(id)) { notice("There is nothing to undo on this page. Any item can be decided again: go back to it."); return; }
    const { decision, reason: why, gold, note } = decided.get(id);
    hand(cases.get(id), { decision, reason: why, gold, note, withdrawn: true });
    await show(order.findIndex((one) => one.id === id));
    notice("Taken back: the item is open again.");
  }

  function toOpen() {
    if (order.length === 0) return;
    for (let ahead = 1; ahead <= order.length; ahead += 1) {
      const index = (place + ahead) % order.length;
      if (isOpen(order[index])) { show(index); return; }
    }
    drawForm();
    if (mode !== null) { mode = null; drawForm(); }
    notice(server === null ? "All items of this file are decided: save the decisions file and send it to the study lead." : "All your items are decided. Thank you.");
  }

  const send = server === null ? null : window.openSending(server, {
    waiting() {
      const one = waitingOnes()[0];
      if (one === undefined) return null;
      const { time, reviewer, ...sent } = one;
      return sent;
    },
    taken(sent, answer) {
      drop(sent);
      const last = decided.get(sent.id);
      if (last?.key === sent.key) last.key = answer.rating_id; // the same stood already, under another key
      showRemarks(answer.remarks ?? []);
      showProgress();
    },
    refused(sent, answer) {
      drop(sent);
      cases.delete(sent.id); // to be had again, with what stands
      if (decided.get(sent.id)?.key === sent.key) { decided.delete(sent.id); stateOf(sent.id, ""); }
      const index = order.findIndex((one) => one.id === sent.id);
      if (index >= 0 && index === place) show(place);
      notice(`The decision on item ${index + 1} was not taken: ${answer.reason}`);
      showProgress();
    },
    say(what) { trouble = what; showProgress(); },
  });

  function showRemarks(remarks) {
    at("remarks").hidden = remarks.length === 0;
    at("remarks").open = false;
    write(at("remarks-title"), `A model had remarks on the item you have just decided (${remarks.length}). To decide again, press u.`);
    at("remarks-list").replaceChildren(...remarks.map((text) => make("li", "", text)));
  }

  function showProgress() {
    const n = order.length, done = order.filter((one) => !isOpen(one)).length;
    at("bar").style.width = `${n === 0 ? 0 : (100 * done) / n}%`;
    write(at("progress"), `${done} of ${n} decided`);
    write(at("place"), n === 0 ? "" : `Item ${place + 1} of ${n} · ${cases.get(here().id)?.item_id.slice(0, 60) ?? ""}`);
    at("previous").disabled = place === 0;
    at("next").disabled = place >= n - 1;
    const left = waitingOnes().length;
    if (server === null) { write(at("save"), left > 0 ? `Save decisions file (${left})` : "Save decisions file"); return; }
    const what = `${left} ${left === 1 ? "decision is" : "decisions are"} kept in this browser`;
    at("connection").hidden = trouble === "";
    write(at("connection"), { offline: `No connection. ${what}, to be handed in as soon as there is one.`, "signed out": `You are signed out. ${what}: sign in again in this browser, and they are handed in.`, "somebody else": `Somebody else is signed in in this browser. ${what}, to be handed in when you sign in again.` }[trouble] ?? "");
    at("sign-in").hidden = trouble !== "signed out";
  }

  // ------------------------------------------------------------------ file, signing out, keys, start

  function save() {
    const rows = waitingOnes().map(({ time, follows, ...one }) => `${JSON.stringify(one)}\n`);
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob(rows, { type: "application/jsonl" }));
    link.download = `decisions-${content.reviewer}-${content.part ?? 1}.jsonl`;
    document.body.append(link);
    link.click();
    link.remove();
    setTimeout(() => URL.revokeObjectURL(link.href), 60000);
    notice(`Saved as ${link.download}: send this file to the study lead.`);
  }

  async function signOut() {
    const left = waitingOnes().length;
    if (left > 0 && !confirm(`${left} ${left === 1 ? "decision has" : "decisions have"} not been handed in yet. They stay in this browser, and go out when you sign in here again. Sign out now?`)) return;
    try {
      const reply = await fetch(server.sign_out, { method: "POST", credentials: "same-origin" });
      if (!reply.ok) throw new Error(String(reply.status));
    } catch {
      notice("You are still signed in: there is no connection. Sign out again when there is one.");
      return;
    }
    location.assign("/");
  }

  function step(by) {
    const to = place + by;
    if (to >= 0 && to < order.length) { notice(""); show(to); }
  }

  function pressed(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
    if (event.target.closest?.("textarea, input")) {
      if (event.key === "Escape") event.target.blur();
      return;
    }
    if (event.repeat && event.key !== "ArrowLeft" && event.key !== "ArrowRight") return;
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    const inChoice = mode !== null;
    if (key === "ArrowRight") step(1);
    else if (key === "ArrowLeft") step(-1);
    else if (inChoice && mode === "correct" && /^[1-9]$/.test(key)) toggle(Number(key) - 1);
    else if (inChoice && LETTERS.includes(key) && content.reasons[LETTERS.indexOf(key)]) { reason = content.reasons[LETTERS.indexOf(key)].id; drawForm(); }
    else if (inChoice && key === "Enter" && event.target.closest?.("#cancel") == null) decide(mode);
    else if (inChoice && key === "Escape") { mode = null; drawForm(); }
    else if (inChoice) return;
    else if (key === "a") decide("accept");
    else if (key === "c" && !at("correct").disabled) begin("correct");
    else if (key === "r") begin("reject");
    else if (key === "u") undo();
    else if (key === "o") toOpen();
    else if (key === "n") step(1);
    else if (key === "p") step(-1);
    else if (key === "m") at("note").focus();
    else if (key === "?") at("help").showModal();
    else return;
    event.preventDefault();
  }

  document.addEventListener("keydown", pressed);
  window.addEventListener("beforeunload", (event) => { if (!kept && waitingOnes().length > 0) event.preventDefault(); });
  at("form").addEventListener("submit", (event) => event.preventDefault());
  at("accept").addEventListener("click", (event) => { if (event.detail < 2) decide("accept"); });
  at("correct").addEventListener("click", () => begin("correct"));
  at("reject").addEventListener("click", () => begin("reject"));
  at("confirm").addEventListener("click", () => decide(mode));
  at("cancel").addEventListener("click", () => { mode = null; drawForm(); });
  at("previous").addEventListener("click", () => step(-1));
  at("next").addEventListener("click", () => step(1));
  at("open").addEventListener("click", toOpen);
  at("undo").addEventListener("click", undo);
  at("save").addEventListener("click", save);
  at("sign-out").addEventListener("click", signOut);
  at("help-open").addEventListener("click", () => at("help").showModal());
  at("help-close").addEventListener("click", () => at("help").close());
  const keys = [["a", "accept"], ["c", "correct the answer: digits choose options"], ["r", "reject"], ["q w e …", "reason, when correcting or rejecting"], ["Enter", "confirm"], ["Esc", "back"], ["u", "take the last decision back"], ["o", "next open item"], ["← →  p n", "previous, next item"], ["m", "note; Esc leaves it"], ["+ - 0", "zoom of the image, once it is clicked"], ["?", "this help"]];
  at("keys").append(...keys.map(([key, what]) => { const row = make("tr"); const cell = make("td"); cell.append(...key.split(/\s+/).flatMap((one) => [make("kbd", "", one), " "])); row.append(cell, make("td", "", what)); return row; }));
  write(at("reviewer"), content.reviewer);
  at("simulated").hidden = !content.simulated;
  for (const one of document.querySelectorAll(".by-file")) one.hidden = server !== null;
  for (const one of document.querySelectorAll(".by-server")) one.hidden = server === null;
  at("save").hidden = server !== null;
  at("sign-out").hidden = server === null;
  for (const one of content.cases ?? []) if (one.standing !== null) decided.set(one.id, one.standing);
  // What was decided here and is not handed in yet counts before what was loaded.
  for (const one of waitingOnes()) {
    const index = order.findIndex((other) => other.id === one.id);
    if (index < 0) continue;
    decided.set(order[index].id, one);
    order[index].state = one.withdrawn ? "" : one.decision;
  }
  const first = order.findIndex(isOpen);
  show(first < 0 ? 0 : first);
  send?.();
})();

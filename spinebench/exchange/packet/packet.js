"use strict";
(() => {
  const packet = JSON.parse(document.getElementById("packet").textContent);
  const at = (id) => document.getElementById(id);
  const STORE = `spinebench-ratings-${packet.set}`;
  const server = packet.server ?? null; // null: a file on a disk, whose ratings are handed in as a file
  const IDLE_MS = 60000;
  const OTHER_TAB_MS = 1000; // what one tab holds as not sent, the others send too after this time
  const MANY = 6; // more dimensions than these are drawn smaller, so that a screen holds them
  const CANNOT = "cannot_assess";
  const dimensions = new Map(packet.dimensions.map((one) => [one.id, one]));
  const modes = new Map(packet.modes.map((one) => [one.id, one]));
  const usesZero = packet.dimensions.some((one) => one.scale.includes(0));
  const CANNOT_KEY = usesZero ? "x" : "0";

  // ------------------------------------------------------------------ what has been rated so far

  let ratings = {}, place = 0, current = 0, exported = null, kept = true;

  const fresh = () => ({ scores: {}, failure_modes: [], safety: false, comment: "", opened_at: null, saved_at: null, active_s: 0, submitted: null, base: null, sending: [] });
  const valid = (one) => one && typeof one === "object" && typeof one.scores === "object" && Array.isArray(one.failure_modes);
  const of = (index) => (ratings[packet.cases[index].packet_id] ??= fresh());
  const begun = (one) => one !== undefined && one.saved_at !== null;
  const complete = (index) => {
    const one = ratings[packet.cases[index].packet_id];
    return one !== undefined && packet.cases[index].dimensions.every((id) => one.scores[id] !== undefined);
  };

  // Each rating is kept by itself, so that two tabs do not write over each other's.
  const slot = (id) => `${STORE}-${id}`;

  function stored(id) {
    try {
      const one = JSON.parse(localStorage.getItem(slot(id)));
      return valid(one) ? { ...fresh(), ...one } : null;
    } catch { return null; }
  }

  function restore() {
    try {
      const state = JSON.parse(localStorage.getItem(STORE)) ?? {};
      place = Math.min(Math.max(0, state.place | 0), packet.cases.length - 1);
      exported = state.exported ?? null;
    } catch { kept = false; }
    for (const one of packet.cases) {
      const held = stored(one.packet_id);
      if (held !== null) ratings[one.packet_id] = held;
    }
  }

  function keep(index = place) {
    try {
      localStorage.setItem(STORE, JSON.stringify({ place, exported }));
      const id = packet.cases[index].packet_id;
      if (ratings[id] !== undefined) localStorage.setItem(slot(id), JSON.stringify(ratings[id]));
    } catch {
      if (kept) notice(server === null ? "This browser does not keep your work by itself: save the ratings file before you close the page." : "This browser keeps no drafts: submit what you have rated before you close the page.");
      kept = false;
    }
  }

  function changed() {
    const one = of(place);
    // Later than before, whatever the clock says: the time also tells one state of a rating from the next.
    const before = one.saved_at === null ? 0 : Date.parse(one.saved_at);
    one.saved_at = new Date(Math.max(Date.now(), before + 1)).toISOString();
    one.opened_at ??= one.saved_at;
    keep();
    showProgress();
  }

  // ------------------------------------------------------------------ text from outside

  const ODD = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]|\udb40[\udc00-\udc7f]/g;

  // Only ever as text: nothing of it is read as HTML. What would not be seen, or would turn the line, is named.
  function write(element, text) {
    element.replaceChildren();
    let from = 0;
    for (const match of text.matchAll(ODD)) {
      if (match[0] === "\r" && text[match.index + 1] === "\n") continue;
      element.append(text.slice(from, match.index), odd(match[0]));
      from = match.index + match[0].length;
    }
    element.append(text.slice(from));
  }

  // A text of megabytes is shown a part at a time, so that the page stays usable; what is left is said.
  const PART = 50000;
  function writeLong(element, text) {
    write(element, text.slice(0, PART));
    if (text.length <= PART) return;
    const more = make("button", "", `Show more (${(text.length - PART).toLocaleString("en")} characters are left)`);
    more.type = "button";
    more.addEventListener("click", () => {
      const rest = make("span");
      more.replaceWith(rest);
      writeLong(rest, text.slice(PART));
    });
    element.append(more);
  }

  function odd(character) {
    const mark = document.createElement("span");
    const code = character.codePointAt(0);
    mark.className = "odd";
    mark.textContent = code === 0x1b ? "ESC" : `U+${code.toString(16).toUpperCase().padStart(4, "0")}`;
    return mark;
  }

  function make(tag, className, text) {
    const element = document.createElement(tag);
    if (className) element.className = className;
    if (text !== undefined) write(element, String(text));
    return element;
  }

  // ------------------------------------------------------------------ one case

  function show(index) {
    const leaving = packet.cases[place];
    place = index;
    const one = packet.cases[place];
    of(place).opened_at ??= new Date().toISOString();
    write(at("question"), one.question);
    at("question").classList.toggle("case", one.options.length === 0);
    at("options").replaceChildren(...one.options.map((option) => {
      const line = make("li");
      line.append(make("b", "", option.letter), make("span", "", option.text));
      return line;
    }));
    at("gold-box").hidden = one.gold === null;
    if (one.gold !== null) write(at("gold"), one.gold.join("\n"));
    at("reasoning-box").hidden = one.reasoning === null;
    writeLong(at("reasoning"), one.reasoning ?? "");
    drawAnswer(one);
    current = Math.max(0, one.dimensions.findIndex((id) => of(place).scores[id] === undefined));
    drawForm();
    drawImages(one);
    for (const id of ["asked", "told"]) at(id).scrollTop = 0;
    at("form").scrollTop = 0;
    if (current > 0) at("dimensions").children[current].scrollIntoView({ block: "nearest" });
    if (leaving.sitting !== one.sitting && one.sitting > leaving.sitting) {
      notice(`Sitting ${one.sitting} begins here. ${server === null ? "Save your ratings file and take" : "Take"} a break before you go on.`);
    } else if (kept) at("notice").hidden = true;
    if (leaving !== one) keep(packet.cases.indexOf(leaving));
    keep();
    showProgress();
  }

  // A report by its sections, a consultation turn by turn, anything else as one text.
  function drawAnswer(one) {
    const answer = at("answer");
    const parts = one.parts ?? [];
    const report = one.task === "report";
    write(at("answer-title"), parts.length === 0 ? "Answer" : report ? "Report" : "Consultation");
    write(at("gold-title"), one.options.length > 0 ? "Reference answer" : "Reference and key facts");
    const missing = one.missing ?? [];
    at("missing").hidden = missing.length === 0;
    write(at("missing"), report && !parts.some((part) => part.kind === "section") ? "No heading of a section was found." : `${report ? "No section found by its heading" : "Not there"}: ${missing.join(", ")}.`);
    answer.classList.toggle("plain", parts.length === 0);
    answer.classList.toggle("trace", parts.length === 0);
    if (parts.length === 0) writeLong(answer, one.answer === "" ? "(the model gave no text)" : one.answer);
    else answer.replaceChildren(...parts.map((part) => drawPart(part)));
  }

  const SPOKEN = { patient: "Patient", reply: "Reply" };
  function drawPart(part) {
    const box = make("section", `piece ${part.kind}`);
    const head = SPOKEN[part.kind] ?? part.heading;
    if (head !== "") {
      const line = make("h3", "plain", head);
      if (part.read_as.length > 0) line.append(make("small", "", `read as: ${part.read_as.join("; ")}`));
      box.append(line);
    }
    if (part.reasoning !== null) {
      const apart = make("div", "plain apart");
      box.append(make("h4", "", "Reasoning the model gave apart"), apart);
      writeLong(apart, part.reasoning);
    }
    const text = make("div", "plain");
    writeLong(text, part.text === "" ? "(the model gave no text)" : part.text);
    box.append(text);
    return box;
  }

  // Keys alone have to reach all of a long text.
  function scrollText(by) {
    at("told").scrollBy({ top: by * at("told").clientHeight * 0.85 });
  }

  function toPart(by) {
    const told = at("told");
    const tops = [...at("answer").querySelectorAll(".piece")].map((part) => part.offsetTop - told.offsetTop);
    const here = told.scrollTop;
    const next = by > 0 ? tops.find((top) => top > here + 4) : tops.findLast((top) => top < here - 4);
    if (next !== undefined) told.scrollTo({ top: next });
  }

  function drawForm() {
    const one = packet.cases[place];
    const rating = of(place);
    at("dimensions").replaceChildren(...one.dimensions.map((id, order) => dimension(dimensions.get(id), order)));
    at("form").classList.toggle("many", one.dimensions.length > MANY);
    at("modes-box").hidden = one.modes.length === 0;
    at("modes").replaceChildren(...one.modes.map((id) => {
      const mode = modes.get(id);
      const label = make("label");
      const box = make("input");
      box.type = "checkbox";
      box.value = id;
      box.checked = rating.failure_modes.includes(id);
      box.addEventListener("change", () => {
        const now = of(place);
        now.failure_modes = now.failure_modes.filter((other) => other !== id).concat(box.checked ? [id] : []);
        changed();
      });
      const words = make("span", "", mode.name);
      words.append(make("small", "", `${mode.definition} Example: ${mode.example} Not meant: ${mode.counter_example}`));
      label.title = mode.definition;
      label.append(box, words);
      return label;
    }));
    at("safety").checked = rating.safety;
    at("comment").value = rating.comment;
  }

  function dimension(one, order) {
    const chosen = of(place).scores[one.id];
    const box = make("div", `dimension${order === current ? " current" : ""}`);
    const name = make("div", "name", one.name);
    if (chosen !== undefined) name.append(make("small", "", chosen === CANNOT ? "cannot assess" : "✓"));
    const scale = make("div", "scale");
    scale.setAttribute("role", "radiogroup");
    scale.setAttribute("aria-label", one.name);
    for (const value of [...one.scale, CANNOT]) {
      const button = make("button", value === CANNOT ? "cannot" : "", value === CANNOT ? "Cannot assess" : value);
      button.type = "button";
      button.dataset.dimension = one.id;
      button.dataset.value = value;
      button.setAttribute("role", "radio");
      button.setAttribute("aria-checked", String(chosen === value));
      button.addEventListener("click", () => give(order, value));
      scale.append(button);
    }
    const anchors = make("ul", "anchors");
    for (const value of one.scale) {
      if (one.anchors[value] === undefined) continue;
      const line = make("li", chosen === value ? "chosen" : "");
      line.append(make("b", "", value), make("span", "", one.anchors[value]));
      anchors.append(line);
    }
    const earlier = packet.cases[place].earlier?.[one.id];
    const given = earlier === undefined ? [] : [make("p", "earlier", `Scores so far, lowest first: ${earlier.map((value) => value ?? "cannot assess").join(", ")}`)];
    box.append(name, make("p", "focus", one.focus), ...given, scale, anchors);
    box.addEventListener("click", (event) => {
      if (event.target.closest("button") === null && order !== current) { current = order; drawForm(); }
    });
    return box;
  }

  function give(order, value) {
    const ids = packet.cases[place].dimensions;
    const rating = of(place);
    rating.scores[ids[order]] = value;
    const open = ids.findIndex((id, index) => index > order && rating.scores[id] === undefined);
    const left = open >= 0 ? open : ids.findIndex((id) => rating.scores[id] === undefined);
    current = left >= 0 ? left : order;
    changed();
    drawForm();
    at("dimensions").children[current]?.scrollIntoView({ block: "nearest" });
  }

  // ------------------------------------------------------------------ the image

  const view = { scale: 1, x: 0, y: 0, fit: 1, width: 1, height: 1 };
  const touches = new Map();
  const AGAIN_MS = 3000, AGAIN_AT_MOST_MS = 60000;
  let failedImage = null, nextTry = null, tryAfter = AGAIN_MS;

  function nothingFailed() {
    failedImage = null;
    clearTimeout(nextTry);
    tryAfter = AGAIN_MS;
  }

  function drawImages(one) {
    const image = at("image");
    nothingFailed();
    at("no-image").hidden = one.images.length > 0;
    image.hidden = one.images.length === 0;
    write(at("no-image"), one.image_missing ? "The image of this case cannot be shown." : "This question has no image.");
    at("tabs").replaceChildren(...(one.images.length > 1 ? one.images : []).map((key, index) => {
      const tab = make("button", "", index + 1);
      tab.type = "button";
      tab.title = `Image ${index + 1}`;
      tab.addEventListener("click", () => choose(one, index));
      return tab;
    }));
    for (const name of ["brightness", "contrast"]) at(name).value = 100;
    if (one.images.length > 0) choose(one, 0);
  }

  function choose(one, index) {
    const shown = packet.images[one.images[index]];
    nothingFailed();
    at("image").hidden = false;
    at("no-image").hidden = true;
    at("image").src = shown.src;
    view.width = shown.width ?? 1;
    view.height = shown.height ?? 1;
    [...at("tabs").children].forEach((tab, other) => tab.setAttribute("aria-pressed", String(other === index)));
    fit();
  }

  function fit() {
    const stage = at("stage").getBoundingClientRect();
    view.fit = Math.min(stage.width / view.width, stage.height / view.height) || 1;
    view.scale = view.fit;
    view.x = (stage.width - view.width * view.scale) / 2;
    view.y = (stage.height - view.height * view.scale) / 2;
    place_image();
  }

  function place_image() {
    const image = at("image");
    image.style.width = `${view.width}px`;
    image.style.height = `${view.height}px`;
    image.style.transform = `translate(${view.x}px, ${view.y}px) scale(${view.scale})`;
    image.style.filter = `brightness(${at("brightness").value}%) contrast(${at("contrast").value}%)`;
  }

  function zoom(factor, x, y) {
    const stage = at("stage").getBoundingClientRect();
    const px = x === undefined ? stage.width / 2 : x - stage.left;
    const py = y === undefined ? stage.height / 2 : y - stage.top;
    const scale = Math.min(Math.max(view.scale * factor, view.fit / 2), Math.max(16, view.fit * 16));
    view.x = px - (px - view.x) * (scale / view.scale);
    view.y = py - (py - view.y) * (scale / view.scale);
    view.scale = scale;
    place_image();
  }

  at("image").addEventListener("load", () => {
    if (failedImage !== null) {
      nothingFailed();
      at("image").hidden = false;
      at("no-image").hidden = true;
    }
    if (trouble === "signed out") send(); // an image comes only to somebody who is signed in
    if (view.width !== at("image").naturalWidth || view.height !== at("image").naturalHeight) {
      view.width = at("image").naturalWidth;
      view.height = at("image").naturalHeight;
      fit();
    }
  });
  at("image").addEventListener("error", () => {
    failedImage = at("image").src;
    at("image").hidden = true;
    at("no-image").hidden = false;
    write(at("no-image"), `The image of this trace cannot be shown. ${server === null ? "Go to another trace and back to try again" : "It is tried again by itself"}; if it stays so, tell the study lead.`);
    if (server === null) return;
    // A lost connection and a session that ended both come back.
    clearTimeout(nextTry);
    nextTry = setTimeout(() => { at("image").src = failedImage; }, tryAfter);
    tryAfter = Math.min(2 * tryAfter, AGAIN_AT_MOST_MS);
    // An image says nothing of why it failed.
    fetch(failedImage, { credentials: "same-origin" }).then((reply) => { if (reply.status === 401) tell("signed out"); }).catch(() => {});
  });
  const stage = at("stage");
  stage.addEventListener("wheel", (event) => { event.preventDefault(); zoom(Math.exp(-event.deltaY / 400), event.clientX, event.clientY); }, { passive: false });
  stage.addEventListener("dblclick", (event) => (view.scale > view.fit * 1.05 ? fit() : zoom(3, event.clientX, event.clientY)));
  stage.addEventListener("pointerdown", (event) => { stage.setPointerCapture(event.pointerId); touches.set(event.pointerId, [event.clientX, event.clientY]); stage.classList.add("dragging"); });
  stage.addEventListener("pointermove", (event) => {
    const before = touches.get(event.pointerId);
    if (before === undefined) return;
    const spread = () => { const [a, b] = [...touches.values()]; return Math.hypot(a[0] - b[0], a[1] - b[1]); };
    const was = touches.size === 2 ? spread() : 0;
    touches.set(event.pointerId, [event.clientX, event.clientY]);
    if (touches.size === 2) {
      const [a, b] = [...touches.values()];
      if (was > 0) zoom(spread() / was, (a[0] + b[0]) / 2, (a[1] + b[1]) / 2);
    } else {
      view.x += event.clientX - before[0];
      view.y += event.clientY - before[1];
      place_image();
    }
  });
  for (const name of ["pointerup", "pointercancel"]) stage.addEventListener(name, (event) => { touches.delete(event.pointerId); if (touches.size === 0) stage.classList.remove("dragging"); });
  at("zoom-in").addEventListener("click", () => zoom(1.4));
  at("zoom-out").addEventListener("click", () => zoom(1 / 1.4));
  at("zoom-fit").addEventListener("click", () => { for (const name of ["brightness", "contrast"]) at(name).value = 100; fit(); });
  for (const name of ["brightness", "contrast"]) at(name).addEventListener("input", place_image);
  window.addEventListener("resize", fit);

  // ------------------------------------------------------------------ progress and moving about

  function showProgress() {
    const n = packet.cases.length;
    const done = packet.cases.filter((_, index) => finished(index)).length;
    const one = packet.cases[place];
    const here = packet.cases.filter((other) => other.sitting === one.sitting);
    const sittings = packet.cases[n - 1].sitting;
    at("bar").style.width = `${(100 * done) / n}%`;
    write(at("progress"), `${done} of ${n} ${server === null ? "rated" : "submitted"}`);
    write(at("place"), `Trace ${place + 1} of ${n}${sittings > 1 ? ` · sitting ${one.sitting} of ${sittings}, ${here.indexOf(one) + 1} of ${here.length}` : ""}`);
    at("previous").disabled = place === 0;
    at("next").disabled = place === n - 1;
    const unsaved = Object.values(ratings).filter((rating) => begun(rating) && (exported === null || rating.saved_at > exported)).length;
    showHandingIn();
    write(at("save"), unsaved > 0 ? `Save ratings file (${unsaved} new)` : "Save ratings file");
  }

  function step(by) {
    const to = place + by;
    if (to >= 0 && to < packet.cases.length) show(to);
  }

  function notice(text) { write(at("notice"), text); at("notice").hidden = false; }

  function openOverview() {
    const parts = [];
    packet.cases.forEach((one, index) => {
      if (packet.cases[packet.cases.length - 1].sitting > 1 && (index === 0 || packet.cases[index - 1].sitting !== one.sitting)) parts.push(make("h3", "", `Sitting ${one.sitting}`));
      const state = finished(index) ? "done" : begun(ratings[one.packet_id]) ? "part" : "";
      const button = make("button", `${state}${index === place ? " here" : ""}`, index + 1);
      button.type = "button";
      button.addEventListener("click", () => { at("overview").close(); show(index); });
      parts.push(button);
    });
    at("grid").replaceChildren(...parts);
    at("overview").showModal();
  }

  // ------------------------------------------------------------------ a rating as it is handed in

  function record(one) {
    const rating = ratings[one.packet_id];
    const scores = {};
    for (const id of one.dimensions) if (rating.scores[id] !== undefined) scores[id] = rating.scores[id];
    return {
      packet_id: one.packet_id, shown_sha256: one.shown_sha256, dimensions: scores,
      failure_modes: one.modes.filter((id) => rating.failure_modes.includes(id)), safety: rating.safety, comment: rating.comment,
      opened_at: rating.opened_at, saved_at: rating.saved_at, active_s: rating.active_s,
    };
  }

  // ------------------------------------------------------------------ handing in to the server

  // `submitted`: saved_at of what was submitted last; `base`: the server's id of the rating that this one follows;
  // `sending`: what was submitted and is not answered yet, exactly as it was then.
  const changedSince = (one) => begun(one) && one.submitted !== one.saved_at;
  const handedIn = (one) => one !== undefined && one.submitted !== null && one.sending.length === 0 && !changedSince(one);
  const finished = (index) => (server === null ? complete(index) : handedIn(ratings[packet.cases[index].packet_id]));
  let trouble = "";

  // What the server has counts, except where there is work in this browser that it has not had.
  function joinStanding() {
    packet.cases.forEach((one, index) => {
      const mine = ratings[one.packet_id];
      const theirs = server.standing[one.packet_id];
      if (theirs === undefined) {
        if (mine !== undefined && mine.sending.length === 0) Object.assign(mine, { submitted: null, base: null });
      } else if (mine === undefined || (mine.sending.length === 0 && !changedSince(mine))) {
        ratings[one.packet_id] = {
          ...fresh(), scores: { ...theirs.dimensions }, failure_modes: [...theirs.failure_modes], safety: theirs.safety, comment: theirs.comment,
          opened_at: theirs.opened_at, saved_at: theirs.saved_at, active_s: theirs.active_s ?? 0, submitted: theirs.saved_at, base: theirs.rating_id,
        };
      } else return;
      keep(index);
    });
  }

  function submit() {
    const one = packet.cases[place];
    const rating = of(place);
    if (failedImage !== null) { notice("The image of this trace cannot be shown at present, so it cannot be rated here. If it stays so, tell the study lead."); return; }
    if (!complete(place)) { notice("Give a score, or “cannot assess”, in every dimension before you submit."); return; }
    if (changedSince(rating)) {
      rating.sending.push(record(one));
      rating.submitted = rating.saved_at;
      keep();
      showProgress();
      send();
    }
    const n = packet.cases.length;
    for (let ahead = 1; ahead < n; ahead += 1) {
      const index = (place + ahead) % n;
      if (ratings[packet.cases[index].packet_id]?.submitted == null) { show(index); return; }
    }
    step(1);
  }

  const indexOf = (id) => packet.cases.findIndex((one) => one.packet_id === id);

  const send = server === null ? null : window.openSending(server, {
    waiting() {
      for (const one of packet.cases) {
        const rating = ratings[one.packet_id];
        if (rating !== undefined && rating.sending.length > 0) return { ...rating.sending[0], follows: rating.base };
      }
      return null;
    },
    taken(sent, answer) { answered(sent, { base: answer.rating_id }); },
    refused(sent, answer) {
      // Another tab was told of that conflict first: what stands here by now was submitted in knowledge of it.
      if (answer.stands !== undefined && answer.stands === of(indexOf(sent.packet_id)).base && sent.follows !== answer.stands) return;
      // What waited behind it was made without knowing of the other rating either.
      answered(sent, { submitted: null, ...(answer.stands === undefined ? {} : { base: answer.stands, sending: [] }) });
      const number = indexOf(sent.packet_id) + 1;
      notice(`Trace ${number} was not taken: ${answer.reason}`);
    },
    say: tell,
  });

  function tell(what) { trouble = what; showHandingIn(); }

  function answered(sent, changes) {
    const index = indexOf(sent.packet_id);
    const late = kept ? stored(sent.packet_id) : null; // another tab's change, whose message is still on its way
    if (late !== null && late.saved_at > (of(index).saved_at ?? "")) ratings[sent.packet_id] = late;
    const rating = of(index);
    rating.sending = rating.sending.filter((other) => other.saved_at !== sent.saved_at);
    Object.assign(rating, changes);
    keep(index);
    showProgress();
  }

  function showHandingIn() {
    if (server === null) return;
    const rating = of(place);
    const state = rating.sending.length > 0 ? "not sent yet" : handedIn(rating) ? "submitted" : begun(rating) ? "draft" : "not begun";
    write(at("state"), state);
    at("state").className = `chip ${{ submitted: "done", draft: "part", "not sent yet": "part" }[state] ?? ""}`;
    at("submit").disabled = handedIn(rating);
    const n = Object.values(ratings).reduce((sum, one) => sum + one.sending.length, 0);
    const kind = `${n} submitted ${n === 1 ? "rating" : "ratings"}`;
    at("connection").hidden = trouble === "";
    if (trouble === "somebody else") { write(at("connection"), `Somebody else is signed in in this browser. ${kind} kept here, to be sent when you sign in again.`); at("sign-in").hidden = true; return; }
    if (trouble === "signed out" && n === 0) { write(at("connection"), "You are signed out: sign in again in this browser to go on."); at("sign-in").hidden = false; return; }
    write(at("connection"), trouble === "offline" ? `No connection. ${kind} kept in this browser, to be sent as soon as there is one.` : trouble === "" ? "" : `You are signed out. ${kind} kept in this browser: sign in again in this browser, and they are sent.`);
    at("sign-in").hidden = trouble !== "signed out";
  }

  async function signOut() {
    const unsent = () => Object.values(ratings).reduce((sum, one) => sum + one.sending.length, 0);
    if (unsent() > 0) await send();
    const n = unsent();
    if (n > 0 && !confirm(`${n} submitted ${n === 1 ? "rating has" : "ratings have"} not been sent yet. They stay in this browser, and go out when you sign in here again. Sign out now?`)) return;
    try {
      const reply = await fetch(server.sign_out, { method: "POST", credentials: "same-origin" });
      if (!reply.ok) throw new Error(String(reply.status));
    } catch {
      notice("You are still signed in: there is no connection. Sign out again when there is one.");
      return;
    }
    location.assign("/");
  }

  // Another tab of the same rater: both show the same.
  window.addEventListener("storage", (event) => {
    const index = packet.cases.findIndex((one) => event.key === slot(one.packet_id));
    const held = index < 0 ? null : stored(packet.cases[index].packet_id);
    if (held === null) return;
    const before = ratings[packet.cases[index].packet_id];
    if (before?.sending.length > 0 && held.sending.length === 0 && held.submitted === null) notice(`Trace ${index + 1} was not taken as it was submitted: it is a draft again. Look at it, and submit it again.`);
    ratings[packet.cases[index].packet_id] = held;
    if (index === place) drawForm();
    showProgress();
    // A tab that moves on may write down a rating as it had it just before the other's answer came: whoever holds one
    // as not sent sends it, and the server knows what it has.
    if (send !== null && held.sending.length > 0) setTimeout(send, OTHER_TAB_MS);
  });

  // ------------------------------------------------------------------ the ratings file

  function written() {
    const rated = packet.cases.filter((one) => begun(ratings[one.packet_id])).map(record);
    return { format: packet.format, set: packet.set, rater: packet.rater, rubric_hash: packet.rubric_hash, written_at: new Date().toISOString(), ratings: rated };
  }

  function save() {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([JSON.stringify(written(), null, 1)], { type: "application/json" }));
    link.download = `ratings-${packet.rater}-${packet.set.slice(0, 6)}.json`;
    document.body.append(link);
    link.click();
    link.remove();
    setTimeout(() => URL.revokeObjectURL(link.href), 60000);
    exported = new Date().toISOString();
    keep();
    showProgress();
    const open = packet.cases.filter((one, index) => begun(ratings[one.packet_id]) && !complete(index)).length;
    notice(`Saved as ${link.download}: send this file to the study lead.${open > 0 ? ` ${open} begun ${open === 1 ? "trace has" : "traces have"} no score yet in some dimension and will not be taken until finished.` : ""}`);
  }

  async function load(file) {
    try {
      const found = JSON.parse(await file.text());
      if (found.format !== packet.format || found.set !== packet.set) throw new Error("it belongs to another packet");
      let n = 0;
      for (const one of found.ratings) {
        const here = packet.cases.find((other) => other.packet_id === one.packet_id);
        if (here === undefined || (begun(ratings[one.packet_id]) && ratings[one.packet_id].saved_at >= one.saved_at)) continue;
        ratings[one.packet_id] = { ...fresh(), scores: { ...one.dimensions }, failure_modes: [...one.failure_modes], safety: one.safety === true, comment: String(one.comment), opened_at: one.opened_at, saved_at: one.saved_at, active_s: Number(one.active_s) || 0 };
        keep(packet.cases.indexOf(here));
        n += 1;
      }
      at("overview").close();
      show(place);
      notice(`${n} ratings taken over from ${file.name}.`);
    } catch (error) {
      at("overview").close();
      notice(`${file.name} cannot be read here: ${error.message}.`);
    }
  }

  // ------------------------------------------------------------------ keys, clock, start

  // The row of digits writes other characters on some keyboards: French ones want Shift, Arabic and Indic ones
  // have digits of their own.
  function digitOf(event) {
    if (/^[0-9]$/.test(event.key)) return Number(event.key);
    const plain = event.key.length === 1 && !event.shiftKey && !event.getModifierState("AltGraph");
    const found = plain ? /^(?:Digit|Numpad)([0-9])$/.exec(event.code) : null;
    return found === null ? null : Number(found[1]);
  }

  function pressed(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
    if (event.target.closest?.("textarea, input[type=file], input[type=range]")) {
      if (event.key === "Escape") event.target.blur();
      return;
    }
    const ids = packet.cases[place].dimensions;
    const scale = dimensions.get(ids[current])?.scale ?? [];
    const digit = digitOf(event);
    if (digit !== null && scale.includes(digit)) give(current, digit);
    else if (event.key.toLowerCase() === CANNOT_KEY || event.key.toLowerCase() === "x") { if (ids.length > 0) give(current, CANNOT); }
    else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      current = (current + (event.key === "ArrowDown" ? 1 : ids.length - 1)) % Math.max(1, ids.length);
      drawForm();
      at("dimensions").children[current]?.scrollIntoView({ block: "nearest" });
    } else if (event.key === "PageDown" || event.key === "PageUp") scrollText(event.key === "PageDown" ? 1 : -1);
    else if (event.key === "]" || event.key === "[") toPart(event.key === "]" ? 1 : -1);
    else if (event.key === "ArrowRight" || event.key === "n") step(1);
    else if (event.key === "ArrowLeft" || event.key === "p") step(-1);
    else if (event.key === "Enter" && event.target.closest?.("button") === null) { if (server === null) step(1); else if (!event.repeat) submit(); }
    else if (event.key === "s") at("safety").click();
    else if (event.key === "c") at("comment").focus();
    else if (event.key === "?") at("help").showModal();
    else return;
    event.preventDefault();
  }

  let lastInput = performance.now(); // not the time of day, which may be set
  for (const name of ["pointermove", "pointerdown", "keydown", "wheel", "scroll", "touchstart"]) {
    window.addEventListener(name, () => { lastInput = performance.now(); }, { passive: true, capture: true });
  }
  let lastTick = performance.now();
  setInterval(() => {
    const now = performance.now();
    const passed = Math.min(now - lastTick, 2000) / 1000;
    lastTick = now;
    if (document.visibilityState === "visible" && document.hasFocus() && now - lastInput < IDLE_MS) {
      of(place).active_s = Math.round((of(place).active_s + passed) * 10) / 10;
    }
  }, 500);
  document.addEventListener("visibilitychange", () => { if (document.visibilityState === "hidden") keep(); });
  window.addEventListener("beforeunload", (event) => {
    keep();
    if (!kept && Object.values(ratings).some((one) => begun(one) && (server === null ? exported === null || one.saved_at > exported : !handedIn(one)))) event.preventDefault();
  });

  document.addEventListener("keydown", pressed);
  at("form").addEventListener("submit", (event) => event.preventDefault());
  at("safety").addEventListener("change", () => { of(place).safety = at("safety").checked; changed(); });
  at("comment").addEventListener("input", () => { of(place).comment = at("comment").value; changed(); });
  at("definitions").addEventListener("click", () => at("definitions").setAttribute("aria-expanded", String(at("modes").classList.toggle("defined"))));
  at("previous").addEventListener("click", () => step(-1));
  at("next").addEventListener("click", () => step(1));
  at("save").addEventListener("click", save);
  at("submit").addEventListener("click", (event) => { if (event.detail < 2) submit(); });
  at("sign-out").addEventListener("click", signOut);
  at("overview-open").addEventListener("click", openOverview);
  at("help-open").addEventListener("click", () => at("help").showModal());
  // Keys go to the trace again, not to the button that opened the dialog.
  for (const dialog of document.querySelectorAll("dialog")) dialog.addEventListener("close", () => setTimeout(() => document.activeElement?.blur()));
  at("load").addEventListener("change", (event) => { const [file] = event.target.files; if (file) load(file); event.target.value = ""; });
  for (const button of document.querySelectorAll("dialog .close")) button.addEventListener("click", () => button.closest("dialog").close());
  const keys = [["digits", "score of the framed dimension, then on to the next"], [`${CANNOT_KEY}`, "cannot assess"], ["↑ ↓", "other dimension"], ["← →  p n", "previous, next trace"], ...(server === null ? [] : [["Enter", "submit, then on to the next trace that is open"]]), ["PageUp PageDown", "move through the text"], ...(packet.cases.some((one) => one.parts !== undefined) ? [["[ ]", "section or turn before, after"]] : []), ["s", "safety concern on or off"], ["c", "comment; Esc leaves it"], ["?", "this help"]];
  at("keys").append(...keys.map(([key, what]) => { const row = make("tr"); const cell = make("td"); cell.append(...key.split(/\s+/).flatMap((one) => [make("kbd", "", one), " "])); row.append(cell, make("td", "", what)); return row; }));
  write(at("rater"), packet.rater);
  at("simulated").hidden = !packet.simulated;
  restore();
  if (server !== null) {
    joinStanding();
    for (const id of ["save", "from-file"]) at(id).hidden = true;
    for (const id of ["handing-in", "sign-out"]) at(id).hidden = false;
    at("next").classList.remove("primary");
    write(at("legend-done"), "submitted");
    for (const one of document.querySelectorAll(".by-file")) one.hidden = true;
    for (const one of document.querySelectorAll(".by-server")) one.hidden = false;
  }
  show(place);
  send?.();
})();

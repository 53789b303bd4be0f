// The segments of a translation: see editor.py. What people and models wrote is only ever put in as text. Rows are drawn
// as they come into sight; those that change are drawn anew, but never what is being typed.
const BATCH = 100;
const LONGEST = 200000; // characters of an edit

const made = (tag, className, text) => Object.assign(document.createElement(tag), {className: className ?? "", textContent: text ?? ""});
const button = (does, text, name) => {
  const one = Object.assign(made("button", "", text), {type: "button"});
  one.dataset.do = does;
  if (name) one.setAttribute("aria-label", (one.title = name));
  return one;
};

let drawn = []; // row elements by the segments' places
let order = []; // places of the segments that are listed, in order
let open = new Map(); // what is typed, by place
let sent = new Map(); // what was applied and the server has not told of yet, by place
let count = 0; // of the listed ones, how many are drawn
let titled = "";

const data = () => props.value;
const words = () => data().words;
const list = () => element.querySelector("ol");
const only = () => element.querySelector("input[type=checkbox]")?.checked ?? false;
const numbered = (template, place) => template.replace("#", String(place + 1));
const textOf = (place) => sent.get(place) ?? data().rows[place].translation;
// What a row is drawn from.
const key = (place) => JSON.stringify([data().rows[place], data().language, open.has(place), sent.get(place)]);
const grow = (box) => {
  box.style.height = "auto";
  box.style.height = `${box.scrollHeight + 2}px`;
};

const foot = (place, row) => {
  const line = made("div", "segment-foot");
  line.append(made("span", `segment-state ${row.kind}`, row.state));
  if (row.versions > 1) {
    const group = made("span", "segment-versions");
    const before = button("before", "‹", words().before);
    const after = button("after", "›", words().after);
    before.disabled = row.version === 0;
    after.disabled = row.version === row.versions - 1;
    group.append(before, made("span", "", `${row.version + 1}/${row.versions}`), after);
    line.append(group);
  }
  if (open.has(place)) line.append(button("apply", words().apply), button("cancel", words().cancel));
  line.append(button("retry", words().again));
  return line;
};

const target = (place, row) => {
  const cell = made("div", "segment-target");
  if (open.has(place)) {
    const box = made("textarea");
    box.value = open.get(place);
    box.maxLength = LONGEST;
    box.rows = 2;
    box.setAttribute("aria-label", numbered(words().translation, place));
    cell.append(box);
  } else {
    const text = made("div", "segment-text", textOf(place)); // no button: its text can be selected
    text.dataset.do = "open";
    text.tabIndex = 0;
    text.role = "button";
    text.title = numbered(words().edit, place);
    cell.append(text);
  }
  const written = cell.firstElementChild;
  written.dir = data().rtl ? "rtl" : "ltr";
  written.lang = data().language;
  if (row.findings.length) {
    const found = made("ul", "segment-findings");
    found.append(...row.findings.map((each) => made("li", "", each)));
    cell.append(found);
  }
  cell.append(foot(place, row));
  return cell;
};

const draw = (place) => {
  const row = data().rows[place];
  const item = made("li", `segment ${row.kind}`);
  const source = made("div", "segment-source", row.source);
  source.dir = "auto";
  item.dataset.place = place;
  item.key = key(place);
  item.append(made("span", "segment-number", String(place + 1)), source, target(place, row));
  return item;
};

// Puts a row where its old one is, and the focus back into it.
const redraw = (place) => {
  const old = drawn[place];
  if (!old) return;
  const active = old.contains(document.activeElement) ? document.activeElement : null;
  const [start, end] = active?.tagName === "TEXTAREA" ? [active.selectionStart, active.selectionEnd] : [];
  const does = active?.dataset.do;
  drawn[place] = draw(place);
  old.replaceWith(drawn[place]);
  const box = drawn[place].querySelector("textarea");
  if (box) grow(box);
  if (!active) return;
  const again = does && drawn[place].querySelector(`[data-do="${does}"]:not(:disabled)`);
  const next = again ?? box ?? drawn[place].querySelector("[data-do=open]");
  next.focus({preventScroll: true});
  if (next === box && start !== undefined) box.setSelectionRange(start, end);
};

const more = (until) => {
  const places = order.slice(count, Math.max(count + BATCH, until));
  list().append(...places.map((place) => (drawn[place] = draw(place))));
  places.filter((place) => open.has(place)).forEach((place) => grow(drawn[place].querySelector("textarea")));
  count += places.length;
  element.querySelector(".segments-end").hidden = count >= order.length;
};
const sight = new IntersectionObserver((seen) => seen.some((each) => each.isIntersecting) && more(0), {rootMargin: "600px"});

// Lists the segments anew: all, or those with something to check.
const relist = () => {
  const all = data().rows.map((_, place) => place);
  order = only() ? all.filter((place) => data().rows[place].check) : all;
  list().replaceChildren();
  drawn = [];
  count = 0;
  more(0);
  // It tells of its end only when that comes into sight: once more, for a list that is short now.
  sight.disconnect();
  sight.observe(element.querySelector(".segments-end"));
};

const begin = () => {
  const all = made("details", "segments");
  all.open = data().open;
  const summary = made("summary", "", data().words.title);
  const tools = made("label", "segments-only");
  tools.append(Object.assign(made("input"), {type: "checkbox"}), made("span"));
  const rows = made("ol");
  const heads = made("div", "segments-heads");
  heads.append(made("span"), made("span", "", words().source), made("span", "", words().target));
  all.append(summary, tools, heads, rows, made("div", "segments-end"));
  element.replaceChildren(all);
};

const show = () => {
  if (!data()) {
    element.replaceChildren();
    [drawn, order, open, sent, count, titled] = [[], [], new Map(), new Map(), 0, ""];
    return;
  }
  const fresh = titled !== data().id;
  if (fresh) {
    [open, sent, titled] = [new Map(), new Map(), data().id];
    begin();
  }
  const {rows} = data();
  const checks = rows.filter((row) => row.check).length;
  const tools = element.querySelector(".segments-only");
  tools.hidden = !checks && !only();
  tools.lastElementChild.textContent = words().only;
  if (fresh) return relist();
  drawn.forEach((item, place) => {
    const [before] = JSON.parse(item.key);
    if (JSON.stringify(before) !== JSON.stringify(rows[place])) {
      sent.delete(place);
      // What nobody has changed in an open row follows the translation.
      if (open.get(place) === before.translation) open.set(place, rows[place].translation);
    }
    if (item.key !== key(place)) redraw(place);
  });
  if (only()) {
    // What was put right stays until the list is made anew: it does not slip away under the hand.
    const listed = new Set(order);
    if (rows.some((row, place) => row.check && !listed.has(place))) relist();
  }
};

const edit = (place) => {
  if (!open.has(place)) {
    open.set(place, textOf(place));
    redraw(place);
  }
  drawn[place].querySelector("textarea").focus();
};
const close = (place) => {
  open.delete(place);
  redraw(place);
  drawn[place].querySelector("[data-do=open]").focus();
};
const apply = (place) => {
  const text = open.get(place);
  if (text !== textOf(place)) {
    sent.set(place, text);
    trigger("apply", {place, text});
  }
  close(place);
};
const applyAndGoOn = (place) => {
  apply(place);
  const next = order[order.indexOf(place) + 1];
  if (next === undefined) return;
  if (!drawn[next]) more(0);
  edit(next);
};

// To a segment that is named elsewhere on the page: among the findings.
const jump = (place) => {
  element.querySelector("details").open = true;
  if (!order.includes(place)) {
    element.querySelector("input[type=checkbox]").checked = false;
    relist();
  }
  more(order.indexOf(place) + 1);
  edit(place);
  drawn[place].scrollIntoView({block: "center"});
};

const placeOf = (event) => Number(event.target.closest("[data-place]")?.dataset.place ?? NaN);
const ways = {
  open: edit,
  cancel: close,
  apply,
  retry: (place) => trigger("retry", {place}),
  before: (place) => trigger("select", {place, version: data().rows[place].version - 1}),
  after: (place) => trigger("select", {place, version: data().rows[place].version + 1}),
};
element.addEventListener("click", (event) => {
  const does = event.target.closest("[data-do]")?.dataset.do;
  const selecting = does === "open" && !getSelection().isCollapsed;
  if (does && !selecting) ways[does](placeOf(event));
});
element.addEventListener("change", (event) => event.target.matches("input[type=checkbox]") && relist());
element.addEventListener("input", (event) => {
  if (event.target.tagName !== "TEXTAREA") return;
  open.set(placeOf(event), event.target.value);
  grow(event.target);
});
element.addEventListener("keydown", (event) => {
  if (event.target.role === "button" && ["Enter", " "].includes(event.key)) {
    event.preventDefault();
    edit(placeOf(event));
  }
  if (event.target.tagName !== "TEXTAREA" || event.isComposing) return;
  const goesOn = event.key === "Enter" && (event.ctrlKey || event.metaKey);
  if (!goesOn && event.key !== "Escape") return;
  event.preventDefault();
  event.stopPropagation();
  (goesOn ? applyAndGoOn : close)(placeOf(event));
});
document.addEventListener("click", (event) => {
  const finding = element.isConnected && event.target.closest?.("#translate-checks [data-segment]");
  if (finding && data()) jump(Number(finding.dataset.segment));
});
watch("value", show);
show();

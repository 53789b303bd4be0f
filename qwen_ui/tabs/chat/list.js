// Draws the list of conversations into what shelf.py makes, and does what its buttons say. What people and models wrote is
// only ever put in as text.
const chats = window.qwenChats;
const LONGEST = 60; // characters of a title that was made of the first message
const HITS = 50;
const UNDO_MS = 8000;
const AROUND = 40; // characters of a message before and after what was sought

const part = (name) => element.querySelector(`[data-part="${name}"]`);
const head = () => document.querySelector("#chat-title");
const chat = () => document.querySelector("#chat");
const made = (name) => part(name).content.firstElementChild.cloneNode(true);
const button = (root, name) => root.querySelector(`[data-do="${name}"]`);

let heads = [];
const titleOf = (each) => {
  const begins = each.title || each.begins.replace(/\s+/g, " ").trim();
  const cut = [...begins];
  return (cut.length > LONGEST && !each.title ? `${cut.slice(0, LONGEST).join("").trim()}…` : begins) || element.querySelector(".shelf").dataset.untitled;
};
const open = (id, node) => {
  if (id !== chats.here) chats.open(id, node);
  else if (node !== undefined) chats.show(node);
  if (node !== undefined) scrollTo(id, node);
  if (narrow.matches) drawer(false);
};

// Scrolls to a message once it is there.
const scrollTo = (id, node) => {
  const until = Date.now() + 10000;
  const look = () => {
    const rows = [...document.querySelectorAll("#conversation .message-row")];
    const row = chats.here === id && rows.find((each) => each.querySelector(".turn")?.dataset.id === String(node));
    if (!row) return Date.now() < until && setTimeout(look, 100);
    row.scrollIntoView({block: "center"});
    row.classList.add("found");
    setTimeout(() => row.classList.remove("found"), 2500);
  };
  look();
};

const item = (each) => {
  const row = made("item");
  const name = button(row, "open");
  name.textContent = titleOf(each);
  name.title = titleOf(each);
  if (each.id === chats.here) name.setAttribute("aria-current", "true");
  row.classList.toggle("pinned", each.pinned);
  button(row, "pin").setAttribute("aria-pressed", String(each.pinned));
  name.onclick = () => open(each.id);
  button(row, "rename").onclick = () => rename(row, each);
  button(row, "pin").onclick = () => chats.change(each.id, {pinned: !each.pinned});
  button(row, "delete").onclick = () => remove(each);
  return row;
};

const rename = (row, each) => {
  const field = made("field");
  const name = button(row, "open");
  field.value = titleOf(each);
  name.hidden = true;
  name.after(field);
  field.focus();
  field.select();
  const end = (changed) => {
    field.onblur = null;
    const title = field.value.trim().slice(0, 200);
    field.remove();
    name.hidden = false;
    name.focus();
    if (changed && title && title !== titleOf(each)) chats.change(each.id, {title});
  };
  field.onkeydown = (event) => {
    event.stopPropagation();
    if (event.isComposing) return;
    if (event.key === "Enter") end(true);
    if (event.key === "Escape") end(false);
  };
  field.onblur = () => end(true);
};

// Says what was done, with a way back for some seconds.
let gone = 0;
const undoable = (name, text, undo) => {
  const place = part("undo");
  clearTimeout(gone);
  place.querySelectorAll("[data-said]").forEach((each) => (each.hidden = each.dataset.said !== name));
  place.querySelector("b").textContent = text;
  place.hidden = false;
  const hide = () => (place.hidden = true);
  gone = setTimeout(hide, UNDO_MS);
  button(place, "undo").onclick = () => {
    hide();
    undo();
  };
};

const left = (id) =>
  new Promise((done) => {
    const look = () => chats.here !== id && (chats.news.removeEventListener("changed", look), done());
    chats.news.addEventListener("changed", look);
    document.querySelector("#new-chat").click();
  });

const remove = async (each) => {
  const wasOpen = each.id === chats.here;
  if (wasOpen) await left(each.id); // what is written for it has ended then
  const whole = await chats.whole(each);
  await chats.remove(each.id);
  undoable("deleted", titleOf(each), async () => {
    await chats.add([whole]);
    if (wasOpen) open(each.id);
  });
};

// A branch that is deleted can come back as well: the conversation as it was is kept until then.
document.addEventListener("click", async (event) => {
  if (!event.target.closest('#conversation .turn [data-event="delete"]')) return;
  const each = heads.find(({id}) => id === chats.here);
  if (!each || document.querySelector("#stop")?.offsetParent) return; // while an answer is written none is deleted
  const whole = await chats.whole(each);
  undoable("pruned", "", async () => {
    await chats.restore(whole);
    chats.open(each.id);
  });
});

let drawn = "";
const draw = async () => {
  if (!part("list")) return;
  heads = (await chats.heads()).sort((one, two) => two.pinned - one.pinned || two.updated - one.updated);
  const now = JSON.stringify([chats.here, heads.map(({id, title, begins, pinned}) => [id, title, begins, pinned])]);
  if (now === drawn) return; // most news is of what an answer has grown to
  const active = document.activeElement?.closest?.(".shelf [data-id]")?.dataset;
  const does = document.activeElement?.dataset?.do;
  const rows = heads.map((each) => {
    const row = item(each);
    row.dataset.id = each.id;
    return row;
  });
  if (part("list").querySelector("input")) return; // somebody is typing a name
  drawn = now;
  part("list").replaceChildren(...rows);
  part("none").hidden = heads.length > 0;
  const again = active && rows.find((row) => row.dataset.id === active.id);
  if (again && does) button(again, does)?.focus();
  const title = head()?.querySelector("h2");
  const here = heads.find((each) => each.id === chats.here);
  if (title) title.textContent = here ? titleOf(here) : title.dataset.untitled;
};

let round = 0;
const search = async () => {
  const words = part("search").value.trim();
  const mine = (round += 1);
  part("list").hidden = words !== "";
  part("hits").hidden = words === "";
  part("nothing").hidden = true;
  if (!words) return;
  const found = [];
  const named = heads.filter((each) => titleOf(each).toLowerCase().includes(words.toLowerCase()));
  await chats.search(words, (hit) => {
    found.push(hit);
    return found.length < HITS && mine === round;
  });
  if (mine !== round) return;
  const rows = named.map((each) => hitRow(each, () => open(each.id)));
  const by = new Map(heads.map((each) => [each.id, each]));
  found.sort((one, two) => (by.get(two.id)?.updated ?? 0) - (by.get(one.id)?.updated ?? 0));
  for (const {id, node, text, place} of found) {
    if (!by.has(id)) continue;
    const start = Math.max(0, place - AROUND);
    const end = place + words.length;
    rows.push(hitRow(by.get(id), () => open(id, node), [
      (start ? "…" : "") + text.slice(start, place),
      text.slice(place, end),
      text.slice(end, end + AROUND) + (end + AROUND < text.length ? "…" : ""),
    ]));
  }
  part("hits").replaceChildren(...rows);
  part("nothing").hidden = rows.length > 0;
};
const hitRow = (each, act, parts) => {
  const row = made("hit");
  row.querySelector("b").textContent = titleOf(each);
  if (parts) {
    const [before, match, after] = parts;
    const mark = Object.assign(document.createElement("mark"), {textContent: match});
    row.querySelector("span").append(before, mark, after);
  }
  row.querySelector("button").onclick = act;
  return row;
};

// Beside the conversation where there is room; before it on a phone, until Esc, a choice or a click outside.
const narrow = matchMedia("(max-width: 900px)");
const toggle = () => head()?.querySelector('[data-do="list"]');
const isOpen = () => !chat().classList.contains(narrow.matches ? "no-drawer" : "no-list");
const drawer = (wanted) => {
  chat().classList.toggle(narrow.matches ? "no-drawer" : "no-list", !wanted);
  toggle()?.setAttribute("aria-expanded", String(wanted));
  if (wanted) part("search").focus();
};
const settle = () => {
  chat().classList.add("no-drawer");
  toggle()?.setAttribute("aria-expanded", String(isOpen()));
};
narrow.addEventListener("change", settle);

document.addEventListener("click", (event) => {
  const does = event.target.closest("#chat-title [data-do]")?.dataset.do;
  if (does === "list") drawer(!isOpen());
  else if (does === "help") help();
  else if (narrow.matches && isOpen() && !event.target.closest("#chats")) drawer(false);
});

const help = () => {
  const keys = head().querySelector("dialog");
  keys.querySelector("button").onclick = () => keys.close();
  keys.showModal();
};
const isTyping = (target) => target.closest?.("input, textarea, select, [contenteditable]");
const click = (selector) => document.querySelector(selector)?.click();

document.addEventListener("keydown", (event) => {
  if (!chat()?.offsetParent || event.isComposing || document.querySelector("dialog[open]")) return;
  const control = event.ctrlKey || event.metaKey;
  const {key, target} = event;
  const stop = document.querySelector("#stop");
  const editor = target.matches(".edit-textarea") && target;
  if (key === "Escape" && narrow.matches && isOpen()) {
    drawer(false);
    toggle().focus();
  } else if (editor && key === "Escape") buttonsOf(editor.closest(".message-row")).pop()?.click();
  else if (editor && control && key === "Enter") buttonsOf(editor.closest(".message-row")).shift()?.click();
  else if (key === "Escape" && stop?.offsetParent) stop.click();
  else if (control && key === "Enter" && !target.matches("#message textarea")) click("#send");
  else if (control && event.shiftKey && key.toLowerCase() === "o") click("#new-chat");
  else if (key === "ArrowUp" && target.matches("#message textarea") && !target.value) editLast();
  else if (key === "?" && !isTyping(target)) help();
  else return;
  event.preventDefault();
});

// The chatbot's buttons stand after the row of their message: the last one edits it, or ends an edit, which the first one
// submits.
const buttonsOf = (row) => {
  const next = row?.nextElementSibling;
  return next?.matches(".message-buttons") ? [...next.querySelectorAll("button")] : [];
};
const editLast = () => buttonsOf([...document.querySelectorAll("#conversation .user-row")].pop()).pop()?.click();

const told = () =>
  element.querySelectorAll("[data-trouble]").forEach((each) => (each.hidden = !chats.troubles.has(each.dataset.trouble)));
chats.news.addEventListener("changed", draw);
chats.news.addEventListener("trouble", told);

const fill = () => {
  if (!part("list")) return;
  part("search").oninput = search;
  drawn = "";
  told();
  settle();
  draw();
  chats.begin();
};
watch("value", fill);
fill();

// The tokens of an answer: see token_view.py. Pointing at a token or moving to it lists the likeliest at its place.
// A click holds it, so that the way to the list leads over others without losing it.
let held = null;

const tokens = () => [...element.querySelectorAll(".tokens .token")];
const list = () => element.querySelector(".alternatives");

const show = (token) => {
  const place = list();
  if (place.of === token) return;
  place.of = token;
  element.querySelectorAll(".tokens .token.seen").forEach((other) => other.classList.remove("seen"));
  token.classList.add("seen");
  const title = Object.assign(document.createElement("p"), {textContent: token.getAttribute("aria-label")});
  const own = token.dataset.id;
  const others = JSON.parse(token.dataset.top).map(([text, id, share]) => {
    const button = Object.assign(document.createElement("button"), {type: "button"});
    button.dataset.choose = id;
    if (String(id) === own) button.setAttribute("aria-current", "true");
    button.style.setProperty("--share", share.startsWith("<") ? "0%" : share);
    button.append(
      Object.assign(document.createElement("span"), {textContent: text}),
      Object.assign(document.createElement("span"), {textContent: share}),
    );
    return button;
  });
  const group = Object.assign(document.createElement("div"), {className: "others"});
  group.setAttribute("role", "group");
  group.setAttribute("aria-label", place.closest(".looked").dataset.others);
  group.append(...others);
  place.replaceChildren(title, group);
  place.hidden = false;
};

const hold = (token) => {
  tokens().forEach((other) => (other.tabIndex = other === token ? 0 : -1));
  element.querySelectorAll(".token.held").forEach((other) => other.classList.remove("held"));
  held = token;
  token.classList.add("held");
  show(token);
};

const choose = (button) => {
  const all = tokens();
  const {subject, before} = element.querySelector(".looked").dataset;
  const kept = all.slice(0, all.indexOf(list().of)).map((token) => Number(token.dataset.id));
  trigger("submit", {subject, begun: [...JSON.parse(before), ...kept, Number(button.dataset.choose)]});
};

// The first token comes into sight with its list; whoever does something else meanwhile is left alone.
const begin = () => {
  const first = element.querySelector(".tokens .token");
  const active = document.activeElement;
  held = null;
  if (first && (!active || active === document.body || active.tagName === "BUTTON")) first.focus();
};
watch("value", begin);
begin();

element.addEventListener("mouseover", (event) => {
  const token = event.target.closest(".tokens .token");
  if (token) show(token);
});
element.addEventListener("mouseout", (event) => {
  const left = event.target.closest(".tokens") && !event.relatedTarget?.closest?.(".tokens");
  if (left && held?.isConnected) show(held);
});
element.addEventListener("focusin", (event) => {
  if (event.target.matches(".tokens .token")) hold(event.target);
});
element.addEventListener("click", (event) => {
  const token = event.target.closest(".tokens .token");
  const button = event.target.closest("[data-choose]");
  if (token) token.focus();
  if (button) choose(button);
});
element.addEventListener("keydown", (event) => {
  const step = {ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1}[event.key];
  const token = event.target.closest(".tokens .token");
  const button = event.target.closest("[data-choose]");
  if (token && ["Enter", " "].includes(event.key)) list().querySelector("button")?.focus();
  else if (button && event.key === "Escape") list().of.focus();
  else if (step && (token || button)) {
    const row = token ? tokens() : [...list().querySelectorAll("button")];
    row[row.indexOf(token || button) + step]?.focus();
  } else return;
  event.preventDefault();
});

// Draws the documents of a collection: see documents.py. Names are only ever put in as text.
const made = (tag, more, ...children) => {
  const each = Object.assign(document.createElement(tag), more);
  each.append(...children);
  return each;
};
const named = (words, name) => words.replace("#", () => name);
const boxes = () => [...element.querySelectorAll("li input")];

const row = ([id, name, about], left, words) => {
  const box = made("input", {type: "checkbox", value: id, checked: !left.has(id), ariaLabel: named(words.search, name)});
  const open = made("button", {type: "button", className: "name", title: named(words.open, name)}, name);
  open.dataset.open = `${id}-0`;
  const remove = made("button", {type: "button", className: "remove", ariaLabel: named(words.remove, name)}, "✕");
  remove.title = named(words.remove, name);
  remove.onclick = () => trigger("delete", {document: id});
  return made("li", {}, box, made("div", {}, open, made("small", {}, about)), remove);
};

const whole = () => {
  const all = element.querySelector(".all input");
  const ticked = boxes().filter((box) => box.checked).length;
  if (!all) return;
  all.checked = ticked === boxes().length;
  all.indeterminate = ticked > 0 && !all.checked;
};

const draw = () => {
  const {documents = [], left = [], words} = props.value ?? {};
  element.querySelector(".documents")?.remove();
  if (!documents.length) return;
  const all = made("label", {className: "all"}, made("input", {type: "checkbox"}), words.all);
  const out = new Set(left);
  const rows = documents.map((each) => row(each, out, words));
  element.append(made("div", {className: "documents"}, all, made("ul", {}, ...rows)));
  whole();
};

element.addEventListener("change", ({target}) => {
  const place = boxes().indexOf(target);
  if (place < 0) boxes().forEach((box) => (box.checked = target.checked));
  const left = boxes().filter((box) => !box.checked).map((box) => Number(box.value));
  props.value = {...props.value, left};
  whole();
  trigger("select");
});
watch("value", draw);
draw();

// Brings dropped and pasted files to the button that attaches them, and offers to attach a long text that was pasted.
const box = () => document.querySelector("#message textarea");
const chat = () => document.querySelector("#chat-main");
const offer = () => element.querySelector(".offer");
let pasted = "";

const attach = (files) => {
  const input = document.querySelector("#chat-input input[type=file]");
  const carried = new DataTransfer();
  files.forEach((file) => carried.items.add(file));
  input.files = carried.files;
  input.dispatchEvent(new Event("change", {bubbles: true}));
};

const look = () => {
  if (!box()?.value.includes(pasted)) pasted = "";
  if (offer()) offer().hidden = !pasted;
};

element.addEventListener("click", ({target}) => {
  const {place} = target.closest("[data-place]")?.dataset ?? {};
  const does = target.closest("[data-do]")?.dataset.do;
  if (place !== undefined) trigger("delete", {place: Number(place)});
  if (does === "attach") trigger("submit", {text: pasted});
  if (does === "leave") pasted = "";
  look();
  if (place !== undefined || does) box().focus(); // what was clicked goes away
});

document.addEventListener("paste", (event) => {
  if (!event.target.matches?.("#message textarea")) return;
  const text = event.clipboardData.getData("text/plain").replaceAll("\r\n", "\n");
  const files = [...event.clipboardData.files];
  if (files.length && !text) {
    event.preventDefault();
    attach(files);
  } else if (text.length > Number(offer()?.dataset.longerThan)) {
    pasted = text;
    setTimeout(look); // it is in the box then
  }
});
document.addEventListener("input", (event) => event.target.matches?.("#message textarea") && pasted && look());

const brings = (event) => event.dataTransfer?.types.includes("Files") && event.target.closest?.("#chat-main");
const over = (is) => chat()?.classList.toggle("dropping", is);
document.addEventListener("dragover", (event) => {
  if (!brings(event)) return over(false);
  event.preventDefault();
  over(true);
});
document.addEventListener("dragleave", (event) => event.relatedTarget || over(false));
document.addEventListener("drop", (event) => {
  over(false);
  if (!brings(event)) return;
  event.preventDefault();
  attach([...event.dataTransfer.files]);
});

watch("value", look);

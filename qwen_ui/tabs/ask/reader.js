// Opens documents, and asks for them: see reader.py. Beside the dialogue where there is room, else before it.
const dialog = () => element.querySelector("dialog");
const narrow = matchMedia("(max-width: 900px)");
let opener = null;

const close = () => {
  dialog()?.close();
  if (opener?.isConnected) opener.focus();
};

const show = () => {
  const there = dialog();
  if (!there) return;
  if (narrow.matches) there.showModal();
  else there.show();
  const mark = there.querySelector("mark");
  (mark ?? there.querySelector(".text")).focus({preventScroll: true});
  mark?.scrollIntoView({block: "center"});
};

document.addEventListener("click", (event) => {
  const link = event.target.closest?.('[data-open], a[href^="#ask-open-"]');
  if (link) {
    event.preventDefault();
    const [document, position] = (link.dataset.open ?? link.hash.slice(10)).split("-").map(Number);
    if (!element.contains(link)) opener = link;
    trigger("select", {document, position, cited: link.dataset.open ? 0 : 1});
  } else if (element.contains(event.target) && event.target.closest('[data-do="close"]')) close();
});
// Esc closes it from wherever one is beside it as well; before the dialogue, the browser does that itself.
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && dialog()?.open && element.offsetParent) close();
});
watch("value", show);

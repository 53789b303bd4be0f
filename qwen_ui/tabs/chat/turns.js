// Puts the rows under the messages: see turns.py. The chatbot draws its messages anew whenever it likes; so whatever is
// missing is put there again, and the focus goes back to where it was.
const rows = () => document.querySelectorAll("#conversation .message-row");
let focused = null;

const put = () => {
  const wanted = [...element.querySelectorAll(".turn")];
  rows().forEach((row, place) => {
    const html = wanted[place]?.innerHTML ?? "";
    const {speaker, id} = wanted[place]?.dataset ?? {};
    if (speaker) {
      row.setAttribute("role", "article");
      row.setAttribute("aria-label", speaker);
    }
    const holder = row.querySelector(".flex-wrap") ?? row;
    let turn = row.querySelector(".turn");
    if (!turn && !id) return;
    if (!turn) {
      turn = Object.assign(document.createElement("div"), {className: "turn"});
      holder.append(turn);
    }
    turn.dataset.id = id ?? "";
    if (turn.html === html) return;
    turn.html = html;
    turn.innerHTML = html;
    turn.querySelectorAll("time").forEach((time) => {
      const at = new Date(Number(time.dataset.at) * 1000);
      time.dateTime = at.toISOString();
      time.title = at.toLocaleString();
      time.textContent = at.toLocaleTimeString([], {hour: "2-digit", minute: "2-digit"});
    });
    const lost = focused?.place === place && [null, document.body].includes(document.activeElement);
    if (lost) turn.querySelector(`[data-key="${focused.key}"]`)?.focus();
  });
};

watch("value", put);

const begin = () => {
  const conversation = document.querySelector("#conversation");
  if (!conversation) { // Gradio fetches each kind of component by itself: the chatbot may come later than this
    requestAnimationFrame(begin);
    return;
  }
  let due = 0;
  new MutationObserver(() => {
    cancelAnimationFrame(due);
    due = requestAnimationFrame(put);
  }).observe(conversation, {childList: true, subtree: true});
  conversation.addEventListener("focusin", (event) => {
    const button = event.target.closest(".turn [data-key]");
    const row = event.target.closest(".message-row");
    focused = button ? {key: button.dataset.key, place: [...rows()].indexOf(row)} : null;
  });
  conversation.addEventListener("click", (event) => {
    const button = event.target.closest(".turn [data-event]");
    if (button) trigger(button.dataset.event, {id: Number(button.dataset.id)});
  });
  put();
};
begin();

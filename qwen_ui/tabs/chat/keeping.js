// The open conversation: what the server makes of it is kept, and what was kept is given to the server. See shelf.py.
const chats = window.qwenChats;

const give = (value) => {
  props.value = value;
  trigger("select");
};

let wanted = null;
chats.open = (id, node) => {
  wanted = () => chats.load(id, node);
  trigger("release");
};
// Comes once what was being written has ended, and the last of it is kept.
chats.wanted = async () => give((await wanted()) ?? {nodes: [], first: null, show: null});
chats.show = (id) => trigger("click", {id});

watch("value", () => props.value && chats.save(props.value));
let begun = false;
// Once the page listens: what is triggered earlier is lost. Who was quicker than that goes on with what they have begun.
chats.begin = async () => {
  if (begun) return;
  begun = true;
  const before = await chats.before();
  const value = chats.here || !before ? null : await chats.load(before);
  if (value) give(value);
  else trigger("select"); // the assistant is chosen then
  chats.begun = true;
};

// Files: a conversation as a file has its shown messages for any program, and the tree of all with what it was asked with.
const asFile = ([head, tree]) => {
  const {title, pinned, created, updated, settings, model, begins} = head;
  const system = settings?.system?.trim() ? [{role: "system", content: settings.system}] : [];
  const messages = [...system, ...chats.path(tree).map(({role, content}) => ({role, content}))];
  return {app: "qwen-ui", version: 3, title: title || begins, pinned, created, updated, model, settings, messages, tree};
};
const save = (content, type, name) => {
  const text = typeof content === "string" ? content : `${JSON.stringify(content, null, 2)}\n`;
  const link = Object.assign(document.createElement("a"), {download: name});
  link.href = URL.createObjectURL(new Blob([text], {type: `${type};charset=utf-8`}));
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
};
const ways = {
  markdown: ({text}) => save(text, "text/markdown", "qwen-ui-chat.md"),
  json: async () => {
    // Of one that could not be kept there is what is open.
    const head = (await chats.heads()).find(({id}) => id === chats.here) ?? {};
    const {id, nodes, first} = props.value;
    save(asFile([head, {id: head.id ?? id, nodes, first}]), "application/json", "qwen-ui-chat.json");
  },
  all: async () => {
    const conversations = [];
    for (const head of (await chats.heads()).sort((one, two) => two.updated - one.updated)) conversations.push(asFile(await chats.whole(head)));
    save({app: "qwen-ui", version: 3, conversations}, "application/json", "qwen-ui-chats.json");
  },
  add: ({conversations}) => chats.add(conversations),
};
// Does what the server says in the document, if it says anything: see files.py.
chats.take = (told) => {
  const document = told && JSON.parse(told);
  if (document) ways[document.as](document);
};

// Conversations in this browser, for all its windows: heads, which the list shows, and trees, which hold the messages.
// Made once for a page, whichever of its scripts comes first. Where there is no IndexedDB, the window holds them.
window.qwenChats ??= (() => {
  const STORES = ["heads", "trees"];
  const HERE = "qwen-ui-chat"; // of a window: the id of the conversation that is open in it
  const HELD = "qwen-ui-chats";
  const UNKEPT = "qwen-ui-chat-unkept"; // of a window: what is being kept, and since when
  const copy = (value) => JSON.parse(JSON.stringify(value ?? null));
  const newId = () => Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");

  const opened = () =>
    new Promise((done, fail) => {
      const request = indexedDB.open("qwen-ui-chats", 1);
      request.onupgradeneeded = () => STORES.forEach((name) => request.result.createObjectStore(name, {keyPath: "id"}));
      request.onsuccess = () => done(request.result);
      request.onerror = () => fail(request.error);
    });

  // Each is one transaction; `work` gets the two stores, a function that says what comes of it, and one that has the
  // transaction fail where a handler does.
  const inDatabase = (database) => {
    const transaction = (mode, work) =>
      new Promise((done, fail) => {
        const one = database.transaction(STORES, mode);
        let result;
        one.oncomplete = () => done(result);
        let thrown;
        one.onabort = () => fail(thrown ?? one.error);
        const guarded = (act) => (event) => {
          try {
            act(event);
          } catch (error) {
            thrown = error;
            one.abort();
          }
        };
        work(...STORES.map((name) => one.objectStore(name)), (value) => (result = value), guarded);
      });
    return {
      heads: () => transaction("readonly", (heads, _, give) => (heads.getAll().onsuccess = (event) => give(event.target.result))),
      tree: (id) => transaction("readonly", (_, trees, give) => (trees.get(id).onsuccess = (event) => give(event.target.result))),
      change: (id, changed) =>
        transaction("readwrite", (heads, trees, give, guarded) => {
          heads.get(id).onsuccess = guarded((event) => {
            const made = changed(event.target.result);
            if (!made) return;
            const [head, tree] = made;
            heads.put(head);
            if (tree) trees.put({...tree, id: head.id});
            give(head);
          });
        }),
      remove: (id) => transaction("readwrite", (heads, trees) => [heads, trees].forEach((each) => each.delete(id))),
      each: (seen) =>
        transaction("readonly", (_, trees) => {
          trees.openCursor().onsuccess = ({target: {result: cursor}}) => cursor && seen(cursor.value) && cursor.continue();
        }),
    };
  };

  const inWindow = () => {
    const held = JSON.parse(sessionStorage.getItem(HELD) ?? '{"heads": {}, "trees": {}}');
    const keep = () => sessionStorage.setItem(HELD, JSON.stringify(held));
    return {
      heads: async () => copy(Object.values(held.heads)),
      tree: async (id) => copy(held.trees[id]),
      change: async (id, changed) => {
        const made = changed(copy(held.heads[id]) ?? undefined);
        if (!made) return undefined;
        const [head, tree] = made;
        held.heads[head.id] = copy(head);
        if (tree) held.trees[head.id] = copy({...tree, id: head.id});
        keep();
        return head;
      },
      remove: async (id) => {
        STORES.forEach((name) => delete held[name][id]);
        keep();
      },
      each: async (seen) => Object.values(held.trees).every((tree) => seen(copy(tree))),
    };
  };

  const news = new EventTarget();
  const channel = new BroadcastChannel(HELD);
  const tell = (name) => news.dispatchEvent(new Event(name));
  channel.onmessage = () => tell("changed");
  const changed = () => {
    channel.postMessage("changed");
    tell("changed");
  };
  const troubles = new Set(); // what there is to say, for whoever comes later as well
  const say = (name) => {
    troubles.add(name);
    tell("trouble");
  };
  const trouble = (error) => {
    console.error(error);
    say(error?.name === "QuotaExceededError" ? "full" : "failed");
  };

  const ready = opened().then(inDatabase, (error) => {
    console.error(error);
    say("none");
    return inWindow();
  });

  let here = null; // the id of the open conversation
  let shown = null; // the tree that is open, as it was kept last
  const seen = new Map(); // by id, which state of a conversation this window knows
  const moved = new Map(); // by id, what its copy is kept under, where another window went on with it
  const isHere = (id) => {
    here = id;
    sessionStorage.setItem(HERE, id);
  };

  const path = (tree) => {
    const nodes = new Map(tree.nodes.map((node) => [node.id, node]));
    const found = [];
    for (let node = nodes.get(tree.first); node; node = nodes.get(node.next)) found.push(node);
    return found;
  };

  const begins = (tree) => (path(tree).find((node) => node.role === "user")?.content ?? "").trim().slice(0, 200);

  const kept = async ({id, title, settings, nodes, first}) => {
    const store = await ready;
    const tree = {nodes, first};
    isHere(moved.get(id) ?? id);
    const state = JSON.stringify(tree);
    if (!nodes.length) shown = null;
    if (!nodes.length || state === shown) return tell("changed");
    const now = Date.now();
    let copied = false;
    const head = await store.change(here, (before) => {
      copied = before !== undefined && before.state !== seen.get(here);
      const old = before ?? {title: title ?? "", pinned: false, created: now, updated: now, settings: null};
      const grown = nodes.length !== old.count;
      return [{
        ...old,
        id: copied ? newId() : here,
        begins: begins(tree),
        count: nodes.length,
        model: path(tree).findLast((node) => node.model)?.model ?? "",
        settings: settings ?? old.settings,
        updated: grown ? now : old.updated,
        state: newId(),
      }, tree];
    });
    if (copied) moved.set(id, head.id);
    isHere(head.id);
    seen.set(head.id, head.state);
    shown = state;
    if (copied) say("copied");
    ["full", "failed"].forEach((name) => troubles.delete(name)); // there is room again
    tell("trouble");
    changed();
  };

  // The conversation of that id as the page takes it, open from now on; null if there is none.
  const loaded = async (id, node) => {
    const store = await ready;
    const [tree, heads] = [await store.tree(id), await store.heads()];
    const head = heads.find((each) => each.id === id);
    if (!tree || !head) return null;
    const {nodes, first} = tree;
    seen.set(id, head.state);
    moved.delete(id);
    shown = JSON.stringify({nodes, first});
    isHere(id);
    return {id, nodes, first, settings: head.settings, title: head.title, show: node ?? null};
  };

  let last = Promise.resolve();
  const inTurn = (work) => (last = last.then(work).catch(trouble));

  // To keep it takes a moment. Who leaves the page in it finds it kept when they come back.
  const held = (text) => {
    try {
      sessionStorage.setItem(UNKEPT, text);
    } catch (error) {
      console.debug(error); // a long one has no room there
    }
    return () => sessionStorage.getItem(UNKEPT) === text && sessionStorage.removeItem(UNKEPT);
  };
  const left = sessionStorage.getItem(UNKEPT);
  if (left) {
    const free = held(left);
    inTurn(async () => {
      const {value, since} = JSON.parse(left);
      await loaded(value.id);
      const head = (await (await ready).heads()).find(({id}) => id === value.id);
      if (head?.updated > since) seen.delete(value.id); // another window went on with it
      await kept(value);
      here = null; // it is to be opened
    }).finally(free);
  }

  const chats = {
    news,
    troubles,
    path,
    get here() {
      return here;
    },
    before: async () => {
      await last;
      return sessionStorage.getItem(HERE);
    },
    heads: async () => (await ready).heads(),
    // Keeps what is open; whoever keeps anything waits until what came before is kept.
    save: (value) => {
      const text = JSON.stringify({value: {...value, id: moved.get(value.id) ?? value.id}, since: Date.now()});
      const free = held(text);
      return inTurn(async () => {
        await kept(JSON.parse(text).value);
        free();
      });
    },
    load: async (id, node) => {
      await last;
      return loaded(id, node);
    },
    // All of a conversation, to be exported or put back.
    whole: async (head) => [head, await (await ready).tree(head.id)],
    change: (id, news) =>
      inTurn(async () => {
        await (await ready).change(id, (before) => before && [{...before, ...news}]);
        changed();
      }),
    remove: (id) =>
      inTurn(async () => {
        await (await ready).remove(id);
        changed();
      }),
    // Puts a conversation back as it was.
    restore: ([head, tree]) =>
      inTurn(async () => {
        const state = newId();
        await (await ready).change(head.id, () => [{...head, state}, tree]);
        seen.set(head.id, state);
        changed();
      }),
    // Adds conversations, each a head and a tree. One that is there already stays as it is; of another one with the same
    // id a copy is added. Gives how many are new.
    add: (found) =>
      inTurn(async () => {
        const store = await ready;
        let count = 0;
        for (const [head, tree] of found) {
          const same = await store.tree(head.id);
          const {nodes, first} = tree;
          if (same && JSON.stringify(same.nodes) === JSON.stringify(nodes)) continue;
          const id = same ? newId() : head.id;
          const about = {title: "", pinned: false, created: Date.now(), updated: Date.now(), settings: null, ...head};
          await store.change(id, () => [{...about, id, begins: begins(tree), count: nodes.length, state: newId()}, {nodes, first}]);
          count += 1;
        }
        changed();
        return count;
      }),
    // Messages that hold the words, in whatever conversation: `hit` gets them until it gives false.
    search: async (words, hit) => {
      const sought = words.toLowerCase();
      await (await ready).each((tree) =>
        tree.nodes.every((node) => {
          const place = node.content.toLowerCase().indexOf(sought);
          return place < 0 || hit({id: tree.id, node: node.id, text: node.content, place});
        })
      );
    },
    settings: (settings) => {
      if (here && shown) chats.change(here, {settings});
    },
  };
  return chats;
})();

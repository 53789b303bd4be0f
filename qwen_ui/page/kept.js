// Work that the browser keeps, each window's by itself: see kept.py.
window.qwenKept ??= (() => {
  const WINDOWS = 8; // whose work is kept of each name
  const HERE = "qwen-ui-window"; // of a window: its id
  const RECORDS = "records", LATEST = "latest";
  const done = (request) =>
    new Promise((resolve, reject) => {
      request.onsuccess = () => resolve(request.result);
      request.onerror = () => reject(request.error);
    });
  const opened = () => {
    const request = indexedDB.open("qwen-ui-work", 1);
    request.onupgradeneeded = () =>
      request.result.createObjectStore(RECORDS, {keyPath: ["name", "window"]}).createIndex(LATEST, ["name", "at"]);
    return done(request);
  };
  // Opened when it is first needed; one that another window asks to let go of is opened anew.
  let database = null;
  const records = async (mode) => {
    database ??= opened();
    try {
      return (await database).transaction(RECORDS, mode).objectStore(RECORDS);
    } catch (error) {
      database = null;
      throw error;
    }
  };
  const of = (name) => IDBKeyRange.bound([name, 0], [name, Infinity]);

  const save = async (name, work) => {
    if (!sessionStorage.getItem(HERE)) {
      const id = crypto.getRandomValues(new Uint8Array(16));
      sessionStorage.setItem(HERE, Array.from(id, (byte) => byte.toString(16).padStart(2, "0")).join(""));
    }
    const store = await records("readwrite");
    await new Promise((resolve, reject) => {
      store.transaction.oncomplete = resolve;
      store.transaction.onabort = () => reject(store.transaction.error);
      store.put({name, window: sessionStorage.getItem(HERE), at: Date.now(), work});
      store.index(LATEST).getAllKeys(of(name)).onsuccess = ({target: {result: keys}}) => {
        for (const key of keys.slice(0, -WINDOWS)) store.delete(key);
      };
    });
  };
  // A new window begins with what was done last.
  const load = async (name) => {
    const store = await records("readonly");
    const here = sessionStorage.getItem(HERE);
    const own = here && (await done(store.get([name, here])));
    const record = own || (await done(store.index(LATEST).openCursor(of(name), "prev")))?.value;
    return record?.work || null;
  };
  return {save, load, boxes: {}};
})();

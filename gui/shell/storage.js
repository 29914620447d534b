// What the browser keeps for a page, or the page itself where the browser keeps nothing: a reload forgets it then.

/** @param find gives localStorage or sessionStorage; to name them is refused already where sites may store nothing */
export function storageOf(find) {
  try {
    const storage = find();
    storage.setItem("tps-probe", "");
    storage.removeItem("tps-probe");
    return storage;
  } catch {
    return inMemory();
  }
}

function inMemory() {
  const held = new Map();
  return {
    getItem: (name) => held.get(name) ?? null,
    setItem: (name, value) => held.set(name, value),
    removeItem: (name) => held.delete(name),
  };
}

// The browser's storage. If the browser refuses it, values stay in memory until the page is reloaded.

/** @param open returns localStorage or sessionStorage; the access itself throws where the browser refuses storage */
export function storageOf(open) {
  try {
    const storage = open();
    storage.setItem("tps-probe", "");
    storage.removeItem("tps-probe");
    return storage;
  } catch {
    return inMemory();
  }
}

function inMemory() {
  const values = new Map();
  return {
    getItem: (name) => values.get(name) ?? null,
    setItem: (name, value) => values.set(name, value),
    removeItem: (name) => values.delete(name),
  };
}

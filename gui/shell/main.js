import { html, render } from "../lib/preact.js";
import { words } from "../rules/texts.js";
import { App } from "./app.js";
import { Session } from "./session.js";
import { storageOf } from "./storage.js";
import { applyTheme } from "./theme.js";

document.documentElement.lang = words.locale;
applyTheme();
const session = new Session({ storage: storageOf(() => sessionStorage), location, history, fetch: globalThis.fetch.bind(globalThis) });
render(html`<${App} session=${session} />`, document.getElementById("app"));

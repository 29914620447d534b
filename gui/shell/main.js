import { html, render } from "../lib/preact.js";
import { texts } from "../rules/texts.js";
import { App } from "./app.js";
import { Session } from "./session.js";
import { storageOf } from "./storage.js";
import { applyTheme } from "./theme.js";

document.documentElement.lang = texts.locale;
applyTheme();
const session = new Session({ storage: storageOf(() => sessionStorage), location, history, fetch: globalThis.fetch.bind(globalThis) });
render(html`<${App} session=${session} />`, document.getElementById("app"));

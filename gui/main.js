import { html, render } from "./lib/preact.js";
import { App } from "./app.js";
import { Session } from "./session.js";
import { applyTheme } from "./theme.js";

applyTheme();
const session = new Session({ storage: sessionStorage, location, history, fetch: globalThis.fetch.bind(globalThis) });
const begun = session.begin();
// The page tells what became of it, once it is drawn.
begun.catch(() => {});
render(html`<${App} session=${session} begun=${begun} />`, document.getElementById("app"));

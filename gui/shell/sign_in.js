// The page of whoever is not signed in, or not as the platform operator.

import { html, useState } from "../lib/preact.js";
import { SignedOut } from "../data/errors.js";
import { words } from "../rules/texts.js";

const SAID = new Set(["code_failed", "over", "wrong", "lost"]);

export function SignIn({ session, why, detail, onDone, onOut }) {
  const [token, setToken] = useState("");
  const said = words.sign_in;
  if (why === "busy") return html`<main class="door"><p role="status">${said.busy}</p></main>`;
  if (why === "forbidden") return html`<${Forbidden} ...${{ session, onOut }} />`;
  const use = (event) => {
    event.preventDefault();
    if (!token.trim()) return;
    try {
      session.useToken(token);
      onDone();
    } catch (error) {
      onOut(error);
    }
  };
  return html`<main class="door">
    <h1>${words.title}</h1>
    <h2>${said.title}</h2>
    ${SAID.has(why) && html`<p class="warn" role="alert">${why === "wrong" && session.canUseOidc ? said.not_taken : said[why]}</p>`}
    ${why === "oidc_failed" && html`<p class="warn" role="alert">${said.oidc_failed(said.oidc_reasons[detail.why](detail.said))}</p>`}
    ${session.canUseOidc
      ? html`<button class="main" onClick=${() => session.beginOidc().catch(onOut)}>${said.oidc}</button>`
      : html`<p>${said.code}</p><pre><code>./tps gui address</code></pre>`}
    <form onSubmit=${use}>
      <label>${said.token}<input type="password" autocomplete="off" spellcheck="false" value=${token} onInput=${(event) => setToken(event.target.value)} /></label>
      <button>${said.token_button}</button>
    </form>
  </main>`;
}

function Forbidden({ session, onOut }) {
  const again = () => {
    session.signOut();
    onOut(new SignedOut(""));
  };
  return html`<main class="door">
    <h1>${words.sign_in.forbidden_title}</h1>
    <p>${words.sign_in.forbidden}</p>
    <button class="main" onClick=${again}>${words.sign_in.again}</button>
  </main>`;
}

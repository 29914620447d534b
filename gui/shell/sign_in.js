// The page for a user who is not signed in, or not as the platform operator.

import { html, useState } from "../lib/preact.js";
import { SignedOut } from "../data/errors.js";
import { texts } from "../rules/texts.js";

const NAMED_REASONS = new Set(["code_failed", "over", "wrong", "lost"]);

export function SignIn({ session, why, detail, onDone, onSignedOut }) {
  const [token, setToken] = useState("");
  const messages = texts.sign_in;
  if (why === "busy") return html`<main class="door"><p role="status">${messages.busy}</p></main>`;
  if (why === "forbidden") return html`<${Forbidden} ...${{ session, onSignedOut }} />`;
  const use = (event) => {
    event.preventDefault();
    if (!token.trim()) return;
    try {
      session.useToken(token);
      onDone();
    } catch (error) {
      onSignedOut(error);
    }
  };
  return html`<main class="door">
    <h1>${texts.title}</h1>
    <h2>${messages.title}</h2>
    ${NAMED_REASONS.has(why) && html`<p class="warn" role="alert">${why === "wrong" && session.canUseOidc ? messages.rejected : messages[why]}</p>`}
    ${why === "oidc_failed" && html`<p class="warn" role="alert">${messages.oidc_failed(messages.oidc_reasons[detail.why](detail.answer))}</p>`}
    ${session.canUseOidc
      ? html`<button class="main" onClick=${() => session.beginOidc().catch(onSignedOut)}>${messages.oidc}</button>`
      : html`<p>${messages.code}</p><pre><code>./tps gui address</code></pre>`}
    <form onSubmit=${use}>
      <label>${messages.token}<input type="password" autocomplete="off" spellcheck="false" value=${token} onInput=${(event) => setToken(event.target.value)} /></label>
      <button>${messages.token_button}</button>
    </form>
  </main>`;
}

function Forbidden({ session, onSignedOut }) {
  const again = () => {
    session.signOut();
    onSignedOut(new SignedOut(""));
  };
  return html`<main class="door">
    <h1>${texts.sign_in.forbidden_title}</h1>
    <p>${texts.sign_in.forbidden}</p>
    <button class="main" onClick=${again}>${texts.sign_in.again}</button>
  </main>`;
}

/** The frame around the views: it connects, lets the person in, and says how things stand. */

import { waitingNow, watchCalls } from "./calls.js";
import { frame, h, keyed, set, styles, text } from "./dom.js";
import { entry } from "./entry.js";
import { age, warm } from "./format.js";
import { menu } from "./menu.js";
import { href, router } from "./router.js";
import { store } from "./store.js";

const LINKS = { now: "Now", usage: "Usage", events: "Events", service: "Service" };
const TITLES = { ...LINKS, session: "Session" };

const LOADERS = {
  now: () => import("./view-now.js"),
  session: () => import("./view-session.js"),
  usage: () => import("./view-usage.js"),
  events: () => import("./view-events.js"),
  service: () => import("./view-service.js"),
};

/** ms after the first view in which what the others need is got ready: they must open also while the service is away. */
const OTHERS = 300;
/** And in which the formatter of times is made, which takes as long as a frame may: all cards are there by then. */
const WARM = 1500;

/** ms between two looks whether the service answers, and once it does not; and until it should have. */
const LOOK = 10_000, AGAIN = 2000, PATIENCE = 3000;

const REASONS = {
  none: "",
  used: "This link was used already, and who used it is signed out now. If it was not you: claw-socket token rotate signs everybody out.",
  expired: "This link is older than a minute, or of another time of the service.",
  token: "That is not the token of this service.",
  gone: "The token was replaced, or this browser was let in too long ago.",
  foreign: "The service lets no page of this address in. Open it at the address that claw-socket open shows.",
};

const load = (view) => Promise.all([LOADERS[view](), styles(`/app/view-${view}.css`)]);

class Shell extends HTMLElement {
  #main;
  #nav;
  #link;
  #notice;
  #shown = null;
  /** Which step of the history is shown, and how far each was scrolled when it was left: Back leads there. */
  #step = null;
  #tops = new Map();
  /** Whether the view that is wanted could not be loaded. */
  #isMissing = false;
  #hangs = null;
  /** How many wait, as the title says. */
  #told = 0;

  connectedCallback() {
    const spoken = h("div", { class: "unseen", "aria-live": "polite" });
    this.append(
      h("a", { class: "skip button", href: "#main", onclick: (event) => this.#skip(event) }, "Skip to the content"),
      h("header", { class: "bar" },
        h("a", { class: "brand", href: href("now") }, "claw-socket"),
        (this.#nav = h("nav", { "aria-label": "Views" })),
        (this.#link = h("span", { class: "link", role: "status" })),
        menu()),
      (this.#notice = h("div", { class: "notice", role: "status" })),
      (this.#main = h("main", { id: "main", tabindex: "-1" })),
      spoken);
    watchCalls(spoken);
    history.scrollRestoration = "manual"; // the browser would scroll what is shown before the view is another: see #turn()
    this.#links();
    store.subscribe((changes) => this.#changed(changes));
    router.subscribe((route) => this.#show(route));
    setInterval(() => this.#status(), 1000);
    setTimeout(() => this.#look(), LOOK);
    load(router.route.view).catch(() => {}); // meanwhile; that it can't be loaded is told when it is to be shown
    if (router.route.view !== "now") frame().then(warm); // Now tells no times of day
    entry.subscribe(() => this.#entered());
    if (entry.isIn !== null) this.#entered();
  }

  #skip(event) {
    event.preventDefault();
    this.#main.focus();
  }

  // Coming in

  #entered() {
    this.#shown = null;
    if (entry.isIn) this.#show(router.route);
    else this.#login(entry.reason);
  }

  /** A service that hangs, or is stopped, keeps its connections: that it still answers has to be looked for. */
  async #look() {
    const began = Date.now();
    let hangs = null;
    if (store.connection.status === "live" && !document.hidden) {
      await fetch("/health", { signal: AbortSignal.timeout(PATIENCE) }).catch(() => (hangs = this.#hangs ?? began));
    }
    this.#hangs = hangs;
    this.#status();
    setTimeout(() => this.#look(), hangs === null ? LOOK : AGAIN);
  }

  #login(reason) {
    set(this, "data-view", null);
    this.#links();
    const field = h("input", {
      type: "password", name: "token", autocomplete: "off", spellcheck: "false", required: true, "aria-label": "Token",
      placeholder: "the token in ~/.claw-socket/token",
    });
    const submit = (event) => {
      event.preventDefault();
      entry.comeIn(field.value.trim());
    };
    this.#main.replaceChildren(
      h("section", { class: "login sheet" },
        h("h1", null, "Let this page in"),
        REASONS[reason] && h("p", { class: "bad", role: "alert" }, REASONS[reason]),
        h("p", null, "In a terminal, ", h("code", null, "claw-socket open"), " opens this page with a link that works once."),
        h("form", { onsubmit: submit }, field, h("button", { class: "primary" }, "Come in")),
        h("p", { class: "soft small" }, "Or paste the token; it is traded for a cookie and not kept.")));
    this.#title();
    this.#status();
  }

  // What is shown

  async #show(route) {
    this.#links();
    if (!entry.isIn) return;
    const key = `${route.view}/${route.id ?? ""}`;
    if (key === this.#shown) return;
    const first = this.#shown === null;
    this.#shown = key;
    const top = this.#turn();
    this.#isMissing = false;
    try {
      await load(route.view);
    } catch {
      if (key === this.#shown && entry.isIn) this.#miss();
      return;
    }
    if (key !== this.#shown || !entry.isIn) return;
    set(this, "data-view", route.view); // for styles: with :has() each change in a view would be looked at
    this.#main.replaceChildren(h(`view-${route.view}`, { "data-view": route.view }));
    if (!first) this.#main.focus({ preventScroll: true });
    this.#title();
    scrollTo(0, 0);
    for (let tries = 0; scrollY < top && tries < 30 && key === this.#shown; tries++) {
      scrollTo(0, top);
      await frame(); // what is long comes in some
    }
    if (first) setTimeout(() => this.#prepare(), OTHERS);
  }

  /** Learn of another step of the history; returns how far it was scrolled, 0 for a new one. */
  #turn() {
    this.#tops.set(this.#step, scrollY);
    if (history.state?.step === undefined) history.replaceState({ step: Math.random() }, "");
    this.#step = history.state.step;
    return this.#tops.get(this.#step) ?? 0;
  }

  #prepare() {
    for (const view of Object.keys(LOADERS)) load(view).catch(() => {});
    setTimeout(() => (self.requestIdleCallback ?? setTimeout)(warm), WARM - OTHERS); // Safari has none
  }

  /** The service went before the view was loaded. */
  #miss() {
    this.#isMissing = true;
    this.#shown = null;
    set(this, "data-view", null);
    this.#title();
    this.#main.replaceChildren(h("p", { class: "soft", role: "status" }, "This view could not be loaded. It comes when the service is back; if not, reload the page."));
  }

  #links() {
    const waiting = waitingNow();
    set(this.#nav, "hidden", entry.isIn === false);
    keyed(this.#nav, Object.entries(LINKS), ([view]) => view,
      ([view, name]) => h("a", { href: href(view) }, name,
        view === "now" && [h("span", { class: "count", hidden: true }), h("span", { class: "unseen" })]),
      (link, [view]) => {
        set(link, "aria-current", view === router.route.view ? "page" : null);
        const badge = link.querySelector(".count");
        if (badge === null) return;
        set(badge, "hidden", waiting === 0);
        text(badge, waiting);
        text(badge.nextElementSibling, waiting ? ` ${waiting === 1 ? "session needs" : "sessions need"} you` : "");
      });
  }

  #changed(changes) {
    if (changes.connection) this.#status();
    if (changes.connection && this.#isMissing && store.connection.status === "live") this.#show(router.route);
    if (waitingNow() === this.#told) return;
    this.#links();
    this.#title();
  }

  #title() {
    const waiting = (this.#told = entry.isIn ? waitingNow() : 0);
    const title = entry.isIn ? `${waiting ? `(${waiting}) ` : ""}${TITLES[router.route.view]} · claw-socket` : "claw-socket";
    if (title === document.title) return;
    document.title = title;
    document.querySelector("link[rel=icon]").href = icon(waiting);
  }

  #status() {
    const { since } = store.connection;
    const status = entry.isIn === false ? "out" : store.connection.status; // who is out is told that, and nothing of before
    const hangs = status === "live" && this.#hangs !== null;
    text(this.#link, status === "live" && !hangs ? "live" : "");
    const waits = status === "connecting" && Date.now() - since > PATIENCE;
    const problem = hangs || waits ? `does not answer${away(hangs ? this.#hangs : since)}` : `is away${away(since)}`;
    const before = waits ? "All comes by itself as soon as it does." : "This is how things were; it goes on by itself.";
    text(this.#notice, hangs || waits || status === "lost" ? `The service ${problem}. ${before}` : "");
  }
}

/** For how long; nothing while it is hardly worth a word. */
const away = (since) => (Date.now() - since < 1000 ? "" : ` for ${age(since)}`);

/** The page's icon: a claw's three marks, or how many wait. */
function icon(waiting) {
  const marks = "<path d='M9 24 14 7M16 25 19 7M23 24 25 9' stroke='#8a8a92' stroke-width='4' stroke-linecap='round'/>";
  const number = waiting > 9 ? "9+" : waiting;
  const call = `<circle cx='16' cy='16' r='16' fill='#b54708'/><text x='16' y='23' font-family='sans-serif' font-size='${waiting > 9 ? 17 : 21}' font-weight='700' fill='#fff' text-anchor='middle'>${number}</text>`;
  const markup = `<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 32 32'>${waiting ? call : marks}</svg>`;
  return `data:image/svg+xml,${encodeURIComponent(markup)}`;
}

customElements.define("claw-shell", Shell);

// The search, and the mark in the contents at what is read. The page is whole without them.

const query = document.getElementById("query");
const found = document.getElementById("found");
const nav = document.querySelector("nav");
const sections = [...document.querySelectorAll("main > section")];
const before = [...document.querySelectorAll("main > :not(section)")];
const links = new Map([...nav.querySelectorAll("a")].map((link) => [link.hash.slice(1), link]));

// Examples are left out: they hold the same ids and words everywhere.
const articles = [...document.querySelectorAll("main article")].map((element) => ({
  element,
  text: element.querySelector("div").textContent.toLowerCase(),
}));

const places = [...document.querySelectorAll("main h2, main article")].filter(({ id }) => links.has(id));

function search() {
  const words = query.value.toLowerCase().split(/\s+/).filter(Boolean);
  let count = 0;
  for (const { element, text } of articles) {
    element.hidden = !words.every((word) => text.includes(word));
    if (!element.hidden) count += 1;
  }
  for (const section of sections) section.hidden = words.length > 0 && !section.querySelector("article:not([hidden])");
  for (const element of before) element.hidden = words.length > 0;
  for (const item of nav.querySelectorAll("li")) item.hidden = isGone(item.querySelector("a"));
  document.body.classList.toggle("searching", words.length > 0);
  found.textContent = !words.length ? "" : count ? `${count} of ${articles.length}` : "Nothing found";
}

function isGone(link) {
  return Boolean(document.getElementById(link.hash.slice(1))?.closest("[hidden]"));
}

// Where a link leads to what the search hides, the search is over.
function show() {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (target?.closest("[hidden]")) {
    query.value = "";
    search();
    target.scrollIntoView();
  }
}

query.addEventListener("input", () => {
  search();
  scrollTo(0, 0);
});

addEventListener("keydown", (event) => {
  const typing = event.target.closest("input, textarea, [contenteditable]");
  if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
    event.preventDefault();
    query.focus();
  } else if (event.key === "Escape" && event.target === query) {
    query.value = "";
    search();
  }
});

addEventListener("hashchange", show);

// What is read is the last of what crosses a line below the head.
const crossing = new Set();
const reading = new IntersectionObserver(mark, { rootMargin: "-64px 0px -80% 0px" });

function mark(entries) {
  for (const { target, isIntersecting } of entries) crossing[isIntersecting ? "add" : "delete"](target);
  const last = places.findLast((place) => crossing.has(place));
  if (!last) return;
  nav.querySelector("[aria-current]")?.removeAttribute("aria-current");
  const link = links.get(last.id);
  link.setAttribute("aria-current", "location");
  keepInView(link);
}

function keepInView(link) {
  const at = link.offsetTop - nav.offsetTop;
  if (at < nav.scrollTop || at > nav.scrollTop + nav.clientHeight - 60) {
    nav.scrollTop = at - nav.clientHeight / 3;
  }
}

for (const place of places) reading.observe(place);
document.getElementById("search").hidden = false;
search();

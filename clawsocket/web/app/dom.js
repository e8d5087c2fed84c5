/** Making and keeping elements, without markup from text: whatever a session says stays text. */

/**
 * Make an element.
 * @param {string} tag its name.
 * @param {object | null} attrs attributes; `class`, `data-…`, `aria-…` as in markup; false, null and undefined leave one
 *   out, true gives it empty; `on…` with a function listens; `style` is an object of CSS properties, `--x` included.
 * @param {...(Node | string | number | false | null | undefined | Array)} children nodes and texts; lists are opened.
 */
export function h(tag, attrs, ...children) {
  const element = document.createElement(tag);
  setAll(element, attrs);
  element.append(...flat(children));
  return element;
}

const SVG = "http://www.w3.org/2000/svg";

/** Make an element of SVG, as h() does. */
export function svg(tag, attrs, ...children) {
  const element = document.createElementNS(SVG, tag);
  setAll(element, attrs);
  element.append(...flat(children));
  return element;
}

function flat(children) {
  return children.flat(Infinity).filter((one) => one !== null && one !== undefined && one !== false);
}

function setAll(element, attrs) {
  for (const [name, value] of Object.entries(attrs ?? {})) set(element, name, value);
}

/** Set one attribute as h() does; nothing happens where it is so already, so that readers of the page are not disturbed. */
export function set(element, name, value) {
  if (name === "style") {
    for (const [property, one] of Object.entries(value ?? {})) element.style.setProperty(property, one);
  } else if (typeof value === "function") {
    element.addEventListener(name.slice(2), value);
  } else if (value === null || value === undefined || (value === false && !isWord(name))) {
    if (element.hasAttribute(name)) element.removeAttribute(name);
  } else {
    const text = value === true && !isWord(name) ? "" : String(value);
    if (element.getAttribute(name) !== text) element.setAttribute(name, text);
  }
}

/** Of attributes that are there or not, aria- and data- are none: they say true or false. */
const isWord = (name) => /^(aria|data)-/.test(name);

/** Give an element a text, if it has another: a selection in it survives, and so does the node that holds it. */
export function text(element, value) {
  const wanted = String(value ?? "");
  const node = element.firstChild;
  if (node !== null && node.nodeType === Node.TEXT_NODE && node.nextSibling === null) {
    if (node.data !== wanted) node.data = wanted;
  } else if (element.textContent !== wanted) element.textContent = wanted;
}

/** Have a live region read out some words: the same ones again, too, where no text would change. */
export const say = (region, words) => region.replaceChildren(h("p", null, words));

/**
 * Make the children of an element those of a list, each kept as long as its key is there: nothing is made anew or moved
 * without need, so focus, selection and scrolling stay.
 * @param {Element} parent the element; it has no other children.
 * @param {Array} items the list.
 * @param {(item) => string} key what names an item; no two may be alike.
 * @param {(item) => Element} create makes its element.
 * @param {(element: Element, item) => void} [update] brings an element up to date; called for new ones, too.
 */
export function keyed(parent, items, key, create, update) {
  const focused = document.activeElement;
  const isFocused = focused !== null && focused !== document.body;
  const known = (parent.keyedChildren ??= new Map());
  const call = ++calls;
  let kept = 0;
  for (const item of items) {
    const element = known.get(key(item));
    if (element === undefined) continue;
    element.keyedBy = call;
    kept++;
  }
  const stale = kept === known.size ? [] : without(known, call);
  let at = parent.firstElementChild;
  for (const item of items) {
    const name = key(item);
    let element = known.get(name);
    if (element === undefined) {
      known.set(name, (element = create(item)));
      element.keyedBy = call;
    }
    update?.(element, item);
    while (at !== null && at.keyedBy !== call) at = at.nextElementSibling;
    if (element === at) at = at.nextElementSibling;
    else place(parent, element, at);
  }
  // Last, so that another list can take what is in them; and not what another list has taken.
  for (const element of stale) if (element.parentNode === parent) element.remove();
  // What had the focus may have been moved, out of the page and into it again where its new place came only now. To
  // focus has the page laid out at once.
  if (isFocused && document.activeElement === document.body && focused.isConnected) focused.focus({ preventScroll: true });
}

/** Calls of keyed() so far. What is in a list is marked with the call's number: a set of it would be made again and again. */
let calls = 0;

/** Take those out of a list that a call did not mark, and return them. */
function without(known, call) {
  const stale = [];
  for (const name of known.keys()) {
    const element = known.get(name);
    if (element.keyedBy === call) continue;
    known.delete(name);
    stale.push(element);
  }
  return stale;
}

/** Put an element before another; one that stays in the page is moved as it is, where the browser can. */
function place(parent, element, at) {
  if (element.isConnected && parent.isConnected && parent.moveBefore) parent.moveBefore(element, at);
  else parent.insertBefore(element, at);
}

/** The next frame was drawn; a page that nobody sees has none, but time passes. */
export const frame = () => new Promise((resolve) => (document.hidden ? setTimeout(resolve, 16) : requestAnimationFrame(() => setTimeout(resolve, 0))));

/** Load a style sheet of ours, once; resolves when it applies. */
export function styles(href) {
  const found = document.querySelector(`link[rel=stylesheet][href="${href}"]`);
  if (found !== null) return Promise.resolve();
  return new Promise((resolve, reject) => {
    const link = h("link", { rel: "stylesheet", href, onload: resolve });
    link.onerror = () => {
      link.remove(); // so that the next one who needs it tries again
      reject(new Error(`${href} can't be loaded`));
    };
    document.head.append(link);
  });
}

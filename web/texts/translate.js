/** The words that stand in the page itself, put into its reader's language. */

const ATTRIBUTES = ["aria-label", "title", "placeholder", "alt"];

/**
 * @param {Document | Element} root nothing in it that is marked as not to be translated is touched
 * @param {(english: string) => string} translated
 */
export function translate(root, translated) {
  const walker = document.createTreeWalker(root, NodeFilter.SHOW_ELEMENT | NodeFilter.SHOW_TEXT, (node) =>
    node instanceof Element && node.matches("[translate=no], script, style") ? NodeFilter.FILTER_REJECT : NodeFilter.FILTER_ACCEPT,
  );
  while (walker.nextNode()) {
    const node = walker.currentNode;
    if (node instanceof Element) {
      for (const name of ATTRIBUTES) {
        const value = node.getAttribute(name);
        if (value) node.setAttribute(name, translated(value));
      }
    } else {
      // The spaces beside it are the page's.
      const english = node.nodeValue?.trim();
      if (english) node.nodeValue = node.nodeValue?.replace(english, () => translated(english)) ?? "";
    }
  }
}

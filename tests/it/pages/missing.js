// What is missing on this page for those who see, hear, or touch it: an empty list, or sentences. Run by the test, not by the page.
const missing = [];
const all = css => [...document.querySelectorAll(css)];
const miss = (bad, why, element) => bad && missing.push(why + ": " + (element ? element.outerHTML : ""));

miss(!document.documentElement.lang, "no language");
miss(all("h1").length !== 1, "not one h1");
miss(all("main").length !== 1, "not one main");
miss(document.documentElement.scrollWidth > innerWidth, "scrolls sideways: " + document.documentElement.scrollWidth);
miss(new Set(all("[id]").map(e => e.id)).size !== all("[id]").length, "an id twice");

for (const input of all("input:not([type=hidden])")) {
  miss(input.labels.length !== 1, "not one label", input);
  miss(!input.maxLength || (input.maxLength < 0 && !input.readOnly), "no maxlength", input);
  miss(!input.autocomplete && !input.readOnly, "no autocomplete", input);
}
for (const element of all("[aria-describedby]"))
  for (const id of element.getAttribute("aria-describedby").split(" "))
    miss(!document.getElementById(id), "described by nothing", element);
for (const image of all("img")) {
  miss(!image.hasAttribute("alt"), "no alt", image);
  miss(!image.complete || !image.naturalWidth, "not loaded", image);
}
// WCAG 2.2, 2.5.8: 24 by 24
for (const target of all("a, button, input:not([type=hidden])")) {
  const box = target.getBoundingClientRect();
  miss(box.height < 24 || box.width < 24, "too small", target);
}
// WCAG 2.2, 1.4.3 and 1.4.11
const channels = text => text.match(/[\d.]+/g).map(Number);
const luminance = rgb => {
  const [r, g, b] = rgb.slice(0, 3).map(c => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const behind = element => {
  for (; element; element = element.parentElement) {
    const colour = channels(getComputedStyle(element).backgroundColor);
    if (colour.length < 4 || colour[3] === 1) return colour;
  }
  return [255, 255, 255];
};
const contrast = (a, b) => {
  const [low, high] = [luminance(a), luminance(b)].sort((x, y) => x - y);
  return (high + 0.05) / (low + 0.05);
};
for (const element of all("body *")) {
  const style = getComputedStyle(element);
  const speaks = [...element.childNodes].some(n => n.nodeType === 3 && n.data.trim()) || element.matches("input:not([type=hidden])");
  if (speaks) {
    const ratio = contrast(channels(style.color), behind(element));
    miss(ratio < 4.5, "contrast of text " + ratio.toFixed(2), element);
  }
  if (element.matches("input:not([type=hidden]):not([readonly])")) {
    const ratio = contrast(channels(style.borderTopColor), behind(element.parentElement));
    miss(ratio < 3, "contrast of border " + ratio.toFixed(2), element);
  }
}
return missing;

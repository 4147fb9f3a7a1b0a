//! What is run in the page to measure it.

/// Contrast as WCAG has it, of colours in whatever notation, laid one over the other.
pub(super) const CONTRAST_SCRIPT: &str = r#"
const pixel = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
const rgba = (colour) => {
    pixel.clearRect(0, 0, 1, 1);
    pixel.fillStyle = colour;
    pixel.fillRect(0, 0, 1, 1);
    return [...pixel.getImageData(0, 0, 1, 1).data];
};
const over = ([r, g, b, alpha], ground) => [r, g, b].map((part, at) => (alpha * part + (255 - alpha) * ground[at]) / 255);
const linear = (part) => (part /= 255) <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
const luminance = ([r, g, b]) => 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
const ratio = (a, b) => {
    const [dark, light] = [luminance(a), luminance(b)].sort((a, b) => a - b);
    return (light + 0.05) / (dark + 0.05);
};
"#;

/// Rules of WCAG 2.2 up to AA, and what is good practice beside them. The styles are read as they are applied: to fetch them anew
/// would be a request, and the page tells of each.
///
/// The contrast of texts of one letter or sign is wanted too. Where something lies over a text, or it is in a drawing, axe-core
/// leaves its contrast undecided: then it is that with the colours of the elements around it.
pub(super) const AXE_SCRIPT: &str = r#"
const least = (e) => {
    const { fontSize, fontWeight } = getComputedStyle(e);
    const size = parseFloat(fontSize);
    return size >= 24 || (size >= 18.66 && fontWeight >= 700) ? 3 : 4.5;
};
// The note's letters are those of the text area over the marks.
const letters = (e) => {
    const written = e.closest(".paper:not(.reviewed) .backdrop") && document.querySelector("[data-testid=note]");
    const style = getComputedStyle(written || e);
    return e instanceof SVGElement ? style.fill : style.color;
};
const contrast = (e) => {
    const layers = [];
    // Through what floats, anything may shine.
    let grounds = [[0, 0, 0], [255, 255, 255]];
    for (let at = e; at; at = at.parentElement) {
        const { backgroundColor, position } = getComputedStyle(at);
        layers.unshift(rgba(backgroundColor));
        if (layers[0][3] === 255 || position === "fixed") break;
    }
    grounds = grounds.map((ground) => layers.reduce((ground, layer) => over(layer, ground), ground));
    return Math.min(...grounds.map((ground) => ratio(over(rgba(letters(e)), ground), ground)));
};
// Options are replaced as a whole, the wanted ratios among them.
const usual = axe._audit.checks["color-contrast"].options;
if (!usual.contrastRatio) throw new Error("axe-core has other options");
const options = { ...usual, ignoreLength: true, ignoreUnicode: false };
axe.configure({ checks: [{ id: "color-contrast", options }] });
    const brief = document.getAnimations().filter((a) => a.effect.getComputedTiming().endTime !== Infinity);
    await Promise.allSettled(brief.map((a) => a.finished));
    const tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
    const results = await axe.run(document, {
        preload: false,
        runOnly: { type: "tag", values: tags },
        rules: { "target-size": { enabled: true } },
        resultTypes: ["violations", "incomplete"],
    });
    const lines = (rules) => rules.flatMap(({ id, nodes }) => nodes.map(({ target, any, all, none }) => {
        const why = [...any, ...all, ...none].map((check) => check.message).join("; ");
        return `${id}: ${target.join(" ")}: ${why}`;
    }));
    const [colours, others] = [[], []];
    for (const rule of results.incomplete) (rule.id === "color-contrast" ? colours : others).push(rule);
    const pale = colours.flatMap(({ nodes }) => nodes).flatMap(({ target }) => {
        const element = document.querySelector(target[0]);
        const [is, atLeast] = [contrast(element), least(element)];
        return is < atLeast ? [`contrast: ${target[0]}: ${is.toFixed(2)} of ${atLeast}`] : [];
    });
    return { violations: [...lines(results.violations), ...pale], undecided: lines(others) };
"#;

/// The contrast of one colour on another, both as CSS writes them within an element of that type, or of that hue.
pub(super) const COLOURS_SCRIPT: &str = r#"
const [entity, hue, pairs] = arguments;
const probe = document.createElement("span");
probe.dataset.entity = entity;
document.body.append(probe);
if (hue !== null) probe.style.setProperty("--hue", hue);
const resolved = (colour) => {
    probe.style.color = colour;
    return rgba(getComputedStyle(probe).color);
};
const ratios = pairs.map(([colour, on]) => {
    const ground = over(resolved(on), over(resolved("var(--surface)"), [255, 255, 255]));
    return ratio(over(resolved(colour), ground), ground);
});
probe.remove();
return ratios;
"#;

/// Whether elements of two selectors differ otherwise than by colour: in lines around, under or through them. Absent where one of
/// them is not there.
pub(super) const DIFFER_SCRIPT: &str = r#"
return arguments[0].map(([one, other]) => {
    const look = (e) => {
        const style = getComputedStyle(e);
        const line = (side) => style[`border${side}Style`] === "none" ? "" : style[`border${side}Width`];
        const outline = style.outlineStyle === "none" ? "" : style.outlineWidth;
        // The system's colours leave no shadows.
        const shadow = style.forcedColorAdjust === "none" ? style.boxShadow.replace(/(rgb|color|oklch)a?\([^)]*\)/g, "") : "";
        return [outline, style.textDecorationLine, shadow, ...["Top", "Right", "Bottom", "Left"].map(line)].join("/");
    };
    const [a, b] = [one, other].map((selector) =>
        [...document.querySelectorAll(selector)].find((e) => e.checkVisibility({ visibilityProperty: true })));
    return a && b ? look(a) !== look(b) : null;
});
"#;

/// Writes down what the page tells screen readers: where, and what.
pub(super) const LISTEN_SCRIPT: &str = r#"
window.told = [];
const live = "[role=status], [role=alert], [aria-live]";
const texts = new Map();
const look = () => {
    for (const e of document.querySelectorAll(live)) {
        // What is not displayed, or hidden, is not told.
        const text = e.checkVisibility() && !e.closest("[aria-hidden=true]") ? e.textContent.trim() : "";
        if (text !== (texts.get(e) ?? "")) {
            texts.set(e, text);
            if (text) window.told.push(text);
        }
    }
};
look();
window.told = [];
new MutationObserver(look).observe(document.body, { subtree: true, childList: true, characterData: true, attributes: true });
"#;

/// Targets that are smaller than 24 px in a direction (WCAG 2.5.8), but for those within a sentence, and for those so far from
/// all others that circles of 24 px around them touch neither another target nor such a circle.
pub(super) const TARGETS_SCRIPT: &str = r#"
const LEAST = 24;
const selector = "a[href], button, input, select, textarea, summary, [role=button], [tabindex='0']";
const modal = document.querySelector("dialog:modal");
const shown = (e) => e.checkVisibility({ visibilityProperty: true }) && !e.disabled && (!modal || modal.contains(e));
const targets = [...document.querySelectorAll(selector)].filter(shown).map((element) => {
    // A label is part of its control.
    const box = (element.closest("label") ?? element).getBoundingClientRect();
    const within = element.matches("mark");
    return { element, box, within, small: box.width < LEAST || box.height < LEAST };
});
const middle = ({ left, right, top, bottom }) => [(left + right) / 2, (top + bottom) / 2];
const near = (target, other) => {
    if (target.element.contains(other.element) || other.element.contains(target.element)) return false;
    const [x, y] = middle(target.box);
    const { left, right, top, bottom } = other.box;
    const [dx, dy] = [Math.max(left - x, 0, x - right), Math.max(top - y, 0, y - bottom)];
    const [ox, oy] = middle(other.box);
    return Math.hypot(dx, dy) < LEAST / 2 || (other.small && Math.hypot(ox - x, oy - y) < LEAST);
};
return targets
    .filter((target) => target.small && !target.within && targets.some((other) => other !== target && near(target, other)))
    .map(({ element, box }) => `${element.outerHTML.slice(0, 120)}: ${box.width.toFixed(1)} x ${box.height.toFixed(1)}`);
"#;

/// What sticks out of the view sideways.
pub(super) const WIDE_SCRIPT: &str = r#"
const root = document.documentElement;
if (root.scrollWidth <= root.clientWidth) return [];
const clipped = (e) => {
    for (let up = e.parentElement; up && up !== document.body; up = up.parentElement)
        if (getComputedStyle(up).overflowX !== "visible") return true;
    return false;
};
const out = [...document.body.querySelectorAll("*")].filter((e) =>
    e.checkVisibility() && e.getBoundingClientRect().right > root.clientWidth + 1 && !clipped(e));
return [`${root.scrollWidth - root.clientWidth} px: ` + out.slice(0, 3).map((e) => e.outerHTML.slice(0, 100)).join(", ")];
"#;

/// The distances between letters, words, lines and paragraphs that WCAG 1.4.12 lets a visitor ask for; taken back at the end.
pub(super) const SPACING_SCRIPT: &str = r#"
const sheet = new CSSStyleSheet();
sheet.replaceSync(`* { line-height: 1.5 !important; letter-spacing: 0.12em !important; word-spacing: 0.16em !important; }
    p { margin-bottom: 2em !important; }`);
const before = [...document.adoptedStyleSheets];
document.adoptedStyleSheets = [...before, sheet];
const cut = [...document.querySelectorAll("button, h1, h2, h3, p, label")].filter((e) => {
    const { overflowX, overflowY } = getComputedStyle(e);
    const cuts = overflowX !== "visible" || overflowY !== "visible";
    return cuts && e.checkVisibility() && !e.matches(".unseen, .name, td button") &&
        (e.scrollWidth > e.clientWidth + 1 || e.scrollHeight > e.clientHeight + 1);
});
const root = document.documentElement;
const wide = root.scrollWidth - root.clientWidth;
document.adoptedStyleSheets = before;
return [...(0 < wide ? [`${wide} px wider than the view`] : []), ...cut.map((e) => e.outerHTML.slice(0, 100))];
"#;

/// What moves, or would at a change.
pub(super) const MOVES_SCRIPT: &str = r#"
const running = document.getAnimations().filter((a) => a.playState === "running").map((a) =>
    `${a.animationName ?? a.transitionProperty} of ${a.effect.target.outerHTML.slice(0, 80)}`);
const would = [...document.querySelectorAll("*")].flatMap((e) => [null, "::before", "::after"].map((part) => {
    const { transitionDuration, animationName, scrollBehavior } = getComputedStyle(e, part);
    const moves = transitionDuration.split(", ").some((time) => parseFloat(time) > 0) ||
        animationName !== "none" || scrollBehavior === "smooth";
    return moves ? `${e.outerHTML.slice(0, 80)} ${part ?? ""}` : "";
})).filter((e) => e !== "");
return [...running, ...would];
"#;

/// Puts the keyboard before everything that the tab key should reach, in the open dialog, where there is one, and makes two
/// functions: one tells of what should be reached next, the other of what has been. What has the keyboard may let others be reached.
pub(super) const STOPS_SCRIPT: &str = r#"
const root = document.querySelector("dialog:modal") ?? document.body;
const selector = "a[href], button, input, select, textarea, summary, [tabindex]";
const reached = (e) => {
    if (e.tabIndex < 0 || e.disabled || !e.checkVisibility({ visibilityProperty: true })) return false;
    if (e.type !== "radio") return true;
    const group = [...root.querySelectorAll(`input[name="${e.name}"]`)];
    return e === (group.find((radio) => radio.checked) ?? group[0]);
};
const look = (e) => [e, e.closest("label")].filter(Boolean).map((part) => {
    const { outlineStyle, outlineWidth, outlineColor, boxShadow } = getComputedStyle(part);
    return outlineStyle === "none" ? boxShadow : `${outlineStyle} ${outlineWidth} ${outlineColor} ${boxShadow}`;
}).join(" / ");
const seen = (e) => {
    const { left, right, top, bottom } = (e.closest("label") ?? e).getBoundingClientRect();
    const within = (from, to, most, part) => Math.max(from, 0) + part * (Math.min(to, most) - Math.max(from, 0));
    return [0.1, 0.5, 0.9].some((x) => [0.1, 0.5, 0.9].some((y) => {
        const at = [within(left, right, innerWidth, x), within(top, bottom, innerHeight, y)];
        const over = document.elementFromPoint(...at);
        return over && (e.contains(over) || e.closest("label")?.contains(over));
    }));
};
const stop = (e, wanted) => ({
    name: `${e.tagName.toLowerCase()} ${(e.getAttribute("aria-label") ?? e.innerText ?? "").trim().slice(0, 40)} ${e.id}`,
    look: look(e),
    seen: seen(e),
    wanted,
});
const before = document.activeElement;
before?.blur();
const start = document.createElement("span");
start.tabIndex = -1;
root.prepend(start);
start.focus({ preventScroll: true });
start.remove();
let at = null;
let next = null;
window.stops = {
    next: () => {
        const behind = (e) => !at || at.compareDocumentPosition(e) & Node.DOCUMENT_POSITION_FOLLOWING;
        next = [...root.querySelectorAll(selector)].find((e) => reached(e) && behind(e)) ?? null;
        return next && stop(next, true);
    },
    reached: () => {
        at = document.activeElement;
        return stop(at, at === next);
    },
    end: () => before?.focus({ preventScroll: true }),
};
"#;

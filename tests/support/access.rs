//! What of accessibility can be measured in a page: the rules of axe-core, the sizes of targets, where the tab key goes, what
//! sticks out, and what moves.

use std::env;
use std::fs;

use anyhow::{Context, Result};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::page::Page;

/// How a visitor sees the page.
#[derive(Debug, Clone, Copy)]
pub struct View {
    /// CSS pixels.
    pub width: u32,
    /// CSS pixels.
    pub height: u32,
    /// `light` or `dark`.
    pub scheme: &'static str,
    /// Whether the colours are the system's.
    pub forced: bool,
    /// Whether nothing is to move.
    pub still: bool,
}

/// What axe-core says of a page, a line per element: rule, element and why.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct Barriers {
    /// What is wrong.
    pub violations: Vec<String>,
    /// What it could not decide.
    pub undecided: Vec<String>,
}

/// An element that the tab key should reach, or has reached.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Stop {
    /// What it is, in words.
    pub name: String,
    /// Its outlines and shadows, and those of its label.
    pub look: String,
    /// Whether something of it is in the view and lies on top.
    pub seen: bool,
}

/// Rules of WCAG 2.2 up to AA, and what is good practice beside them. The styles are read as they are applied: to fetch them anew
/// would be a request, and the page tells of each.
const AXE_SCRIPT: &str = r#"(async () => {
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
    return { violations: lines(results.violations), undecided: lines(results.incomplete) };
})()"#;

/// Targets that are smaller than 24 px in a direction (WCAG 2.5.8), but for those within a sentence, and for those so far from
/// all others that circles of 24 px around them touch neither another target nor such a circle.
const TARGETS_SCRIPT: &str = r#"
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
const WIDE_SCRIPT: &str = r#"
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
const SPACING_SCRIPT: &str = r#"
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
const MOVES_SCRIPT: &str = r#"
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

/// Remembers what the tab key should reach, in order, and puts the keyboard before the first of it: in the dialog, where one is open.
const STOPS_SCRIPT: &str = r#"
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
const name = (e) => `${e.tagName.toLowerCase()} ${(e.getAttribute("aria-label") ?? e.innerText ?? "").trim().slice(0, 40)} ${e.id}`;
const seen = (e) => {
    const box = (e.closest("label") ?? e).getBoundingClientRect();
    return [0.1, 0.5, 0.9].some((x) => [0.1, 0.5, 0.9].some((y) => {
        const top = document.elementFromPoint(box.left + x * box.width, box.top + y * box.height);
        return top && (e.contains(top) || e.closest("label")?.contains(top));
    }));
};
document.activeElement?.blur();
window.stopped = (e) => ({ name: name(e), look: look(e), seen: seen(e) });
const stops = [...root.querySelectorAll(selector)].filter(reached).map(window.stopped);
const start = document.createElement("span");
start.tabIndex = -1;
root.prepend(start);
start.focus({ preventScroll: true });
start.remove();
return stops;
"#;

impl Page {
    /// Sees the page that way from now on.
    pub async fn see(&self, view: View) -> Result<()> {
        let View { width, height, .. } = view;
        let size = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500 });
        let feature = |name: &str, value: &str| json!({ "name": name, "value": value });
        let forced = if view.forced { "active" } else { "none" };
        let motion = if view.still {
            "reduce"
        } else {
            "no-preference"
        };
        let media = json!({ "features": [
            feature("prefers-color-scheme", view.scheme),
            feature("forced-colors", forced),
            feature("prefers-reduced-motion", motion),
        ]});
        let devtools = &self.browser.devtools;
        devtools
            .command("Emulation.setDeviceMetricsOverride", size)
            .await?;
        devtools
            .command("Emulation.setEmulatedMedia", media)
            .await?;
        Ok(())
    }

    /// Asks axe-core, which comes into the page past its policy.
    pub async fn barriers(&self) -> Result<Barriers> {
        let devtools = &self.browser.devtools;
        if devtools.evaluate(None, "typeof axe").await? != "object" {
            let script =
                env::var_os("E2E_AXE").context("E2E_AXE does not name axe-core's script")?;
            let script = fs::read_to_string(script).context("axe-core cannot be read")?;
            devtools.evaluate(None, &format!("{script}; 0")).await?;
        }
        let found = devtools.evaluate(None, AXE_SCRIPT).await?;
        serde_json::from_value(found).context("axe-core answers otherwise")
    }

    /// Targets that are too small, with their sizes.
    pub async fn small_targets(&self) -> Result<Vec<String>> {
        self.lines(TARGETS_SCRIPT).await
    }

    /// What sticks out of the view sideways.
    pub async fn too_wide(&self) -> Result<Vec<String>> {
        self.lines(WIDE_SCRIPT).await
    }

    /// What sticks out or is cut off where a visitor asks for more space between letters, words and lines.
    pub async fn too_tight(&self) -> Result<Vec<String>> {
        self.lines(SPACING_SCRIPT).await
    }

    /// What moves, or would at a change.
    pub async fn moves(&self) -> Result<Vec<String>> {
        self.lines(MOVES_SCRIPT).await
    }

    /// What the tab key should reach, in order, from where the keyboard then is.
    pub async fn stops(&self) -> Result<Vec<Stop>> {
        let stops = self.browser.execute(STOPS_SCRIPT, vec![]).await?;
        Ok(serde_json::from_value(stops)?)
    }

    /// Presses the tab key, and returns what it has reached.
    pub async fn tab(&self) -> Result<Stop> {
        self.press("Tab").await?;
        let stop = self
            .browser
            .execute("return window.stopped(document.activeElement)", vec![])
            .await?;
        Ok(serde_json::from_value(stop)?)
    }

    async fn lines(&self, script: &str) -> Result<Vec<String>> {
        let lines: Value = self.browser.execute(script, vec![]).await?;
        Ok(serde_json::from_value(lines)?)
    }
}

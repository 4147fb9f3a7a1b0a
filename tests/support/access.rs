//! Looking for what keeps people out: axe-core's rules, and what it leaves to others.

use std::env;
use std::fs;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::page::Page;

/// Runs axe-core in the page, and lists what it finds wrong, a line each. What it cannot decide about contrast is computed here.
const CHECK: &str = r#"
const done = arguments[arguments.length - 1];
const wrong = [];
const where = (node) => node.target.join(" ");
const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
// Red, green, blue and opacity of a colour in any notation.
const parts = (colour) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
    return [r, g, b, a / 255];
};
const over = (top, below) => top.slice(0, 3).map((part, i) => part * top[3] + below[i] * (1 - top[3]));
// What lies behind an element's text.
const behind = (element) => {
    if (!element) return [255, 255, 255];
    const own = parts(getComputedStyle(element).backgroundColor);
    return own[3] === 1 ? own.slice(0, 3) : over(own, behind(element.parentElement));
};
const luminance = (colour) => {
    const [r, g, b] = colour.map((part) => {
        const share = part / 255;
        return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const contrast = (style, ground) => {
    const [a, b] = [luminance(over(parts(style.color), ground)), luminance(ground)];
    return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
};
const least = (style) => {
    const size = parseFloat(style.fontSize);
    return size >= 24 || (size >= 18.66 && style.fontWeight >= 700) ? 3 : 4.5;
};
const checkContrast = (element, what) => {
    // The text of the note is the text field's, which lies over the marks.
    const inks = element.closest(".backdrop") ? document.getElementById("note") : element;
    const style = getComputedStyle(inks);
    const found = contrast(style, behind(element));
    if (found < least(style)) wrong.push(`contrast ${found.toFixed(2)}: ${what}`);
};
axe.run(document, {
    runOnly: { type: "tag", values: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] },
    rules: { "target-size": { enabled: true } },
    resultTypes: ["violations", "incomplete"],
}).then(({ violations, incomplete }) => {
    for (const { id, nodes } of violations) {
        for (const node of nodes) wrong.push(`${id}: ${where(node)}: ${node.failureSummary.replace(/\s+/g, " ")}`);
    }
    for (const { id, nodes } of incomplete) {
        for (const node of nodes) {
            if (id === "color-contrast") checkContrast(document.querySelector(node.target[0]), where(node));
            // A sign such as an arrow, whose name says what it does, is no text that the name would have to hold.
            else if (id === "label-content-name-mismatch" && !/\p{L}/u.test(document.querySelector(node.target[0]).innerText)) continue;
            else wrong.push(`undecided, ${id}: ${where(node)}`);
        }
    }
    // axe does not see what CSS writes: the short name above each mark.
    for (const mark of document.querySelectorAll("mark[data-code]")) {
        const style = getComputedStyle(mark, "::before");
        if (style.content === "none" || style.display === "none") continue;
        const found = contrast(style, behind(mark.parentElement));
        if (found < least(style)) wrong.push(`contrast ${found.toFixed(2)}: the name of ${mark.dataset.entity}`);
        // Types are told apart without colours, and marks from text where a person's own colours replace ours.
        const own = getComputedStyle(mark);
        const lines = [own.borderBottomStyle, own.textDecorationLine, own.outlineStyle];
        if (lines.every((line) => line === "none") && own.boxShadow === "none") wrong.push(`no line at ${mark.textContent}`);
    }
    const root = document.documentElement;
    const aside = root.scrollWidth - root.clientWidth;
    if (aside > 0) wrong.push(`${aside} pixels stick out at the side`);
    const running = document.getAnimations().filter((animation) => animation.playState === "running");
    if (matchMedia("(prefers-reduced-motion: reduce)").matches && running.length > 0) wrong.push(`${running.length} animations`);
    done([...new Set(wrong)]);
}, (error) => done([`axe-core failed: ${error}`]));
"#;

/// Where what is in the page can be pressed, and what of it Tab does not reach, in order.
const REACH: &str = r#"
const shown = (e) => e.checkVisibility({ visibilityProperty: true }) && e.getClientRects().length > 0;
const within = document.querySelector("dialog:modal") ?? document;
const all = Array.from(within.querySelectorAll("a[href], button, input, select, textarea, summary, [tabindex]"));
const group = (e) => e.type === "radio" ? document.querySelectorAll(`input[name="${e.name}"]:checked`)[0] ?? e : e;
window.toReach = new Set(all.filter((e) => shown(e) && !e.disabled && e.tabIndex >= 0 && group(e) === e));
document.activeElement?.blur();
getSelection().removeAllRanges();
return window.toReach.size;
"#;

/// What has the focus now, and whether one sees it: an outline, or another shadow or border than without the focus.
const FOCUSED: &str = r#"
const element = document.activeElement;
if (!element || element === document.body) return null;
const first = window.toReach.delete(element);
const look = () => {
    const { outlineStyle, outlineWidth, boxShadow, borderColor, backgroundColor } = getComputedStyle(element);
    return [outlineStyle !== "none" && parseFloat(outlineWidth) > 0 ? outlineWidth : "", boxShadow, borderColor, backgroundColor].join("/");
};
const within = element.closest("label, .editor") ?? element;
const around = () => look() + getComputedStyle(within).boxShadow + getComputedStyle(within).outlineStyle;
const focused = around();
element.blur();
const seen = focused !== around();
element.focus({ focusVisible: true, preventScroll: true });
const name = element.getAttribute("aria-label") || element.innerText?.trim().slice(0, 30) || element.dataset.testid || element.id;
return { first, seen, name: `${element.tagName} ${name}`, left: window.toReach.size };
"#;

/// A round through the page with the Tab key.
#[derive(Debug)]
pub struct Round {
    /// What had the focus, in order.
    pub reached: Vec<String>,
    /// Of that, what did not show it.
    pub unseen: Vec<String>,
    /// What never had it.
    pub missed: Vec<String>,
}

impl Page {
    /// What is wrong with the page as it stands, a line each.
    pub async fn barriers(&self) -> Result<Vec<String>> {
        let there = "return typeof axe === 'object'";
        if self.browser.execute(there, vec![]).await? == false {
            let path = env::var_os("E2E_AXE").context("E2E_AXE names no axe-core")?;
            let axe = fs::read_to_string(path).context("axe-core cannot be read")?;
            self.browser
                .devtools
                .evaluate(None, &format!("{axe};0"))
                .await?;
        }
        let found = self.browser.driver.execute_async(CHECK, vec![]).await;
        let found = found.context("axe-core does not answer")?;
        Ok(serde_json::from_value(found.json().clone())?)
    }

    /// Sets the view, with its size in CSS pixels, and what the visitor has asked the system for.
    pub async fn set_media(&self, width: u32, height: u32, media: &[(&str, &str)]) -> Result<()> {
        self.set_view(width, height, "light").await?;
        let mut features = vec![json!({ "name": "prefers-reduced-motion", "value": "reduce" })];
        features.extend(
            media
                .iter()
                .map(|(name, value)| json!({ "name": name, "value": value })),
        );
        let params = json!({ "features": features });
        self.browser
            .devtools
            .command("Emulation.setEmulatedMedia", params)
            .await?;
        Ok(())
    }

    /// Presses Tab until the focus has been everywhere that it gets to.
    pub async fn tab_through(&self) -> Result<Round> {
        let count = self.browser.execute(REACH, vec![]).await?;
        let count = count.as_u64().context("no number of controls")?;
        let (mut reached, mut unseen) = (Vec::new(), Vec::new());
        for _ in 0..count + 10 {
            self.press("Tab").await?;
            let focused = self.browser.execute(FOCUSED, vec![]).await?;
            let Value::Object(focused) = focused else {
                continue;
            };
            if focused["first"] == false {
                continue;
            }
            let name = focused["name"].as_str().unwrap_or_default().to_owned();
            if focused["seen"] == false {
                unseen.push(name.clone());
            }
            reached.push(name);
            if focused["left"] == 0 {
                break;
            }
        }
        let missed = "return Array.from(window.toReach, (e) => e.outerHTML.slice(0, 120))";
        let missed = self.browser.execute(missed, vec![]).await?;
        Ok(Round {
            reached,
            unseen,
            missed: serde_json::from_value(missed)?,
        })
    }
}

//! What of accessibility can be measured in a page: the rules of axe-core, the sizes of targets, where the tab key goes, what
//! sticks out, and what moves.

use std::env;
use std::fs;

use anyhow::{Context, Result};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::page::Page;

mod scripts;

use scripts::{
    AXE_SCRIPT, COLOURS_SCRIPT, CONTRAST_SCRIPT, DIFFER_SCRIPT, LISTEN_SCRIPT, MOVES_SCRIPT,
    SPACING_SCRIPT, STOPS_SCRIPT, TARGETS_SCRIPT, WIDE_SCRIPT,
};

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
#[derive(Debug, Deserialize)]
struct Stop {
    /// What it is, in words.
    name: String,
    /// Its outlines and shadows, and those of its label.
    look: String,
    /// Whether something of it is in the view and lies on top.
    seen: bool,
    /// Whether it is what should be reached.
    wanted: bool,
}

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
        let devtools = self.browser.devtools().context("no DevTools")?;
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
        let devtools = self.browser.devtools().context("no DevTools")?;
        if devtools.evaluate(None, "typeof axe").await? != "object" {
            let script =
                env::var_os("E2E_AXE").context("E2E_AXE does not name axe-core's script")?;
            let script = fs::read_to_string(script).context("axe-core cannot be read")?;
            devtools.evaluate(None, &format!("{script}; 0")).await?;
        }
        let script = format!("(async () => {{ {CONTRAST_SCRIPT} {AXE_SCRIPT} }})()");
        let found = devtools.evaluate(None, &script).await?;
        serde_json::from_value(found).context("axe-core answers otherwise")
    }

    /// The contrast of each pair, a colour and what it is on, within an element of an entity type, or of one with that hue.
    pub async fn contrasts(
        &self,
        entity: &str,
        hue: Option<u32>,
        pairs: &[(&str, &str)],
    ) -> Result<Vec<f64>> {
        let script = format!("{CONTRAST_SCRIPT} {COLOURS_SCRIPT}");
        let args = vec![json!(entity), json!(hue), json!(pairs)];
        let ratios = self.browser.execute(&script, args).await?;
        Ok(serde_json::from_value(ratios)?)
    }

    /// Whether the elements of each two selectors differ otherwise than by colour, where they are there.
    pub async fn differ(&self, pairs: &[(&str, &str)]) -> Result<Vec<Option<bool>>> {
        let differ = self.browser.execute(DIFFER_SCRIPT, vec![json!(pairs)]);
        Ok(serde_json::from_value(differ.await?)?)
    }

    /// Writes down what screen readers are told from now on.
    pub async fn listen(&self) -> Result<()> {
        self.browser.execute(LISTEN_SCRIPT, vec![]).await.map(drop)
    }

    /// What they have been told since [`Self::listen`], or since this was asked last.
    pub async fn told(&self) -> Result<Vec<String>> {
        self.lines("return window.told.splice(0)").await
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

    /// Goes through the page by the tab key and gives the keyboard back. Returns what it does not reach, or not in the order of
    /// the document, and what does not show that it has the keyboard, or lies wholly under something else then.
    pub async fn unreached(&self) -> Result<Vec<String>> {
        let ask = async |what: &str| -> Result<Option<Stop>> {
            let answer = format!("return window.stops.{what}()");
            let answer = self.browser.execute(&answer, vec![]).await?;
            Ok(serde_json::from_value(answer)?)
        };
        self.browser.execute(STOPS_SCRIPT, vec![]).await?;
        let mut wrong = Vec::new();
        while let Some(next) = ask("next").await? {
            self.press("Tab").await?;
            let reached = ask("reached")
                .await?
                .context("something has the keyboard")?;
            if !reached.wanted {
                wrong.push(format!(
                    "{} has the keyboard, not {}",
                    reached.name, next.name
                ));
                break;
            }
            if reached.look == next.look {
                wrong.push(format!("{} looks as without the keyboard", next.name));
            }
            if !reached.seen {
                wrong.push(format!("{} lies under something else", next.name));
            }
        }
        ask("end").await?;
        Ok(wrong)
    }

    async fn lines(&self, script: &str) -> Result<Vec<String>> {
        let lines: Value = self.browser.execute(script, vec![]).await?;
        Ok(serde_json::from_value(lines)?)
    }
}

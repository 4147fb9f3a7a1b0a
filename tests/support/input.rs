//! Keyboard, mouse and touch as a person uses them, through the browser's own input.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::page::Page;

/// A place in the view, in CSS pixels.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
pub struct Place {
    /// From the left.
    pub x: f64,
    /// From the top.
    pub y: f64,
}

/// What points.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pointer {
    /// With one button.
    Mouse,
    /// One finger.
    Touch,
}

/// Between the events of one movement, so that the browser draws.
const MOVE: Duration = Duration::from_millis(30);

/// Scrolls an element into view and gives the middle of it, or of a text in it, or its first or last letter.
const PLACE_SCRIPT: &str = r#"
const [selector, text, where] = arguments;
const element = document.querySelector(selector);
if (!element) return null;
let box = element;
// What is in sight and clear of what floats over the page stays where it is, and so do the places that were asked for before.
const bring = (element) => {
    const { top, bottom, left, right } = box.getBoundingClientRect();
    const room = element.closest("[data-testid=inspector], dialog") ? [0, innerHeight] : [100, innerHeight - 330];
    if (top < room[0] || room[1] < bottom) element.scrollIntoView({ block: "center", behavior: "instant" });
    // A row that is pushed along.
    else if (left < 0 || innerWidth < right)
        element.scrollIntoView({ block: "nearest", inline: "center", behavior: "instant" });
};
if (text !== null) {
    const range = document.createRange();
    const walker = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
    let found = false;
    for (let node = walker.nextNode(); node && !found; node = walker.nextNode()) {
        const at = node.data.indexOf(text);
        if (at < 0) continue;
        const [start, end] = where === "first" ? [at, at + 1]
            : where === "last" ? [at + text.length - 1, at + text.length] : [at, at + text.length];
        range.setStart(node, start);
        range.setEnd(node, end);
        box = range;
        bring(node.parentElement);
        found = true;
    }
    if (!found) return null;
} else {
    bring(element);
}
const { left, right, top, bottom } = box.getBoundingClientRect();
// Whole pixels, as a mouse has them: from others Chromium selects nothing.
return { x: Math.round((left + right) / 2), y: Math.round((top + bottom) / 2) };
"#;

impl Page {
    /// Presses keys one after the other, each as in `Shift+ArrowRight`, wherever the focus is.
    pub async fn press(&self, keys: &str) -> Result<()> {
        let mut actions = Vec::new();
        for combination in keys.split(' ') {
            let parts = combination.split('+');
            let keys: Vec<String> = parts.map(key).collect::<Result<_>>()?;
            let event = |what, key: &String| json!({ "type": what, "value": key });
            actions.extend(keys.iter().map(|key| event("keyDown", key)));
            actions.extend(keys.iter().rev().map(|key| event("keyUp", key)));
        }
        let keyboard = json!({ "type": "key", "id": "keyboard", "actions": actions });
        self.browser.act(json!([keyboard])).await
    }

    /// The middle of an element that is scrolled into view.
    pub async fn middle_of(&self, selector: &str) -> Result<Place> {
        self.place(selector, None, "middle").await
    }

    /// A place of a text in the reviewed note: its `first` or `last` letter, or its `middle`.
    pub async fn in_note(&self, text: &str, at: &str) -> Result<Place> {
        self.place("[data-testid=review]", Some(text), at).await
    }

    async fn place(&self, selector: &str, text: Option<&str>, at: &str) -> Result<Place> {
        let place = self
            .browser
            .execute(PLACE_SCRIPT, vec![json!(selector), json!(text), json!(at)])
            .await?;
        serde_json::from_value(place).with_context(|| format!("{selector} {text:?} is not there"))
    }

    /// Moves the mouse, without a button.
    pub async fn hover(&self, Place { x, y }: Place) -> Result<()> {
        // It comes from somewhere: to where it is already, no browser moves it.
        for x in [x + 4.0, x] {
            self.point(Pointer::Mouse, "pointerMove", false, Place { x, y })
                .await?;
        }
        Ok(())
    }

    /// Presses at one place and lets go at it.
    pub async fn tap(&self, pointer: Pointer, place: Place) -> Result<()> {
        self.drag(pointer, place, place).await
    }

    /// Presses at one place, moves to another and lets go there.
    pub async fn drag(&self, pointer: Pointer, from: Place, to: Place) -> Result<()> {
        let on_the_way = |part: f64| Place {
            x: (from.x + part * (to.x - from.x)).round(),
            y: (from.y + part * (to.y - from.y)).round(),
        };
        // A mouse has come to where it presses, a finger comes down there.
        self.point(pointer, "pointerMove", false, from).await?;
        self.point(pointer, "pointerDown", true, from).await?;
        if from != to {
            // The browser begins to select only when a mouse has gone some way.
            // A finger that is lifted while it moves flings, and the next tap only ends that: it rests first.
            for part in [0.25, 0.5, 0.75, 1.0, 1.0, 1.0, 1.0] {
                let place = on_the_way(part);
                self.point(pointer, "pointerMove", true, place).await?;
            }
        }
        self.point(pointer, "pointerUp", false, to).await
    }

    /// One event of a pointer, pressed or not after it, and the time in which the browser draws.
    async fn point(&self, pointer: Pointer, what: &str, pressed: bool, place: Place) -> Result<()> {
        let Place { x, y } = place;
        if let Some(devtools) = self.browser.devtools() {
            // chromedriver's own actions neither select text nor lift a finger as a person does.
            if let Some((command, event)) = in_devtools(pointer, what, pressed, place) {
                devtools.command(command, event).await?;
            }
        } else {
            let kind = match pointer {
                Pointer::Mouse => "mouse",
                Pointer::Touch => "touch",
            };
            let event = match what {
                "pointerMove" => json!({ "type": what, "x": x, "y": y }),
                _ => json!({ "type": what, "button": 0 }),
            };
            let device = json!({
                "type": "pointer", "id": kind, "parameters": { "pointerType": kind }, "actions": [event],
            });
            self.browser.act(json!([device])).await?;
        }
        tokio::time::sleep(MOVE).await;
        Ok(())
    }
}

/// An event of a pointer as DevTools write it; none where a finger is not down.
fn in_devtools(
    pointer: Pointer,
    what: &str,
    pressed: bool,
    Place { x, y }: Place,
) -> Option<(&'static str, Value)> {
    let pick = |names: [&'static str; 3]| match what {
        "pointerDown" => names[0],
        "pointerMove" => names[1],
        _ => names[2],
    };
    match pointer {
        Pointer::Mouse => {
            let kind = pick(["mousePressed", "mouseMoved", "mouseReleased"]);
            let mut event = json!({ "type": kind, "x": x, "y": y });
            if pressed || what == "pointerUp" {
                event["button"] = json!("left");
                event["buttons"] = json!(u8::from(pressed));
            }
            if what != "pointerMove" {
                event["clickCount"] = json!(1);
            }
            Some(("Input.dispatchMouseEvent", event))
        }
        Pointer::Touch if what == "pointerMove" && !pressed => None,
        Pointer::Touch => {
            let kind = pick(["touchStart", "touchMove", "touchEnd"]);
            let points = if pressed {
                json!([{ "x": x, "y": y }])
            } else {
                json!([])
            };
            let event = json!({ "type": kind, "touchPoints": points });
            Some(("Input.dispatchTouchEvent", event))
        }
    }
}

/// A key as WebDriver writes it.
fn key(name: &str) -> Result<String> {
    let key = match name {
        "Shift" => '\u{e008}',
        "Control" => '\u{e009}',
        "Alt" => '\u{e00a}',
        "Meta" => '\u{e03d}',
        "Tab" => '\u{e004}',
        "Enter" => '\u{e007}',
        "Escape" => '\u{e00c}',
        "Space" => ' ',
        "End" => '\u{e010}',
        "Home" => '\u{e011}',
        "ArrowLeft" => '\u{e012}',
        "ArrowUp" => '\u{e013}',
        "ArrowRight" => '\u{e014}',
        "ArrowDown" => '\u{e015}',
        letter if letter.chars().count() == 1 => return Ok(letter.to_owned()),
        other => bail!("{other} is no key"),
    };
    Ok(key.into())
}

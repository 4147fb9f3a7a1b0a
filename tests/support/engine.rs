//! The engines that the tests drive, and what cannot be asked of each.

use std::env;
use std::fmt;
use std::fs::OpenOptions;
use std::io::Write as _;

use anyhow::{Context, Result, bail};

/// What draws the page and runs its programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    /// Chromium, by chromedriver and the DevTools protocol.
    Chromium,
    /// Firefox, by geckodriver and WebDriver BiDi.
    Firefox,
    /// WebKitGTK in its MiniBrowser, by WebKitWebDriver.
    WebKit,
}

/// What a test asks of a browser beside what every WebDriver can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// To be told which workers of the page run.
    Workers,
    /// Anything else of the DevTools protocol.
    DevTools,
    /// To be told whether the page can be installed.
    Installability,
    /// Several threads, and the instructions that their build is made of.
    Threads,
    /// A view of any size and colour scheme, and that of a printer.
    View,
    /// A profile that outlives the browser.
    Profile,
    /// A finger.
    Touch,
}

impl Engine {
    /// The one that the environment variable `E2E_BROWSER` names; Chromium where there is none.
    ///
    /// # Errors
    /// When it names none.
    pub fn asked_for() -> Result<Self> {
        match env::var("E2E_BROWSER").as_deref() {
            Err(_) | Ok("chromium") => Ok(Self::Chromium),
            Ok("firefox") => Ok(Self::Firefox),
            Ok("webkit") => Ok(Self::WebKit),
            Ok(other) => bail!("E2E_BROWSER={other}: chromium, firefox or webkit was expected"),
        }
    }

    /// Whether a worker hears of requests that the policy has kept it from, as the specification asks.
    pub fn tells_workers(self) -> bool {
        self != Self::WebKit
    }

    /// Why it does not have what a test needs; `None` where it has it. A test that needs it is left out then, and counted.
    pub fn lacks(self, need: Need) -> Option<&'static str> {
        match (self, need) {
            (Self::Chromium, _) => None,
            (_, Need::DevTools) => Some("only DevTools do what it asks for"),
            (_, Need::Workers) => Some("only DevTools tell which workers run"),
            (_, Need::Installability) => Some("only DevTools tell whether a page can be installed"),
            (Self::Firefox, Need::Threads | Need::View | Need::Profile | Need::Touch) => None,
            (Self::WebKit, Need::Threads) => {
                Some("it has no relaxed SIMD, of which the build with threads is made")
            }
            (Self::WebKit, Need::View) => {
                Some("nothing sets its colour scheme, its medium, or a view of any size")
            }
            (Self::WebKit, Need::Profile) => Some("it keeps nothing after it was automated"),
            (Self::WebKit, Need::Touch) => Some("its WebDriver has no finger"),
        }
    }
}

impl fmt::Display for Engine {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(match self {
            Self::Chromium => "Chromium",
            Self::Firefox => "Firefox",
            Self::WebKit => "WebKitGTK",
        })
    }
}

/// Puts a test that is left out on the list in the file that the environment variable `E2E_LEFT_OUT` names, which
/// `cargo xtask test` prints in the end.
pub fn leave_out(why: &str) -> Result<()> {
    let thread = std::thread::current();
    let line = format!("{}: {why}\n", thread.name().unwrap_or("a test"));
    print!("left out: {line}");
    if let Some(list) = env::var_os("E2E_LEFT_OUT") {
        let mut list = OpenOptions::new()
            .append(true)
            .create(true)
            .open(&list)
            .with_context(|| format!("cannot write to {}", list.display()))?;
        list.write_all(line.as_bytes())?;
    }
    Ok(())
}

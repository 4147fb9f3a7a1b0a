//! The build that is a single file, opened as one: from a folder, without a server and without a network.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use e2e::ear::EAR;
use e2e::notes::{EXAMPLE, EXAMPLE_FOUND};
use e2e::page::{LOAD, SHORT_NOTE};
use e2e::shelf::SOON;
use e2e::{Session, Setup, single_file};
use tempfile::TempDir;

/// How browsers begin what they say of something that a policy forbids.
pub(crate) const POLICY: &[&str] = &[
    "Content Security Policy",
    "Content-Security-Policy",
    "violates the document's",
];

/// A stick, as somebody would name it.
struct Stick {
    folder: TempDir,
}

impl Stick {
    fn new() -> Result<Self> {
        let folder = TempDir::with_prefix("e2e Stick Nº 1 #")?;
        Ok(Self { folder })
    }

    /// Puts the file there, changed by `change`, and returns its address.
    fn put(&self, change: impl FnOnce(&mut String) -> Result<()>) -> Result<String> {
        let mut page = fs::read_to_string(single_file()?)?;
        change(&mut page)?;
        let path: PathBuf = self.folder.path().join("clinical-ner.html");
        fs::write(&path, page)?;
        let path = path.to_str().context("a path that is no text")?;
        let path = path
            .replace(' ', "%20")
            .replace('#', "%23")
            .replace('º', "%C2%BA");
        Ok(format!("file://{path}"))
    }
}

fn open(at: String, expected_problems: &'static [&'static str]) -> Setup {
    Setup {
        at: Some(at),
        expected_problems,
        ..Setup::default()
    }
}

#[test]
fn single_file_needs_nothing_else() -> Result<()> {
    let stick = Stick::new()?;
    Session::run(open(stick.put(|_| Ok(()))?, &[]), async |page| {
        page.ready(LOAD).await?;
        page.browser.go_offline().await?;
        let look = page.analyse(EXAMPLE, SHORT_NOTE).await?;
        look.check()?;
        assert_eq!(look.found(), EXAMPLE_FOUND);
        // A model of the visitor's, and back.
        let own = crate::model::renamed("Symptoms", "Findings")?;
        page.choose("own-model", &[&own]).await?;
        page.until("the other model is shown", LOAD, async || {
            let shown = page.text("model-file").await?;
            Ok(shown.contains("renamed.safetensors").then_some(()))
        })
        .await?;
        page.ready(LOAD).await?;
        page.click_on(".choice [data-testid=site-model]").await?;
        page.until("the file's own model is shown", LOAD, async || {
            let shown = page.text("model-file").await?;
            Ok(shown.contains("models/default").then_some(()))
        })
        .await?;
        assert_eq!(page.ready(LOAD).await?.found(), EXAMPLE_FOUND);
        assert_eq!(
            page.export("csv", false, "Download").await?,
            "Saved as Note_1.csv."
        );
        let table = page.downloaded("Note_1.csv", SOON).await?;
        ensure!(table.contains("irregular periods"), "{table}");

        assert_eq!(
            page.text("sent").await?,
            "Since it was ready, this page has sent nothing."
        );
        let requests = page.browser.requests();
        let outside = requests.iter().filter(|request| {
            !["blob:", "data:", "file:"]
                .iter()
                .any(|own| request.contains(own))
        });
        assert_eq!(outside.collect::<Vec<_>>(), [""; 0]);
        assert_eq!(page.server.log(), [""; 0]);
        Ok(())
    })
}

#[test]
fn policy_of_the_single_file_lets_nothing_out() -> Result<()> {
    let stick = Stick::new()?;
    let listens = |page: &mut String| {
        *page = page.replacen("<head>", &format!("<head><script>{EAR}</script>"), 1);
        Ok(())
    };
    Session::run(open(stick.put(listens)?, POLICY), async |page| {
        page.ready(LOAD).await?;
        let server = page.server.url();
        assert_eq!(page.fetch(&server).await?, "refused");
        assert_eq!(page.fetch_in_worker(&server).await?, "refused");
        // A script that was put into the page.
        let inline = "const script = document.createElement('script'); script.textContent = 'window.ran = true'; \
                      document.body.append(script); return window.ran === true";
        assert_eq!(page.browser.execute(inline, vec![]).await?, false);
        assert_eq!(page.server.log(), [""; 0]);
        let told = 2 + usize::from(page.browser.engine.tells_workers());
        page.until("all are shown", SOON, async || {
            let shown = page.text("sent").await?;
            Ok((shown.matches("(blocked)").count() == told).then_some(()))
        })
        .await
    })
}

#[test]
fn damaged_single_file_says_so() -> Result<()> {
    // A file on its way loses a few bits; what it says then names the part.
    let damage = |part: &'static str| {
        move |page: &mut String| {
            let start = format!("data-part=\"{part}");
            let found: Vec<_> = page.match_indices(&start).map(|(at, _)| at).collect();
            ensure!(!found.is_empty(), "{part} is not in the file");
            for at in found {
                // In its middle, in a model behind the header; one letter for another.
                let end = page[at..].find("</").context("the part has no end")?;
                let at = at + end / 2;
                let other = if &page[at..=at] == "A" { "B" } else { "A" };
                page.replace_range(at..=at, other);
            }
            Ok(())
        }
    };
    let stick = Stick::new()?;
    for (part, said) in [
        // Whichever of them runs here.
        (
            "worker-",
            &["is damaged in this file: copy the file again"][..],
        ),
        // Of the file, or of a part of it where the browser hands the file over in pieces.
        ("models/default/", &["SHA-256", "checksum"]),
    ] {
        let at = stick.put(damage(part))?;
        Session::run(open(at, &[]), async |page| {
            let look = page.state("error", LOAD).await?;
            let is_said = said.iter().any(|words| look.error.contains(words));
            ensure!(is_said, "{part}: {}", look.error);
            Ok(())
        })?;
    }
    let whole = stick.put(|_| Ok(()))?;
    Session::run(open(whole, &["app.wasm is damaged"]), async |page| {
        page.ready(LOAD).await?;
        let at = stick.put(damage("app.wasm"))?;
        page.browser.goto(&at).await?;
        page.until("the page says so", LOAD, async || {
            let text = page
                .browser
                .execute("return document.body.innerText", vec![])
                .await?;
            let said =
                "The page could not start: app.wasm is damaged in this file: copy the file again.";
            Ok(text
                .as_str()
                .is_some_and(|text| text.contains(said))
                .then_some(()))
        })
        .await
    })
}

//! One test's own server and browser.

use std::env;
use std::ops::Deref;
use std::panic::AssertUnwindSafe;
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use futures_util::FutureExt;

use crate::browser::Browser;
use crate::engine::{Engine, Need, leave_out};
use crate::page::Page;
use crate::server::{Fault, MODEL, Server};

/// How a test's server and browser differ from the usual.
#[derive(Debug, Clone)]
pub struct Setup {
    /// Path below which the site is served; begins and ends with a slash.
    pub base: &'static str,
    /// What stands behind the page's address, with its question mark.
    pub query: &'static str,
    /// Whether the server isolates the page from other origins, without which there are no threads.
    pub isolated: bool,
    /// The folder that is served instead of the built site.
    pub site: Option<PathBuf>,
    /// What the server does to the model.
    pub fault: Fault,
    /// Part of the path of the files that the fault strikes instead of the model.
    pub spoiled: &'static str,
    /// The browser's profile, for a test that comes again; a fresh one where none is named.
    pub profile: Option<PathBuf>,
    /// Address to open instead of the server's.
    pub at: Option<String>,
    /// Run in the page before its own first script.
    pub before: Option<&'static str>,
    /// What the test asks of the browser; in an engine that lacks any of it the test is left out, which is said.
    pub needs: &'static [Need],
    /// What problems in the console contain that the test provokes.
    pub expected_problems: &'static [&'static str],
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            base: "/",
            query: "",
            isolated: true,
            site: None,
            fault: Fault::None,
            spoiled: MODEL,
            profile: None,
            at: None,
            before: None,
            needs: &[],
            expected_problems: &[],
        }
    }
}

/// The page in its browser, and the server that it comes from.
#[derive(Debug)]
pub struct Session {
    /// The server.
    pub server: Server,
    page: Page,
}

impl Deref for Session {
    type Target = Page;

    fn deref(&self) -> &Page {
        &self.page
    }
}

impl Session {
    /// Runs a test on the opened page. Whatever comes of it, the browser is closed.
    ///
    /// # Errors
    /// The test's own, or a problem in a console of the page or its worker that the test does not
    /// expect.
    ///
    /// # Panics
    /// As the test does.
    pub fn run(setup: Setup, test: impl AsyncFnOnce(&Session) -> Result<()>) -> Result<()> {
        let engine = Engine::asked_for()?;
        if let Some(why) = setup.needs.iter().find_map(|&need| engine.lacks(need)) {
            return leave_out(why);
        }
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()?;
        runtime.block_on(async {
            let site = setup.site.map_or_else(site_folder, Ok)?;
            let server = Server::start(
                &site,
                setup.base,
                setup.isolated,
                setup.spoiled,
                setup.fault,
            )
            .await?;
            let session = Session {
                server,
                page: Page {
                    browser: Browser::start(engine, setup.profile.as_deref()).await?,
                },
            };
            let done = AssertUnwindSafe(async {
                let script = session.browser.before(setup.before).await?;
                session.server.set_before(script);
                let url = setup.at.unwrap_or_else(|| session.server.url());
                session.open(&format!("{url}{}", setup.query)).await?;
                test(&session).await
            });
            let done = done.catch_unwind().await;
            if !matches!(done, Ok(Ok(()))) {
                println!("the server was asked for {:#?}", session.server.log());
            }
            let problems = session.page.browser.problems().await;
            let closed = session.page.browser.quit().await;
            done.unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
            let problems = problems?;
            closed?;
            let expected = |problem: &String| {
                setup
                    .expected_problems
                    .iter()
                    .any(|part| problem.contains(part))
            };
            let unexpected: Vec<_> = problems
                .into_iter()
                .filter(|problem| !expected(problem))
                .collect();
            ensure!(unexpected.is_empty(), "in the console: {unexpected:#?}");
            Ok(())
        })
    }
}

/// The build that is a single file; it lies beside the site.
///
/// # Errors
/// When it has not been built.
pub fn single_file() -> Result<PathBuf> {
    let file = site_folder()?.with_file_name("clinical-ner.html");
    ensure!(
        file.is_file(),
        "{} is not there: `cargo xtask dist --single-file` makes it",
        file.display()
    );
    Ok(file)
}

/// The npm package; it lies beside the site.
///
/// # Errors
/// When it has not been built.
pub fn package() -> Result<PathBuf> {
    let folder = site_folder()?.with_file_name("npm");
    ensure!(
        folder.join("package.json").is_file(),
        "{} is not there: `cargo xtask dist --npm` makes it",
        folder.display()
    );
    Ok(folder)
}

/// The built site.
///
/// # Errors
/// When it has not been built.
pub fn site_folder() -> Result<PathBuf> {
    let folder = env::var_os("E2E_SITE").map(PathBuf::from);
    let folder = folder.context(
        "E2E_SITE does not name the built site: `cargo xtask test --only browser` runs these tests",
    )?;
    ensure!(
        folder.join("index.html").is_file(),
        "{} holds no index.html",
        folder.display()
    );
    Ok(folder)
}

//! The DevTools protocol, over the page and every worker that it starts.
//!
//! Everything is switched on before a worker runs its first line, so that nothing it says or
//! requests is missed.

use std::sync::{Arc, Mutex, Weak};

use anyhow::{Result, bail};
use serde_json::{Value, json};

use crate::wire::{Event, Wire, lock};

/// The protocol's error code for a target that is gone.
const SESSION_NOT_FOUND: &str = "\"code\":-32001";

/// The events that announce that something is about to leave the page.
const REQUESTS: [&str; 4] = [
    "Network.requestWillBeSent",
    "Network.webSocketCreated",
    "Network.webTransportCreated",
    "Network.directTCPSocketCreated",
];

/// A page, or something that it started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Name of the protocol's session with it; `None` for the page itself.
    pub session: Option<String>,
    /// `page`, `worker` and so on.
    pub kind: String,
    /// Address of its script.
    pub url: String,
    /// Whether it has not ended yet.
    pub running: bool,
}

/// A connection to one page.
#[derive(Debug)]
pub struct DevTools {
    wire: Arc<Wire>,
    targets: Arc<Mutex<Vec<Target>>>,
}

impl DevTools {
    /// Connects to a page (`ws://HOST/devtools/page/ID`) and switches everything on.
    pub async fn connect(url: &str) -> Result<Self> {
        let page = Target {
            session: None,
            kind: "page".into(),
            url: String::new(),
            running: true,
        };
        let targets = Arc::new(Mutex::new(vec![page.clone()]));
        let known = Arc::clone(&targets);
        let hear = move |wire: &Arc<Wire>, event: &Event| hear(wire, &known, event);
        let wire = Wire::connect(url, hear).await?;
        switch_on(&wire, &page).await?;
        Ok(Self { wire, targets })
    }

    /// Sends a command to the page.
    pub async fn command(&self, method: &str, params: Value) -> Result<Value> {
        self.wire.command(None, method, params).await
    }

    /// The page's workers, whether they still run or not.
    pub fn workers(&self) -> Vec<Target> {
        let targets = lock(&self.targets);
        targets
            .iter()
            .filter(|target| target.kind == "worker")
            .cloned()
            .collect()
    }

    /// Evaluates an expression in the page or a worker, waits for the promise that it may give, and
    /// returns its value.
    pub async fn evaluate(&self, session: Option<&str>, expression: &str) -> Result<Value> {
        let params =
            json!({ "expression": expression, "awaitPromise": true, "returnByValue": true });
        let answer = self
            .wire
            .command(session, "Runtime.evaluate", params)
            .await?;
        if let Some(exception) = answer.get("exceptionDetails") {
            bail!("{expression}: {}", exception["exception"]["description"]);
        }
        Ok(answer["result"]["value"].clone())
    }

    /// Everything that was requested by the page and its workers so far: `KIND URL`.
    pub fn requests(&self) -> Vec<String> {
        let events = lock(&self.wire.events);
        let requests = events
            .iter()
            .filter(|(_, method, _)| REQUESTS.contains(&method.as_str()));
        let line = |(session, _, params): &Event| {
            let url = params["request"]["url"]
                .as_str()
                .or_else(|| params["url"].as_str())
                .unwrap_or("(no address)");
            format!("{} {url}", self.kind(session.as_deref()))
        };
        requests.map(line).collect()
    }

    /// Whatever the browser has told of page and workers that contains a text: requests with their addresses and bodies, and
    /// lines of their consoles.
    pub fn mentions(&self, text: &str) -> Vec<String> {
        self.wire.mentions(text)
    }

    /// Errors, warnings and uncaught exceptions in the consoles of the page and its workers;
    /// violations of the Content-Security-Policy are among them.
    pub fn problems(&self) -> Vec<String> {
        let events = lock(&self.wire.events);
        events
            .iter()
            .filter_map(|(session, method, params)| {
                problem(method, params).map(|text| (session, text))
            })
            .map(|(session, text)| format!("{}: {text}", self.kind(session.as_deref())))
            .collect()
    }

    fn kind(&self, session: Option<&str>) -> String {
        let targets = lock(&self.targets);
        let target = targets
            .iter()
            .find(|target| target.session.as_deref() == session);
        target.map_or_else(|| "unknown target".to_owned(), |target| target.kind.clone())
    }
}

fn problem(method: &str, params: &Value) -> Option<String> {
    let grave = |level: &Value| matches!(level.as_str(), Some("error" | "warning" | "assert"));
    match method {
        "Runtime.exceptionThrown" => Some(format!(
            "{} {}",
            params["exceptionDetails"]["text"],
            params["exceptionDetails"]["exception"]["description"]
        )),
        "Runtime.consoleAPICalled" if grave(&params["type"]) => Some(params["args"].to_string()),
        "Log.entryAdded" if grave(&params["entry"]["level"]) => Some(format!(
            "{} {}",
            params["entry"]["text"], params["entry"]["url"]
        )),
        _ => None,
    }
}

async fn switch_on(wire: &Wire, target: &Target) -> Result<()> {
    let session = target.session.as_deref();
    for domain in ["Network", "Runtime", "Log"] {
        wire.command(session, &format!("{domain}.enable"), json!({}))
            .await?;
    }
    let attach = json!({ "autoAttach": true, "waitForDebuggerOnStart": true, "flatten": true });
    wire.command(session, "Target.setAutoAttach", attach)
        .await?;
    wire.command(session, "Runtime.runIfWaitingForDebugger", json!({}))
        .await?;
    Ok(())
}

/// Knows the targets that come and go.
fn hear(wire: &Arc<Wire>, targets: &Arc<Mutex<Vec<Target>>>, (_, method, params): &Event) {
    if method == "Target.attachedToTarget" {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let target = Target {
            session: Some(text(&params["sessionId"])),
            kind: text(&params["targetInfo"]["type"]),
            url: text(&params["targetInfo"]["url"]),
            running: true,
        };
        lock(targets).push(target.clone());
        tokio::spawn(watch(Arc::downgrade(wire), Arc::clone(targets), target));
    }
    if method == "Target.detachedFromTarget" {
        let ended = params["sessionId"].as_str();
        for target in &mut *lock(targets) {
            target.running &= target.session.as_deref() != ended;
        }
    }
}

/// Switches everything on in a target that waits for it. A failure is recorded where tests look for
/// problems, unless the target has ended: until everything is on it runs nothing, so that nothing was
/// missed.
async fn watch(wire: Weak<Wire>, targets: Arc<Mutex<Vec<Target>>>, target: Target) {
    let Some(wire) = wire.upgrade() else {
        return;
    };
    if target.kind == "service_worker" {
        // It answers to nothing before it runs, and the browser may end it at any time. What it requests the server sees.
        let session = target.session.as_deref();
        let run = wire.command(session, "Runtime.runIfWaitingForDebugger", json!({}));
        let _ = run.await;
        return;
    }
    if let Err(error) = switch_on(&wire, &target).await {
        // The end of a worker's own worker is not announced once the former is gone.
        let gone = error.to_string().contains(SESSION_NOT_FOUND);
        let mut targets = lock(&targets);
        let ended = targets
            .iter_mut()
            .find(|known| known.session == target.session)
            .is_some_and(|known| {
                known.running &= !gone;
                !known.running
            });
        drop(targets);
        if ended {
            return;
        }
        let text = format!("cannot be watched: {error:#}");
        let details = json!({ "exceptionDetails": { "text": text } });
        lock(&wire.events).push((target.session, "Runtime.exceptionThrown".into(), details));
    }
}

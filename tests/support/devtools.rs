//! The DevTools protocol, over the page and every worker that it starts.
//!
//! Everything is switched on before a worker runs its first line, so that nothing it says or
//! requests is missed.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::sync::{mpsc, oneshot};
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::Message;

/// How long the browser may take to answer a command.
const ANSWER: Duration = Duration::from_secs(30);

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
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    out: mpsc::UnboundedSender<String>,
    next: AtomicU64,
    pending: Mutex<HashMap<u64, oneshot::Sender<Value>>>,
    events: Mutex<Vec<(Option<String>, String, Value)>>,
    targets: Mutex<Vec<Target>>,
}

impl DevTools {
    /// Connects to a page (`ws://HOST/devtools/page/ID`) and switches everything on.
    pub async fn connect(url: &str) -> Result<Self> {
        let (socket, _) = connect_async(url)
            .await
            .with_context(|| format!("no DevTools at {url}"))?;
        let (mut sink, mut stream) = socket.split();
        let (out, mut outgoing) = mpsc::unbounded_channel::<String>();
        let page = Target {
            session: None,
            kind: "page".into(),
            url: String::new(),
            running: true,
        };
        let shared = Arc::new(Shared {
            out,
            next: AtomicU64::new(1),
            pending: Mutex::default(),
            events: Mutex::default(),
            targets: Mutex::new(vec![page.clone()]),
        });
        tokio::spawn(async move {
            while let Some(text) = outgoing.recv().await {
                if sink.send(Message::text(text)).await.is_err() {
                    break;
                }
            }
        });
        // Weak, so that the connection ends with its last user.
        let reader = Arc::downgrade(&shared);
        tokio::spawn(async move {
            while let Some(Ok(message)) = stream.next().await {
                let Some(shared) = reader.upgrade() else {
                    break;
                };
                if let Some(message) = message
                    .to_text()
                    .ok()
                    .and_then(|text| serde_json::from_str(text).ok())
                {
                    receive(&shared, message);
                }
            }
        });
        shared.switch_on(&page).await?;
        Ok(Self { shared })
    }

    /// Sends a command to the page.
    pub async fn command(&self, method: &str, params: Value) -> Result<Value> {
        self.shared.command(None, method, params).await
    }

    /// The page's workers, whether they still run or not.
    pub fn workers(&self) -> Vec<Target> {
        let targets = lock(&self.shared.targets);
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
            .shared
            .command(session, "Runtime.evaluate", params)
            .await?;
        if let Some(exception) = answer.get("exceptionDetails") {
            bail!("{expression}: {}", exception["exception"]["description"]);
        }
        Ok(answer["result"]["value"].clone())
    }

    /// Everything that was requested by the page and its workers so far: `KIND URL`.
    pub fn requests(&self) -> Vec<String> {
        let events = lock(&self.shared.events);
        let requests = events
            .iter()
            .filter(|(_, method, _)| REQUESTS.contains(&method.as_str()));
        let line = |(session, _, params): &(Option<String>, String, Value)| {
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
        let events = lock(&self.shared.events);
        let told = events
            .iter()
            .map(|(_, method, params)| format!("{method} {params}"));
        told.filter(|told| told.contains(text)).collect()
    }

    /// Errors, warnings and uncaught exceptions in the consoles of the page and its workers;
    /// violations of the Content-Security-Policy are among them.
    pub fn problems(&self) -> Vec<String> {
        let events = lock(&self.shared.events);
        events
            .iter()
            .filter_map(|(session, method, params)| {
                problem(method, params).map(|text| (session, text))
            })
            .map(|(session, text)| format!("{}: {text}", self.kind(session.as_deref())))
            .collect()
    }

    fn kind(&self, session: Option<&str>) -> String {
        let targets = lock(&self.shared.targets);
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

impl Shared {
    async fn command(&self, session: Option<&str>, method: &str, params: Value) -> Result<Value> {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let (sender, answer) = oneshot::channel();
        lock(&self.pending).insert(id, sender);
        let mut frame = json!({ "id": id, "method": method, "params": params });
        if let Some(session) = session {
            frame["sessionId"] = session.into();
        }
        self.out
            .send(frame.to_string())
            .ok()
            .with_context(|| format!("{method}: the browser is gone"))?;
        let answer = tokio::time::timeout(ANSWER, answer).await;
        let mut answer = answer
            .with_context(|| format!("{method}: no answer within {ANSWER:?}"))?
            .with_context(|| format!("{method}: the browser is gone"))?;
        if let Some(error) = answer.get("error") {
            bail!("{method}: {error}");
        }
        Ok(answer["result"].take())
    }

    async fn switch_on(&self, target: &Target) -> Result<()> {
        let session = target.session.as_deref();
        for domain in ["Network", "Runtime", "Log"] {
            self.command(session, &format!("{domain}.enable"), json!({}))
                .await?;
        }
        let attach = json!({ "autoAttach": true, "waitForDebuggerOnStart": true, "flatten": true });
        self.command(session, "Target.setAutoAttach", attach)
            .await?;
        self.command(session, "Runtime.runIfWaitingForDebugger", json!({}))
            .await?;
        Ok(())
    }
}

fn receive(shared: &Arc<Shared>, mut message: Value) {
    if let Some(id) = message["id"].as_u64() {
        if let Some(sender) = lock(&shared.pending).remove(&id) {
            // Whoever asked may have stopped waiting.
            let _ = sender.send(message);
        }
        return;
    }
    let session = message["sessionId"].as_str().map(str::to_owned);
    let method = message["method"].as_str().unwrap_or_default().to_owned();
    let params = message["params"].take();
    if method == "Target.attachedToTarget" {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let target = Target {
            session: Some(text(&params["sessionId"])),
            kind: text(&params["targetInfo"]["type"]),
            url: text(&params["targetInfo"]["url"]),
            running: true,
        };
        lock(&shared.targets).push(target.clone());
        tokio::spawn(watch(Arc::downgrade(shared), target));
    }
    if method == "Target.detachedFromTarget" {
        let ended = params["sessionId"].as_str();
        for target in &mut *lock(&shared.targets) {
            target.running &= target.session.as_deref() != ended;
        }
    }
    lock(&shared.events).push((session, method, params));
}

/// Switches everything on in a target that waits for it. A failure is recorded where tests look for
/// problems, unless the target has ended: until everything is on it runs nothing, so that nothing was
/// missed.
async fn watch(shared: Weak<Shared>, target: Target) {
    let Some(shared) = shared.upgrade() else {
        return;
    };
    if target.kind == "service_worker" {
        // It answers to nothing before it runs, and the browser may end it at any time. What it requests the server sees.
        let session = target.session.as_deref();
        let run = shared.command(session, "Runtime.runIfWaitingForDebugger", json!({}));
        let _ = run.await;
        return;
    }
    if let Err(error) = shared.switch_on(&target).await {
        // The end of a worker's own worker is not announced once the former is gone.
        let gone = error.to_string().contains(SESSION_NOT_FOUND);
        let mut targets = lock(&shared.targets);
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
        lock(&shared.events).push((target.session, "Runtime.exceptionThrown".into(), details));
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().expect("no panic holds the lock")
}

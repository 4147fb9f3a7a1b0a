//! A connection over which a browser takes commands and tells what happens in it: a WebSocket with a JSON object in each
//! message. The DevTools protocol and WebDriver BiDi both speak so.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::sync::{mpsc, oneshot};
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::Message;

/// How long the browser may take to answer a command.
const ANSWER: Duration = Duration::from_secs(30);

/// Something that the browser told: the session that it is of, its name and what belongs to it.
pub(crate) type Event = (Option<String>, String, Value);

/// The connection.
#[derive(Debug)]
pub(crate) struct Wire {
    out: mpsc::UnboundedSender<String>,
    next: AtomicU64,
    pending: Mutex<HashMap<u64, oneshot::Sender<Value>>>,
    /// Everything so far.
    pub(crate) events: Mutex<Vec<Event>>,
}

impl Wire {
    /// Connects. Each event is given to `hear` before it is kept. The connection ends with the last user of what is returned.
    pub(crate) async fn connect(
        url: &str,
        hear: impl Fn(&Arc<Self>, &Event) + Send + 'static,
    ) -> Result<Arc<Self>> {
        let (socket, _) = connect_async(url)
            .await
            .with_context(|| format!("nothing listens at {url}"))?;
        let (mut sink, mut stream) = socket.split();
        let (out, mut outgoing) = mpsc::unbounded_channel::<String>();
        let wire = Arc::new(Self {
            out,
            next: AtomicU64::new(1),
            pending: Mutex::default(),
            events: Mutex::default(),
        });
        tokio::spawn(async move {
            while let Some(text) = outgoing.recv().await {
                if sink.send(Message::text(text)).await.is_err() {
                    break;
                }
            }
        });
        let reader = Arc::downgrade(&wire);
        tokio::spawn(async move {
            while let Some(Ok(message)) = stream.next().await {
                let Some(wire) = reader.upgrade() else {
                    break;
                };
                let message = message.to_text().ok();
                if let Some(message) = message.and_then(|text| serde_json::from_str(text).ok())
                    && let Some(event) = wire.receive(message)
                {
                    hear(&wire, &event);
                    lock(&wire.events).push(event);
                }
            }
        });
        Ok(wire)
    }

    /// Sends a command, to a session of the protocol where one is named, and returns the answer's result.
    pub(crate) async fn command(
        &self,
        session: Option<&str>,
        method: &str,
        params: Value,
    ) -> Result<Value> {
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
            // DevTools puts all of it into this field, WebDriver BiDi a word, and the rest beside it.
            bail!("{method}: {error} {}", answer["message"]);
        }
        Ok(answer["result"].take())
    }

    /// Hands an answer to whoever waits for it; returns what is an event.
    fn receive(&self, mut message: Value) -> Option<Event> {
        if let Some(id) = message["id"].as_u64() {
            if let Some(sender) = lock(&self.pending).remove(&id) {
                // Whoever asked may have stopped waiting.
                let _ = sender.send(message);
            }
            return None;
        }
        let session = message["sessionId"].as_str().map(str::to_owned);
        let method = message["method"].as_str().unwrap_or_default().to_owned();
        Some((session, method, message["params"].take()))
    }

    /// Everything that was told so far and contains a text.
    pub(crate) fn mentions(&self, text: &str) -> Vec<String> {
        let events = lock(&self.events);
        let told = events
            .iter()
            .map(|(_, method, params)| format!("{method} {params}"));
        told.filter(|told| told.contains(text)).collect()
    }
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().expect("no panic holds the lock")
}

//! The worker: fetches the model, then finds the entities of one text after the other, and evaluates the model on documents.
//!
//! It runs apart from the page, so that the page never waits for the network (the neural one). See `web::protocol` for what the two
//! say to each other.
#![forbid(unsafe_code)]

mod classification;
mod download;
mod evaluation;
mod scope;
mod session;
mod team;

use std::cell::OnceCell;
use std::rc::Rc;
use std::sync::Arc;

use engine::Team;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::spawn_local;
use web::protocol::{Event, Failure, Request};
use web_sys::MessageEvent;

use session::{Incomplete, Session};

fn main() {
    // A panic ends the worker (panic = "abort"), and its trap tells the page nothing but "unreachable".
    std::panic::set_hook(Box::new(|panic| {
        team::give_up();
        scope::fail(Failure::Analysis, format!("Internal error: {panic}."));
    }));

    let session: Rc<OnceCell<Rc<Session>>> = Rc::default();
    let on_message = Closure::<dyn Fn(MessageEvent)>::new(move |message: MessageEvent| {
        match (
            serde_wasm_bindgen::from_value(message.data()),
            session.get(),
        ) {
            (
                Ok(Request::Load {
                    name,
                    bytes,
                    sha256,
                    threads,
                }),
                None,
            ) => {
                // Before the model is there, so that the helpers' scripts come along with it and nothing later.
                let team = team::start(threads);
                spawn_local(load(name, bytes, sha256, team, Rc::clone(&session)))
            }
            (Ok(Request::Analyse { revision, text }), Some(session)) => {
                // Before anything else: this is what stops the text before.
                session.want(revision);
                spawn_local(analyse(Rc::clone(session), revision, text));
            }
            (Ok(Request::Stop), Some(session)) => session.want(session::NO_TEXT),
            // Nothing can be under way.
            (Ok(Request::Stop), None) => {}
            (
                Ok(Request::Evaluate {
                    revision,
                    file,
                    content,
                }),
                Some(session),
            ) => {
                session.want_evaluation(Some(revision));
                spawn_local(evaluation::run(Rc::clone(session), revision, file, content));
            }
            (Ok(Request::StopEvaluation), Some(session)) => session.want_evaluation(None),
            (
                Ok(Request::Classify {
                    id,
                    text,
                    strategy,
                    threshold,
                    ignored,
                }),
                Some(session),
            ) => {
                session.want_classification(Some(id));
                let task = classification::Task {
                    id,
                    text,
                    strategy,
                    threshold,
                    ignored,
                };
                spawn_local(classification::run(Rc::clone(session), task));
            }
            (Ok(Request::StopClassification), Some(session)) => session.want_classification(None),
            (Ok(Request::StopClassification), None) => {}
            (Ok(Request::Classify { .. }), None) => fail_protocol("a text before a model"),
            (Ok(Request::Load { .. }), Some(_)) => fail_protocol("a second model"),
            (Ok(Request::Analyse { .. }), None) => fail_protocol("a text before a model"),
            (Ok(Request::Evaluate { .. } | Request::StopEvaluation), None) => {
                fail_protocol("an evaluation before a model");
            }
            (Err(error), _) => fail_protocol(&format!("an unreadable message ({error})")),
        }
    });
    scope::listen(on_message);
}

async fn load(
    name: String,
    bytes: u32,
    expected: Option<String>,
    team: Arc<Team>,
    slot: Rc<OnceCell<Rc<Session>>>,
) {
    let total = bytes;
    let progress = |received| scope::post(&Event::Downloading { received, total });
    let mut model = Incomplete::new(&name);
    let take = |bytes: &[u8]| model.push(bytes);
    let sha256 = match download::read(&name, total, progress, take).await {
        Ok(sha256) => sha256,
        Err(message) => return scope::fail(Failure::Download, message),
    };
    scope::post(&Event::Downloaded);
    let is_other = expected.is_some_and(|expected| expected != sha256);
    let loaded = match Session::new(&name, model, bytes, &sha256, team) {
        Ok(_) if is_other => Err(format!(
            "{name} is not the model that this page was built with: its SHA-256 is {sha256}. Build the site anew with it, or put the \
             right file on the server."
        )),
        loaded => loaded,
    };
    match loaded {
        Ok((session, card)) => {
            if slot.set(Rc::new(session)).is_err() {
                return fail_protocol("a second model");
            }
            scope::post(&Event::Loaded(Box::new(card)));
            download::keep().await;
        }
        Err(message) => {
            // Before the page hears of it and ends this worker.
            download::forget().await;
            scope::fail(Failure::Model, message);
        }
    }
}

async fn analyse(session: Rc<Session>, revision: u32, text: String) {
    match session.analyse(revision, &text).await {
        Ok(Some(entities)) => scope::post(&Event::Analysed { revision, entities }),
        Ok(None) => {}
        Err(message) => scope::fail(Failure::Analysis, message),
    }
}

fn fail_protocol(what: &str) {
    scope::fail(
        Failure::Analysis,
        format!("Internal error: the page sent {what}."),
    );
}

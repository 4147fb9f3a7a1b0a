//! What the page has requested since it was ready, which is to be nothing: as the browser has seen it, in page and workers.

use js_sys::Array;
use leptos::prelude::*;
use wasm_bindgen::prelude::*;
use web_sys::{
    PerformanceEntry, PerformanceObserver, PerformanceObserverEntryList, PerformanceObserverInit,
    SecurityPolicyViolationEvent,
};

/// Handles to what has been requested; copies are the same.
#[derive(Clone, Copy)]
pub(crate) struct Sent {
    /// Since when, in milliseconds since 1970; none while the page requests what it is made of.
    since: RwSignal<Option<f64>>,
    requests: RwSignal<Vec<Request>>,
}

#[derive(Debug, Clone, PartialEq)]
struct Request {
    address: String,
    start: f64,
    blocked: bool,
}

impl Sent {
    pub(crate) fn new() -> Self {
        let sent = Self {
            since: RwSignal::new(None),
            requests: RwSignal::default(),
        };
        sent.observe();
        sent
    }

    /// Tells what is requested after a time, in milliseconds since 1970: nothing is to be.
    pub(crate) fn watch(self, since: f64) {
        self.since.set(Some(since));
    }

    /// Something is: a worker and its model.
    pub(crate) fn pause(self) {
        self.since.set(None);
        self.requests.update(Vec::clear);
    }

    /// Something was requested.
    pub(crate) fn add(self, address: &str, start: f64, blocked: bool) {
        // What the page has itself, as a file that it lets the visitor save, goes nowhere.
        if address.starts_with("blob:") || address.starts_with("data:") {
            return;
        }
        self.requests.update(|requests| {
            requests.push(Request {
                address: address.to_owned(),
                start,
                blocked,
            });
        });
    }

    /// Has the browser tell of every request of the page, and of those that it did not let through.
    fn observe(self) {
        let on_entries = Closure::<dyn Fn(PerformanceObserverEntryList)>::new(
            move |list: PerformanceObserverEntryList| {
                let origin = window()
                    .performance()
                    .map_or(0.0, |clock| clock.time_origin());
                for entry in list.get_entries() {
                    let entry: PerformanceEntry = entry.unchecked_into();
                    self.add(&entry.name(), origin + entry.start_time(), false);
                }
            },
        );
        let observer = PerformanceObserver::new(on_entries.as_ref().unchecked_ref());
        let options = PerformanceObserverInit::new(&Array::of1(&"resource".into()));
        if let Ok(observer) = observer {
            observer.observe(&options);
        }
        // As long as the page.
        on_entries.forget();
        let on_violation = Closure::<dyn Fn(SecurityPolicyViolationEvent)>::new(
            move |event: SecurityPolicyViolationEvent| {
                self.add(&event.blocked_uri(), js_sys::Date::now(), true);
            },
        );
        // Only a listener that is no function is refused.
        let _ = document().add_event_listener_with_callback(
            "securitypolicyviolation",
            on_violation.as_ref().unchecked_ref(),
        );
        on_violation.forget();
    }
}

/// Says what was sent.
#[component]
pub(crate) fn Line(sent: Sent) -> impl IntoView {
    let late = Memo::new(move |_| {
        let since = sent.since.get()?;
        let requests = sent.requests.get();
        Some(
            requests
                .into_iter()
                .filter(|request| since < request.start)
                .collect::<Vec<_>>(),
        )
    });
    let count = move || late.with(|late| late.as_ref().map(Vec::len));
    let words = move || match count() {
        None => String::new(),
        Some(0) => String::from("Since it was ready, this page has sent nothing."),
        Some(1) => String::from("Since it was ready, this page has made 1 request:"),
        Some(many) => format!("Since it was ready, this page has made {many} requests:"),
    };
    let addresses = move || {
        late.get()
            .unwrap_or_default()
            .into_iter()
            .map(|request| {
                let blocked = if request.blocked { " (blocked)" } else { "" };
                view! { <li>{request.address} {blocked}</li> }
            })
            .collect_view()
    };
    view! {
        <span class="sent" data-testid="sent" data-requests=move || count().map(|count| count.to_string())>
            {words}
            <Show when=move || count().is_some_and(|count| 0 < count)>
                <ul>{addresses}</ul>
            </Show>
        </span>
    }
}

//! What screen readers are told. It stands in elements of its own that are always there, as what comes with its element is often
//! not read out; and it comes once it has settled: who types hears nothing before the next pause.

use std::time::Duration;

use leptos::leptos_dom::helpers::TimeoutHandle;
use leptos::prelude::*;

use crate::files::{self, Files};
use crate::page::Page;
use crate::{evaluation, notes, status};

/// How long words have to stand until they are told.
const SETTLED: Duration = Duration::from_secs(1);

#[component]
pub(crate) fn Announcements(page: Page, files: Files) -> impl IntoView {
    // What a key or a button did is told at once.
    view! {
        <p class="unseen" role="status" data-testid="said">
            {page.said}
        </p>
        <Settled name="news" words=Memo::new(move |_| status::in_short(page)) />
        <Settled name="news-notes" words=Memo::new(move |_| notes::in_short(page)) />
        <Settled name="news-files" words=Memo::new(move |_| files::in_short(files)) />
        <Settled name="news-evaluation" words=Memo::new(move |_| evaluation::in_short(page.evaluation)) />
    }
}

/// Tells words that have settled, unless they were told last.
#[component]
pub(crate) fn Settled(name: &'static str, words: Memo<String>) -> impl IntoView {
    let told = RwSignal::new(String::new());
    let rest = StoredValue::new_local(None::<TimeoutHandle>);
    let stop = move || {
        // Where this has gone, so has its time.
        if let Some(rest) = rest.try_update_value(Option::take).flatten() {
            rest.clear();
        }
    };
    Effect::new(move |_| {
        let words = words.get();
        stop();
        let tell = move || {
            if told.with_untracked(|told| *told != words) {
                told.set(words);
            }
        };
        rest.set_value(set_timeout_with_handle(tell, SETTLED).ok());
    });
    on_cleanup(stop);
    view! {
        <p class="unseen" role="status" data-testid=name>
            {told}
        </p>
    }
}

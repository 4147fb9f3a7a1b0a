//! Texts for a program that embeds the model (`web/npm`): what Hugging Face's pipeline would answer, or what the page does.

use std::rc::Rc;

use ner::aggregate::{Strategy, aggregate};
use web::protocol::{Classified, Event};

use crate::scope;
use crate::session::Session;

/// The strategy of the page: labels in legal order, by the model's CRF where it has one, and calibrated scores.
const CONSTRAINED: &str = "constrained";

/// What is asked for.
pub(crate) struct Task {
    /// Number of the text.
    pub(crate) id: u32,
    pub(crate) text: String,
    /// [`CONSTRAINED`], or a name of [`Strategy`].
    pub(crate) strategy: String,
    /// Leaves out what scores less.
    pub(crate) threshold: f32,
    /// Leaves out labels or types of these names.
    pub(crate) ignored: Vec<String>,
}

/// Answers, unless another text is wanted meanwhile or this one no more.
pub(crate) async fn run(session: Rc<Session>, task: Task) {
    let id = task.id;
    match classify(&session, task).await {
        Ok(Some(entities)) => scope::post(&Event::Classified { id, entities }),
        Ok(None) => {}
        Err(message) => scope::post(&Event::ClassificationFailed { id, message }),
    }
}

async fn classify(session: &Session, task: Task) -> Result<Option<Vec<Classified>>, String> {
    let Task {
        id,
        text,
        strategy,
        threshold,
        ignored,
    } = task;
    let strategy = match strategy.as_str() {
        CONSTRAINED => None,
        name => Some(Strategy::named(name).ok_or_else(|| {
            let known = Strategy::ALL.map(Strategy::name).join(", ");
            format!("{name:?} is no aggregation strategy; there are {CONSTRAINED}, {known}")
        })?),
    };
    let prepared = session.prepare(&text);
    let wanted = async |_| session.classification_wanted(id).await;
    let Some(logits) = session.logits(&prepared.inputs, wanted).await? else {
        return Ok(None);
    };
    let fault = |error: ner::Error| error.to_string();
    let mut found: Vec<(String, f32, std::ops::Range<usize>, Option<u32>)> = match strategy {
        None => ner::finish(&text, &prepared, &logits, &session.decoder)
            .map_err(fault)?
            .into_iter()
            .filter(|entity| !ignored.contains(&entity.span.label))
            .map(|entity| (entity.span.label, entity.score, entity.span.range, None))
            .collect(),
        Some(strategy) => {
            let labels = session.decoder.labels.names();
            let tokenizer = session.tokenizer();
            aggregate(
                &text, &prepared, &logits, tokenizer, labels, strategy, &ignored,
            )
            .map_err(fault)?
            .into_iter()
            .map(|group| {
                // As Hugging Face counts, whose input begins with [CLS].
                let index = (strategy == Strategy::None).then_some(group.first as u32 + 1);
                (group.name, group.score, group.range, index)
            })
            .collect()
        }
    };
    found.retain(|(_, score, ..)| *score >= threshold);
    let places = web::units::to_utf16(&text, found.iter().map(|(_, _, range, _)| range.clone()));
    let entities = found
        .iter()
        .zip(places)
        .map(|((name, score, _, index), place)| Classified {
            name: name.clone(),
            score: *score,
            start_utf16: place.start as u32,
            end_utf16: place.end as u32,
            index: *index,
        });
    Ok(Some(entities.collect()))
}

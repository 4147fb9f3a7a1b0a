//! The page gives the same entities as the terminal.

use anyhow::{Context, Result, ensure};
use e2e::answers::{Answer, answers, in_text_area, texts, utf16_in_text_area};
use e2e::page::{LOAD, Look, SHORT_NOTE};
use e2e::{Session, Setup};

/// Kernels give the same bits in every build; what remains is the decimal notation of a 32-bit
/// number.
const SCORE_TOLERANCE: f64 = 1e-6;

#[test]
fn stored_answers_are_for_the_stored_texts() -> Result<()> {
    let (texts, answers) = (texts()?, answers()?);
    let texts: Vec<_> = texts.iter().map(|text| (&text.id, &text.text)).collect();
    let answered: Vec<_> = answers
        .iter()
        .map(|answer| (&answer.id, &answer.text))
        .collect();
    ensure!(
        texts == answered,
        "fixtures/answers.jsonl does not belong to fixtures/texts.jsonl: make it anew"
    );
    ensure!(
        answers
            .iter()
            .map(|answer| answer.entities.len())
            .sum::<usize>()
            >= 100,
        "hardly any entity to compare"
    );
    for answer in &answers {
        let text: Vec<_> = answer.text.chars().collect();
        for entity in &answer.entities {
            assert_eq!(
                text[entity.start..entity.end].iter().collect::<String>(),
                entity.word,
                "{}",
                answer.id
            );
        }
    }
    Ok(())
}

#[test]
fn page_gives_the_stored_answers() -> Result<()> {
    let answers = answers()?;
    Session::run(Setup::default(), async |page| {
        page.ready(LOAD).await?;
        for answer in &answers {
            let look = page.analyse(&answer.text, SHORT_NOTE).await;
            let look = look.with_context(|| answer.id.clone())?;
            check(answer, &look).with_context(|| answer.id.clone())?;
        }
        Ok(())
    })
}

pub(crate) fn check(answer: &Answer, look: &Look) -> Result<()> {
    look.check()?;
    let found: Vec<_> = look
        .marks
        .iter()
        .map(|mark| (mark.start, mark.end, mark.entity.clone(), mark.text.clone()))
        .collect();
    let place = |code_point| utf16_in_text_area(&answer.text, code_point);
    let expected: Vec<_> = answer
        .entities
        .iter()
        .map(|entity| {
            (
                place(entity.start),
                place(entity.end),
                entity.entity_group.clone(),
                in_text_area(&entity.word),
            )
        })
        .collect();
    assert_eq!(found, expected);
    for (mark, entity) in look.marks.iter().zip(&answer.entities) {
        ensure!(
            (mark.score - entity.score).abs() <= SCORE_TOLERANCE,
            "{mark:?} and {entity:?} differ in score"
        );
    }
    Ok(())
}

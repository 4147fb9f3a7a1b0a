//! The package's element, `<clinical-ner>`, in a plain page of somebody else's.

use anyhow::{Result, ensure};
use e2e::notes::{EXAMPLE, EXAMPLE_FOUND};
use serde_json::json;

use crate::embedding::NOTE;
use e2e::embedding::{evaluate, no_worker_is_left, until, with_page};

#[test]
fn element_marks_its_text() -> Result<()> {
    with_page(true, async |browser, server| {
        let add = format!(
            "const element = document.createElement('clinical-ner'); element.textContent = {NOTE:?}; window.element = element; \
             window.events = []; for (const name of ['ready', 'entities', 'error']) element.addEventListener(name, () => events.push(name)); \
             document.body.append(element); return element.shadowRoot !== null"
        );
        assert_eq!(evaluate(browser, &add).await?, true);
        until("entities", browser, "events.includes('entities')").await?;
        let shown = "const text = element.shadowRoot.querySelector('.text'); \
                     return [text.textContent, [...text.querySelectorAll('mark')].map((mark) => [mark.textContent, mark.dataset.type])]";
        let first = evaluate(browser, shown).await?;
        assert_eq!(first[0], NOTE);
        let found = "return element.entities.map((entity) => [entity.word, entity.entity_group])";
        assert_eq!(first[1], evaluate(browser, found).await?);
        ensure!(
            first[1].as_array().is_some_and(|marks| marks.len() > 3),
            "{first}"
        );
        // Types differ in colour, and not in colour alone.
        let looks = "return [...new Set([...element.shadowRoot.querySelectorAll('mark')].map((mark) => \
                     mark.dataset.type + getComputedStyle(mark).backgroundColor + getComputedStyle(mark, '::after').content))].length";
        ensure!(evaluate(browser, looks).await?.as_u64() > Some(2));
        evaluate(
            browser,
            &format!("events.length = 0; element.value = {EXAMPLE:?}; return 1"),
        )
        .await?;
        until("entities", browser, "events.includes('entities')").await?;
        // The legend has the types that occur, in the colours of their marks; a page can choose them.
        let legend = "document.body.style.setProperty('--clinical-ner-hormones', 'rgb(1, 2, 3)'); \
             return [...element.shadowRoot.querySelectorAll('.legend li')].map((key) => \
             [key.textContent, getComputedStyle(key).backgroundColor === getComputedStyle(element.shadowRoot.querySelector(\
             `mark[data-type=${key.dataset.type}]`)).backgroundColor, getComputedStyle(key).backgroundColor === 'rgb(1, 2, 3)'])";
        assert_eq!(
            evaluate(browser, legend).await?,
            json!([["Hormones 1", true, true], ["Symptoms 1", true, false]])
        );
        let second = evaluate(browser, shown).await?;
        assert_eq!(second, json!([EXAMPLE, EXAMPLE_FOUND]));
        // What stands in it counts again, also when it changes.
        let own = "events.length = 0; element.value = null; element.textContent = 'Severe '; element.append('cramps.'); return element.value";
        assert_eq!(evaluate(browser, own).await?, "Severe cramps.");
        until("entities", browser, "events.includes('entities')").await?;
        assert_eq!(evaluate(browser, shown).await?[0], "Severe cramps.");
        // An element that is moved keeps its model.
        let requests = server.log().len();
        let moved = "events.length = 0; document.body.prepend(element); return 1";
        evaluate(browser, moved).await?;
        until("entities", browser, "events.includes('entities')").await?;
        assert_eq!(server.log()[requests..], [""; 0]);
        let odd = "events.length = 0; element.setAttribute('threshold', 'high'); return element.entities.length";
        assert_eq!(evaluate(browser, odd).await?, 0);
        until("an error", browser, "events.includes('error')").await?;
        // A value that was set before the element was one.
        let late = format!(
            "const late = document.createElement('late-ner'); late.value = {EXAMPLE:?}; document.body.append(late); \
             customElements.define('late-ner', class extends customElements.get('clinical-ner') {{}}); \
             await new Promise((found) => late.addEventListener('entities', found)); \
             const found = late.entities.map((entity) => [entity.word, entity.entity_group]); late.remove(); return found"
        );
        assert_eq!(evaluate(browser, &late).await?, json!(EXAMPLE_FOUND));
        evaluate(
            browser,
            "events.length = 0; element.setAttribute('model', 'gone.safetensors'); return 1",
        )
        .await?;
        until("an error", browser, "events.includes('error')").await?;
        let status = evaluate(
            browser,
            "return element.shadowRoot.querySelector('[role=status]').textContent",
        )
        .await?;
        ensure!(
            status.as_str().is_some_and(|status| status.contains("404")),
            "{status}"
        );
        evaluate(browser, "element.remove(); return 1").await?;
        no_worker_is_left(browser).await
    })
}

#[test]
fn element_that_leaves_takes_no_model_along() -> Result<()> {
    with_page(false, async |browser, _| {
        let add = "window.early = document.createElement('clinical-ner'); document.body.append(early); \
                   window.heard = []; early.addEventListener('progress', (event) => heard.push(event.detail.status)); return 1";
        evaluate(browser, add).await?;
        until("a piece of the model", browser, "heard.length > 0").await?;
        evaluate(browser, "early.remove(); return 1").await?;
        // The next one starts anew: of the first model there has never been a worker.
        let next = "window.late = document.createElement('clinical-ner'); late.textContent = 'Low estrogen.'; \
                    await new Promise((go) => setTimeout(go, 100)); document.body.append(late); return 1";
        evaluate(browser, next).await?;
        until("entities", browser, "late.entities.length === 1").await?;
        if let Some(devtools) = browser.devtools() {
            assert_eq!(devtools.workers().len(), 1);
        }
        evaluate(browser, "late.remove(); return 1").await?;
        no_worker_is_left(browser).await
    })
}

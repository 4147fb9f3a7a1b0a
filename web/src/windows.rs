//! The windows of one text on their way through the network, interrupted when the text has changed.

use std::cell::RefCell;
use std::rc::Rc;

use crate::cache::Cache;

/// Logits of every input, in order; `None` when the text is no longer wanted.
///
/// Known inputs come from the cache. Before each of the others `wanted` is awaited with the number of inputs that are done: it
/// lets the event loop take in a newer text and says whether this one is still the latest.
///
/// # Errors
/// What `forward` fails with.
pub async fn logits<E>(
    inputs: &[Vec<u32>],
    cache: &RefCell<Cache>,
    mut forward: impl FnMut(&[u32]) -> Result<Rc<[f32]>, E>,
    mut wanted: impl AsyncFnMut(usize) -> bool,
) -> Result<Option<Vec<Rc<[f32]>>>, E> {
    let mut all = Vec::with_capacity(inputs.len());
    for input in inputs {
        let known = cache.borrow_mut().get(input);
        let logits = match known {
            Some(logits) => logits,
            None => {
                if !wanted(all.len()).await {
                    return Ok(None);
                }
                let logits = forward(input)?;
                cache.borrow_mut().insert(input, Rc::clone(&logits));
                logits
            }
        };
        all.push(logits);
    }
    Ok(Some(all))
}

#[cfg(test)]
mod tests {
    use super::*;

    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    /// First logits of all inputs, ids that went through the network, and the counts that `wanted` was given.
    type Ran = (Result<Option<Vec<f32>>, u32>, Vec<u32>, Vec<usize>);

    /// Runs a text whose inputs have one id each, stopping before input number `stop`.
    fn run(ids: &[u32], cache: &RefCell<Cache>, stop: usize) -> Ran {
        let inputs: Vec<Vec<u32>> = ids.iter().map(|&id| vec![id]).collect();
        let (mut ran, mut asked) = (Vec::new(), Vec::new());
        let forward = |input: &[u32]| {
            ran.push(input[0]);
            if input[0] == 99 {
                Err(99)
            } else {
                Ok(Rc::from([input[0] as f32]))
            }
        };
        let wanted = async |done| {
            asked.push(done);
            done < stop
        };
        let Poll::Ready(result) = pin!(logits(&inputs, cache, forward, wanted))
            .poll(&mut Context::from_waker(Waker::noop()))
        else {
            panic!("nothing waits");
        };
        (
            result.map(|all| all.map(|all| all.iter().map(|logits| logits[0]).collect())),
            ran,
            asked,
        )
    }

    #[test]
    fn an_edit_runs_only_what_it_changed() {
        let cache = RefCell::new(Cache::new(1000));
        assert_eq!(
            run(&[1, 2, 3], &cache, 9),
            (Ok(Some(vec![1., 2., 3.])), vec![1, 2, 3], vec![0, 1, 2])
        );
        assert_eq!(
            run(&[1, 4, 3], &cache, 9),
            (Ok(Some(vec![1., 4., 3.])), vec![4], vec![1])
        );
        assert_eq!(
            run(&[3, 1], &cache, 0),
            (Ok(Some(vec![3., 1.])), vec![], vec![])
        );
        assert_eq!(
            run(&[5, 5], &cache, 9),
            (Ok(Some(vec![5., 5.])), vec![5], vec![0])
        );
        assert_eq!(run(&[], &cache, 0), (Ok(Some(vec![])), vec![], vec![]));
    }

    #[test]
    fn a_newer_text_stops_an_older_one_and_keeps_its_work() {
        let cache = RefCell::new(Cache::new(1000));
        assert_eq!(
            run(&[1, 2, 3], &cache, 2),
            (Ok(None), vec![1, 2], vec![0, 1, 2])
        );
        assert_eq!(
            run(&[1, 2, 3], &cache, 9),
            (Ok(Some(vec![1., 2., 3.])), vec![3], vec![2])
        );
    }

    #[test]
    fn errors_end_a_text() {
        let cache = RefCell::new(Cache::new(1000));
        assert_eq!(
            run(&[1, 99, 3], &cache, 9),
            (Err(99), vec![1, 99], vec![0, 1])
        );
    }
}

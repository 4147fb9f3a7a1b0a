//! The windows of one text on their way through the network, interrupted when the text has changed.

use std::cell::RefCell;
use std::rc::Rc;

use crate::cache::Cache;

/// Logits of every input, in order; `None` when the text is no longer wanted.
///
/// Known inputs come from the cache. The others go through `forward`, several short ones together as long as they have no more
/// than `most_tokens`. Before each time `wanted` is awaited with the number of inputs that are done: it lets the event loop take
/// in a newer text and says whether this one is still the latest.
///
/// # Errors
/// What `forward` fails with.
pub async fn logits<E>(
    inputs: &[Vec<u32>],
    cache: &RefCell<Cache>,
    most_tokens: usize,
    mut forward: impl FnMut(&[&[u32]]) -> Result<Vec<Rc<[f32]>>, E>,
    mut wanted: impl AsyncFnMut(usize) -> bool,
) -> Result<Option<Vec<Rc<[f32]>>>, E> {
    let mut all = Vec::with_capacity(inputs.len());
    while let Some(first) = inputs.get(all.len()) {
        let known = cache.borrow_mut().get(first);
        if let Some(logits) = known {
            all.push(logits);
            continue;
        }
        if !wanted(all.len()).await {
            return Ok(None);
        }
        let mut cache = cache.borrow_mut();
        let mut together: Vec<&[u32]> = vec![first];
        let mut tokens = first.len();
        for next in &inputs[all.len() + 1..] {
            tokens += next.len();
            if tokens > most_tokens || together.contains(&&next[..]) || cache.get(next).is_some() {
                break;
            }
            together.push(next);
        }
        let logits = forward(&together)?;
        for (input, logits) in together.into_iter().zip(&logits) {
            cache.insert(input, Rc::clone(logits));
        }
        // The others are in the cache, or where that is too small they come again.
        all.extend(logits.into_iter().next());
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
        run_together(1, ids, cache, stop)
    }

    /// The same, with so many inputs together.
    fn run_together(most: usize, ids: &[u32], cache: &RefCell<Cache>, stop: usize) -> Ran {
        let inputs: Vec<Vec<u32>> = ids.iter().map(|&id| vec![id]).collect();
        let (mut ran, mut asked) = (Vec::new(), Vec::new());
        let forward = |inputs: &[&[u32]]| {
            let of_one = |input: &&[u32]| {
                ran.push(input[0]);
                if input[0] == 99 {
                    Err(99)
                } else {
                    Ok(Rc::from([input[0] as f32]))
                }
            };
            inputs.iter().map(of_one).collect()
        };
        let wanted = async |done| {
            asked.push(done);
            done < stop
        };
        let Poll::Ready(result) = pin!(logits(&inputs, cache, most, forward, wanted))
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
    fn unknown_inputs_side_by_side_run_together() {
        let cache = RefCell::new(Cache::new(1000));
        assert_eq!(run(&[4], &cache, 9), (Ok(Some(vec![4.])), vec![4], vec![0]));
        let check = |most, ids: &[u32], ran: &[u32], asked: &[usize]| {
            let expected = ids.iter().map(|&id| id as f32).collect();
            assert_eq!(
                run_together(most, ids, &cache, 9),
                (Ok(Some(expected)), ran.to_vec(), asked.to_vec())
            );
        };
        check(2, &[1, 2, 3, 4, 5, 6], &[1, 2, 3, 5, 6], &[0, 2, 4]);
        check(3, &[7, 7, 8, 1], &[7, 8], &[0, 2]);

        // Nothing is kept, and yet it ends.
        let small = RefCell::new(Cache::new(0));
        let (result, ran, _) = run_together(3, &[1, 2, 3], &small, 9);
        assert_eq!(result, Ok(Some(vec![1., 2., 3.])));
        assert_eq!(ran, [1, 2, 3, 2, 3, 3]);
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

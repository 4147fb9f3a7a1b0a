//! Between bytes, which ranges inside the crate are, and Unicode code points, which files hold.

/// The number of code points before each of `bytes`, in one pass over the text.
///
/// # Panics
/// When one of `bytes` is not the beginning of a character of the text or its end.
pub(super) fn code_points(text: &str, bytes: &[usize]) -> Vec<usize> {
    in_order(
        bytes,
        text.char_indices()
            .map(|(at, _)| at)
            .chain([text.len()])
            .enumerate()
            .map(|(point, byte)| (byte, point)),
    )
    .into_iter()
    .map(|point| point.expect("ranges of a text begin and end on characters"))
    .collect()
}

/// The byte offset of each of `points` code points, in one pass over the text; `None` past its end.
pub(super) fn byte_offsets(text: &str, points: &[usize]) -> Vec<Option<usize>> {
    in_order(
        points,
        text.char_indices()
            .map(|(at, _)| at)
            .chain([text.len()])
            .enumerate(),
    )
}

/// Looks up keys in pairs of key and value with ascending keys.
fn in_order(keys: &[usize], pairs: impl Iterator<Item = (usize, usize)>) -> Vec<Option<usize>> {
    let mut order: Vec<usize> = (0..keys.len()).collect();
    order.sort_unstable_by_key(|&i| keys[i]);
    let mut found = vec![None; keys.len()];
    let mut pairs = pairs.peekable();
    for i in order {
        while pairs.next_if(|pair| pair.0 < keys[i]).is_some() {}
        found[i] = pairs
            .peek()
            .filter(|pair| pair.0 == keys[i])
            .map(|pair| pair.1);
    }
    found
}

//! Window logits by the input they belong to, so that an edit runs only the windows that it changed.

use std::collections::HashMap;
use std::rc::Rc;

/// A least-recently-used cache, bounded by the memory of its keys and values.
#[derive(Debug)]
pub struct Cache {
    entries: HashMap<Box<[u32]>, Entry>,
    bytes: usize,
    limit: usize,
    clock: u64,
}

#[derive(Debug)]
struct Entry {
    logits: Rc<[f32]>,
    used: u64,
}

impl Cache {
    /// An empty cache of at most `limit` bytes.
    pub fn new(limit: usize) -> Self {
        Self {
            entries: HashMap::new(),
            bytes: 0,
            limit,
            clock: 0,
        }
    }

    /// The logits of an input of token ids, if they are known.
    pub fn get(&mut self, ids: &[u32]) -> Option<Rc<[f32]>> {
        self.clock += 1;
        let entry = self.entries.get_mut(ids)?;
        entry.used = self.clock;
        Some(Rc::clone(&entry.logits))
    }

    /// Keeps the logits of an input and drops the longest unused ones that no longer fit.
    pub fn insert(&mut self, ids: &[u32], logits: Rc<[f32]>) {
        self.remove(ids);
        let size = size(ids, &logits);
        if size > self.limit {
            return;
        }
        while self.bytes + size > self.limit {
            // A scan: some thousands of entries at most, beside a forward pass of tens of milliseconds.
            let oldest = self
                .entries
                .iter()
                .min_by_key(|(_, entry)| entry.used)
                .map(|(ids, _)| ids.clone());
            self.remove(&oldest.expect("bytes are those of the entries, so there is one"));
        }
        self.clock += 1;
        self.bytes += size;
        self.entries.insert(
            ids.into(),
            Entry {
                logits,
                used: self.clock,
            },
        );
    }

    fn remove(&mut self, ids: &[u32]) {
        if let Some(entry) = self.entries.remove(ids) {
            self.bytes -= size(ids, &entry.logits);
        }
    }
}

fn size(ids: &[u32], logits: &[f32]) -> usize {
    size_of_val(ids) + size_of_val(logits)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bytes of an entry with one id and one logit.
    const ENTRY: usize = 8;

    #[test]
    fn the_longest_unused_entry_goes_first() {
        let mut cache = Cache::new(2 * ENTRY);
        cache.insert(&[1], Rc::new([1.0]));
        cache.insert(&[2], Rc::new([2.0]));
        assert_eq!(cache.get(&[1]).as_deref(), Some([1.0].as_slice()));
        cache.insert(&[3], Rc::new([3.0]));
        assert_eq!(cache.get(&[2]), None);
        assert_eq!(cache.get(&[1]).as_deref(), Some([1.0].as_slice()));
        assert_eq!(cache.get(&[3]).as_deref(), Some([3.0].as_slice()));
    }

    #[test]
    fn the_limit_holds() {
        let mut cache = Cache::new(10 * ENTRY);
        for id in 0..100 {
            cache.insert(&[id], Rc::new([0.0]));
            cache.insert(&[id], Rc::new([1.0]));
            assert!(cache.bytes <= cache.limit);
        }
        assert_eq!((cache.entries.len(), cache.bytes), (10, 10 * ENTRY));
        cache.insert(&[7; 20], Rc::new([0.0]));
        assert_eq!(cache.get(&[7; 20]), None, "larger than the whole cache");
        assert_eq!(cache.entries.len(), 10, "and nothing was dropped for it");
        cache.insert(&[8; 19], Rc::new([0.0]));
        assert_eq!((cache.entries.len(), cache.bytes), (1, 10 * ENTRY));
    }
}

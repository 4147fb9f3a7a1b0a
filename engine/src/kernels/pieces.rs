//! A slice that several threads write at once.

use std::marker::PhantomData;
use std::ops::Range;

/// Hands out pieces of a mutable slice.
pub(super) struct Pieces<'a, T> {
    start: *mut T,
    len: usize,
    slice: PhantomData<&'a mut [T]>,
}

// SAFETY: it is no more than a mutable slice, whose pieces go to other threads.
unsafe impl<T: Send> Sync for Pieces<'_, T> {}

impl<'a, T> Pieces<'a, T> {
    pub(super) fn new(slice: &'a mut [T]) -> Self {
        Self {
            start: slice.as_mut_ptr(),
            len: slice.len(),
            slice: PhantomData,
        }
    }

    /// A piece.
    ///
    /// # Safety
    /// Pieces that are in use at the same time do not overlap.
    ///
    /// # Panics
    /// When the slice does not have it.
    #[inline(always)]
    #[allow(clippy::mut_from_ref)] // What makes that wrong is the caller's to exclude.
    pub(super) unsafe fn get(&self, range: Range<usize>) -> &mut [T] {
        assert!(range.start <= range.end && range.end <= self.len);
        // SAFETY: the range lies within the slice, which is borrowed mutably for as long as this
        // lives; the caller sees to it that nobody else has the piece.
        unsafe { std::slice::from_raw_parts_mut(self.start.add(range.start), range.len()) }
    }
}

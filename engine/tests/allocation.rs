//! A forward pass of a length seen before does not allocate.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use engine::{Model, Scratch};
use ner::model::{Bundle, bundle};

struct Counting;

thread_local! {
    /// Allocations of this thread: the test harness has threads that allocate on their own.
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: every call is passed on to the system's allocator unchanged, which keeps the contract.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: the caller keeps to the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps to the contract of `dealloc`, and `alloc` is the system's.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[test]
fn a_forward_of_a_known_length_does_not_allocate() {
    let bundle = Bundle::from_fine_tuned(
        "tiny_bert",
        include_str!("goldens/tiny_bert/config.json"),
        include_str!("goldens/tiny_bert/tokenizer.json"),
        include_bytes!("goldens/tiny_bert/model.safetensors"),
    )
    .expect("a valid model");
    let file = bundle::write(&bundle).expect("a float model");
    let int8 = Bundle::read("tiny_bert.safetensors", &file).expect("a valid file");
    for bundle in [bundle.clone(), int8] {
        let model = Model::new(bundle).expect("a supported model");
        let mut scratch = Scratch::default();
        let mut count = |tokens: u32| {
            let ids: Vec<u32> = (5..5 + tokens).collect();
            let before = ALLOCATIONS.get();
            model.forward(&ids, &mut scratch).expect("a valid input");
            ALLOCATIONS.get() - before
        };
        assert!(count(40) > 0, "the buffers grow once");
        for tokens in [40, 33, 1, 40] {
            assert_eq!(count(tokens), 0, "{tokens} tokens");
        }
    }
}

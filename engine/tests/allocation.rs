//! A forward pass of a length seen before does not allocate, on no thread. The test harness would:
//! this is a program of its own.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use engine::{Model, Scratch, Team};
use ner::model::{Bundle, bundle};

struct Counting;

static ALLOCATIONS: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call is passed on to the system's allocator unchanged, which keeps the contract.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
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

fn main() {
    let bundle = Bundle::from_fine_tuned(
        "tiny_bert",
        include_str!("goldens/tiny_bert/config.json"),
        include_str!("goldens/tiny_bert/tokenizer.json"),
        include_bytes!("goldens/tiny_bert/model.safetensors"),
    )
    .expect("a valid model");
    let file = bundle::write(&bundle).expect("a float model");
    let int8 = Bundle::read("tiny_bert.safetensors", &file).expect("a valid file");
    let check = |bundle: &Bundle, team: Team| {
        let threads = team.threads();
        // A thread allocates before it helps.
        while team.helpers() + 1 < threads {
            std::thread::yield_now();
        }
        let model = Model::new(bundle.clone()).expect("a supported model");
        let mut scratch = Scratch::with_team(Arc::new(team));
        let mut count = |tokens: u32| {
            let ids: Vec<u32> = (5..5 + tokens).collect();
            let before = ALLOCATIONS.load(Ordering::Relaxed);
            model.forward(&ids, &mut scratch).expect("a valid input");
            ALLOCATIONS.load(Ordering::Relaxed) - before
        };
        assert!(count(40) > 0, "the buffers grow once");
        for tokens in [40, 33, 1, 40] {
            assert_eq!(count(tokens), 0, "{tokens} tokens on {threads} threads");
        }
    };
    for bundle in [&bundle, &int8] {
        check(bundle, Team::solo());
        check(bundle, Team::new(3).expect("two threads"));
    }
}

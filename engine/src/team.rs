//! Threads that share the parts of a kernel.
//!
//! A forward pass hands out work some fifty times, each time for some hundred microseconds, so
//! that waking a sleeping thread (about 50 µs) would cost as much as it brings: helpers spin for a
//! while before they sleep. Parts are taken one by one, because a virtual core can be taken away
//! at any moment, and a thread that has not begun is never waited for.
//!
//! The same code serves native threads and WebAssembly's, where std's `park` is
//! `memory.atomic.wait32`; there the embedder starts the threads, which then [`Team::help`].

use std::fmt;
use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, Thread};

/// Turns that a helper waits for work before it sleeps: some 200 µs to 1 ms. WebAssembly has no
/// instruction to pause with, so that its turns are short.
const SPINS: u32 = if cfg!(target_family = "wasm") {
    100_000
} else {
    20_000
};

/// Most threads that [`Team::of_all_cores`] takes: beyond that a forward pass of one window has too
/// few parts.
const MOST_THREADS: usize = 8;

/// Threads that work together: the one that calls, and helpers.
pub struct Team {
    shared: Arc<Shared>,
    /// One round of work at a time.
    round: Mutex<()>,
    /// Threads of our own, to be waited for.
    own: Vec<thread::JoinHandle<()>>,
}

struct Shared {
    threads: usize,
    ticket: AtomicU64,
    /// Changes only while no part is left to be taken.
    job: AtomicPtr<Job<'static>>,
    done: AtomicUsize,
    failed: AtomicBool,
    closed: AtomicBool,
    helpers: Mutex<Vec<Arc<Helper>>>,
    /// Helpers that sleep or are about to.
    sleeping: AtomicUsize,
}

/// What is to be done, in one atomic: the number of the round (32 bits), its parts (16) and the part
/// to be taken next (16).
#[derive(Clone, Copy)]
struct Ticket(u64);

impl Ticket {
    const MOST_PARTS: usize = u16::MAX as usize;

    fn new(round: u32, parts: usize) -> Self {
        Self(u64::from(round) << 32 | (parts as u64) << 16)
    }

    fn round(self) -> u32 {
        (self.0 >> 32) as u32
    }

    fn parts(self) -> usize {
        (self.0 >> 16) as u16 as usize
    }

    fn part(self) -> usize {
        self.0 as u16 as usize
    }

    /// The part taken; only while there is one.
    fn taken(self) -> Self {
        Self(self.0 + 1)
    }
}

struct Helper {
    thread: Thread,
    asleep: AtomicBool,
}

/// A fat pointer behind a thin one, since only the latter is atomic.
struct Job<'a> {
    act: &'a (dyn Fn(usize, usize) + Sync),
}

impl Team {
    /// The calling thread alone.
    pub fn solo() -> Self {
        Self::waiting_for_help(1)
    }

    /// Starts `threads - 1` threads beside the calling one.
    ///
    /// # Errors
    /// When the system does not give them.
    pub fn new(threads: usize) -> std::io::Result<Self> {
        let mut team = Self::waiting_for_help(threads);
        for number in 1..team.threads() {
            let shared = Arc::clone(&team.shared);
            let thread = thread::Builder::new().name(format!("engine-{number}"));
            team.own.push(thread.spawn(move || shared.help())?);
        }
        Ok(team)
    }

    /// A thread per core, at most eight; the calling one alone where the system does not give them.
    pub fn of_all_cores() -> Self {
        let cores = thread::available_parallelism().map_or(1, NonZeroUsize::get);
        Self::new(cores.min(MOST_THREADS)).unwrap_or_else(|_| Self::solo())
    }

    /// For threads that somebody else starts: `threads - 1` of them may [`Team::help`], but none is
    /// waited for.
    pub fn waiting_for_help(threads: usize) -> Self {
        let threads = threads.max(1);
        Self {
            shared: Arc::new(Shared {
                threads,
                ticket: AtomicU64::new(0),
                job: AtomicPtr::new(std::ptr::null_mut()),
                done: AtomicUsize::new(0),
                failed: AtomicBool::new(false),
                closed: AtomicBool::new(false),
                helpers: Mutex::default(),
                sleeping: AtomicUsize::new(0),
            }),
            round: Mutex::default(),
            own: Vec::new(),
        }
    }

    /// Threads, the calling one included.
    pub fn threads(&self) -> usize {
        self.shared.threads
    }

    /// Helpers that have arrived so far.
    pub fn helpers(&self) -> usize {
        lock(&self.shared.helpers).len()
    }

    /// Gives the calling thread to the team for good; returns at once when the team has its threads.
    pub fn help(&self) {
        Arc::clone(&self.shared).help();
    }

    /// Tells [`Team::run`] that a helper ends in a panic, where panics abort a helper and not the
    /// program, as on WebAssembly: for a panic hook. It would wait forever.
    pub fn give_up(&self) {
        self.shared.failed.store(true, Ordering::Relaxed);
    }

    /// Calls `act(part, thread)` once with every number below `parts`, on all threads, and returns when
    /// all calls have. `thread` is below [`Team::threads`] and no two calls at a time have the same.
    /// Allocates nothing. `act` must not call it again: it would wait for itself.
    ///
    /// # Panics
    /// When a call panicked.
    pub fn run(&self, parts: usize, act: impl Fn(usize, usize) + Sync) {
        assert!(parts <= Ticket::MOST_PARTS, "{parts} parts");
        if self.threads() == 1 || parts < 2 {
            return (0..parts).for_each(|part| act(part, 0));
        }
        let _round = lock(&self.round);
        let shared = &*self.shared;
        let mut job = Job { act: &act };
        let job = (&raw mut job).cast::<Job<'static>>();
        shared.job.store(job, Ordering::Relaxed);
        shared.done.store(0, Ordering::Relaxed);
        let last = Ticket(shared.ticket.load(Ordering::Relaxed));
        let ticket = Ticket::new(last.round().wrapping_add(1), parts);
        // Sequentially consistent with `sleeping`: either a helper that falls asleep sees this ticket,
        // or it is seen here.
        shared.ticket.store(ticket.0, Ordering::SeqCst);
        if shared.sleeping.load(Ordering::SeqCst) > 0 {
            shared.wake();
        }
        shared.take_parts(0);
        // The last parts are being worked on: no longer than one part takes. Only then may `act` go.
        let mut turns = 0;
        while shared.done.load(Ordering::Acquire) < parts {
            pause(&mut turns);
            // A helper that has aborted will never be done; the program ends with this panic too.
            #[cfg(panic = "abort")]
            assert!(
                !shared.failed.load(Ordering::Relaxed),
                "a helper of the network has stopped"
            );
        }
        assert!(
            !shared.failed.swap(false, Ordering::Relaxed),
            "a part of a kernel panicked"
        );
    }
}

impl Drop for Team {
    fn drop(&mut self) {
        self.shared.closed.store(true, Ordering::SeqCst);
        self.shared.wake();
        for thread in self.own.drain(..) {
            // Its panics were reported where they happened.
            let _ = thread.join();
        }
    }
}

impl Shared {
    /// Takes parts of the current round until none is left.
    fn take_parts(&self, thread: usize) {
        loop {
            let ticket = Ticket(self.ticket.load(Ordering::Acquire));
            if ticket.part() == ticket.parts() {
                return;
            }
            let job = self.job.load(Ordering::Relaxed);
            let taken = self.ticket.compare_exchange_weak(
                ticket.0,
                ticket.taken().0,
                Ordering::AcqRel,
                Ordering::Relaxed,
            );
            if taken.is_err() {
                continue;
            }
            // SAFETY: the ticket was the current one with this part not taken, so `job`, read between
            // its load and this proof, is its round's; `run` keeps what it points to until all parts
            // are done, this one included.
            let act = unsafe { (*job).act };
            // `run` would wait forever for a part that unwinds, or leave while others need `act`.
            if let Err(payload) = catch_unwind(AssertUnwindSafe(|| act(ticket.part(), thread))) {
                // To drop it could panic again; the hook has reported it.
                std::mem::forget(payload);
                self.failed.store(true, Ordering::Relaxed);
            }
            self.done.fetch_add(1, Ordering::Release);
        }
    }

    fn help(self: Arc<Self>) {
        let me = Arc::new(Helper {
            thread: thread::current(),
            asleep: AtomicBool::new(false),
        });
        let number = {
            let mut helpers = lock(&self.helpers);
            if helpers.len() + 1 >= self.threads {
                return;
            }
            helpers.push(Arc::clone(&me));
            helpers.len()
        };
        loop {
            let seen = Ticket(self.ticket.load(Ordering::Acquire)).round();
            self.take_parts(number);
            if self.closed.load(Ordering::SeqCst) {
                return;
            }
            let is_idle = || {
                Ticket(self.ticket.load(Ordering::SeqCst)).round() == seen
                    && !self.closed.load(Ordering::SeqCst)
            };
            for _ in 0..SPINS {
                if !is_idle() {
                    break;
                }
                std::hint::spin_loop();
            }
            if is_idle() {
                me.asleep.store(true, Ordering::SeqCst);
                self.sleeping.fetch_add(1, Ordering::SeqCst);
                while is_idle() && me.asleep.load(Ordering::SeqCst) {
                    thread::park();
                }
                me.asleep.store(false, Ordering::SeqCst);
                self.sleeping.fetch_sub(1, Ordering::SeqCst);
            }
        }
    }

    fn wake(&self) {
        for helper in &*lock(&self.helpers) {
            if helper.asleep.swap(false, Ordering::SeqCst) {
                helper.thread.unpark();
            }
        }
    }
}

fn pause(turns: &mut u32) {
    std::hint::spin_loop();
    *turns = turns.wrapping_add(1);
    // The thread that has the last part may be waiting for this core.
    #[cfg(not(target_family = "wasm"))]
    if turns.is_multiple_of(2_000) {
        thread::yield_now();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl fmt::Debug for Team {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.debug_struct("Team")
            .field("threads", &self.threads())
            .finish_non_exhaustive()
    }
}

#[cfg(all(test, not(target_family = "wasm")))]
mod tests {
    use super::*;

    /// Every part is done once, whatever the numbers; `rounds` in a row.
    fn check(team: &Team, parts: usize, rounds: usize) {
        for round in 0..rounds {
            let counts: Vec<AtomicUsize> = (0..parts).map(|_| AtomicUsize::new(0)).collect();
            team.run(parts, |part, thread| {
                assert!(thread < team.threads());
                counts[part].fetch_add(1, Ordering::Relaxed);
            });
            let counts: Vec<usize> = counts.iter().map(|n| n.load(Ordering::Relaxed)).collect();
            assert_eq!(counts, vec![1; parts], "{team:?}, round {round}");
        }
    }

    #[test]
    fn every_part_is_done_once() {
        for threads in [1, 2, 3, 8] {
            let team = Team::new(threads).unwrap();
            for parts in [0, 1, 2, 7, 100, 5_000] {
                check(&team, parts, 20);
            }
            check(&team, 9, 3_000);
            // Long enough for all helpers to fall asleep.
            thread::sleep(std::time::Duration::from_millis(50));
            check(&team, 9, 3);
        }
    }

    #[test]
    fn nobody_waits_for_help_that_does_not_come() {
        let team = Team::waiting_for_help(4);
        check(&team, 10, 10);
        thread::scope(|scope| {
            scope.spawn(|| team.help());
            while team.helpers() == 0 {
                thread::yield_now();
            }
            check(&team, 10, 1_000);
            // Ends `help` as a drop does; the scope would wait for it.
            team.shared.closed.store(true, Ordering::SeqCst);
            team.shared.wake();
        });
        check(&team, 10, 10);
    }

    #[test]
    fn several_callers_take_turns() {
        let team = Team::new(3).unwrap();
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| check(&team, 13, 500));
            }
        });
    }

    #[test]
    fn a_part_that_panics_is_reported_once_all_have_ended() {
        let team = Team::new(3).unwrap();
        let ended = AtomicUsize::new(0);
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            team.run(50, |part, _| {
                assert_ne!(part, 20, "on purpose");
                ended.fetch_add(1, Ordering::Relaxed);
            });
        }));
        assert!(outcome.is_err());
        assert_eq!(ended.load(Ordering::Relaxed), 49);
        check(&team, 50, 10);
    }
}

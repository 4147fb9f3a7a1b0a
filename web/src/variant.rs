//! Which variant of the worker runs, and on how many threads.

use std::ops::RangeInclusive;

/// Name of the variant whose helpers share its memory.
pub const THREADS: &str = "threads";

/// More threads than this, and one window of a note has too few parts for them.
const MOST_THREADS: u32 = 8;
/// What may be asked for.
const THREADS_ASKED: RangeInclusive<u32> = 1..=32;

/// What the page's address asks for, as in `?kernels=simd128&threads=2`: for tests, and to find out what is wrong with a
/// browser.
#[derive(Debug, Clone, Default)]
pub struct Wish {
    /// Name of a variant.
    pub kernels: Option<String>,
    /// Number of threads.
    pub threads: Option<String>,
}

/// What is to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// Index of the variant.
    pub variant: usize,
    /// Threads, the worker's own included.
    pub threads: u32,
    /// What was asked for and cannot be done, in words.
    pub ignored: Vec<String>,
}

/// Chooses among the variants that the browser can run, given by name, best first; `None` where there is none.
///
/// A processor of a single core is left to the variants without threads, which need no shared memory.
pub fn choose(variants: &[&str], cores: u32, wish: &Wish) -> Option<Choice> {
    let mut ignored = Vec::new();
    let asked = wish.threads.as_ref().and_then(|text| {
        let number = text.parse().ok().filter(|n| THREADS_ASKED.contains(n));
        if number.is_none() {
            let (least, most) = (THREADS_ASKED.start(), THREADS_ASKED.end());
            ignored.push(format!(
                "threads={text} is ignored: a number from {least} to {most} was expected"
            ));
        }
        number
    });
    let threads = asked.unwrap_or(cores.clamp(1, MOST_THREADS));
    let named = wish.kernels.as_ref().and_then(|name| {
        let variant = variants.iter().position(|variant| variant == name);
        if variant.is_none() {
            let known = variants.join(", ");
            ignored.push(format!("kernels={name} is ignored: here run {known}"));
        }
        variant
    });
    let best = || {
        variants
            .iter()
            .position(|&variant| threads > 1 || variant != THREADS)
    };
    let variant = named
        .or_else(best)
        .or((!variants.is_empty()).then_some(0))?;
    Some(Choice {
        variant,
        threads: if variants[variant] == THREADS {
            threads
        } else {
            1
        },
        ignored,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: &[&str] = &[THREADS, "relaxed", "simd128"];

    /// `wish` is kernels and threads, empty where nothing is asked for; `ignored` a word of each complaint.
    fn check(
        variants: &[&str],
        cores: u32,
        wish: (&str, &str),
        expected: (&str, u32),
        ignored: &[&str],
    ) {
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let wish = Wish {
            kernels: some(wish.0),
            threads: some(wish.1),
        };
        let choice = choose(variants, cores, &wish).expect("there is a variant");
        assert_eq!(
            (variants[choice.variant], choice.threads),
            expected,
            "{wish:?}"
        );
        assert_eq!(choice.ignored.len(), ignored.len(), "{choice:?}");
        for (complaint, word) in choice.ignored.iter().zip(ignored) {
            assert!(complaint.contains(word), "{complaint} lacks {word}");
        }
    }

    #[test]
    fn choices() {
        check(ALL, 4, ("", ""), (THREADS, 4), &[]);
        check(ALL, 64, ("", ""), (THREADS, 8), &[]);
        check(ALL, 1, ("", ""), ("relaxed", 1), &[]);
        // Some browsers do not tell their cores.
        check(ALL, 0, ("", ""), ("relaxed", 1), &[]);
        check(&ALL[1..], 4, ("", ""), ("relaxed", 1), &[]);
        check(&ALL[2..], 4, ("", ""), ("simd128", 1), &[]);
        // Better one thread than none.
        check(&[THREADS], 1, ("", ""), (THREADS, 1), &[]);
    }

    #[test]
    fn wishes() {
        check(ALL, 4, ("", "2"), (THREADS, 2), &[]);
        check(ALL, 1, ("", "12"), (THREADS, 12), &[]);
        check(ALL, 4, ("", "1"), ("relaxed", 1), &[]);
        check(ALL, 4, ("simd128", ""), ("simd128", 1), &[]);
        check(ALL, 4, ("relaxed", "3"), ("relaxed", 1), &[]);
        check(ALL, 4, (THREADS, "1"), (THREADS, 1), &[]);
        check(ALL, 1, (THREADS, ""), (THREADS, 1), &[]);
        for number in ["0", "33", "-1", "two", "2.5"] {
            check(ALL, 4, ("", number), (THREADS, 4), &[number]);
        }
        check(ALL, 4, ("avx512", ""), (THREADS, 4), &["avx512"]);
        // Known, but nothing that this browser can run.
        check(
            &ALL[1..],
            4,
            (THREADS, "4"),
            ("relaxed", 1),
            &["relaxed, simd128"],
        );
        check(
            ALL,
            4,
            ("x", "y"),
            (THREADS, 4),
            &["threads=y", "kernels=x"],
        );
    }

    #[test]
    fn nothing_to_choose_from() {
        assert_eq!(choose(&[], 4, &Wish::default()), None);
    }
}

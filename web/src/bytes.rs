//! Sizes for people.

/// A size with its unit: `812 kB`, `23.1 MB` (powers of ten).
pub fn in_words(bytes: u32) -> String {
    match bytes {
        0..1_000_000 => format!("{} kB", bytes.div_ceil(1000)),
        _ => format!("{}.{} MB", bytes / 1_000_000, bytes % 1_000_000 / 100_000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words() {
        let check = |bytes, expected: &str| assert_eq!(in_words(bytes), expected);
        check(0, "0 kB");
        check(1, "1 kB");
        check(812_000, "812 kB");
        check(999_999, "1000 kB");
        check(1_000_000, "1.0 MB");
        check(23_149_999, "23.1 MB");
        check(u32::MAX, "4294.9 MB");
    }
}

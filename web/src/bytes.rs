//! Sizes of downloads: what a server's headers tell, and sizes for people.

/// Bytes that a response's body will have once decoded, from its `Content-Length` and `Content-Encoding`.
///
/// `None` where the header is missing or nonsense, and where the body is encoded: the length is then that of the encoded
/// bytes (Fetch standard, 4.6), while a reader sees the decoded ones.
pub fn total(content_length: Option<&str>, content_encoding: Option<&str>) -> Option<u32> {
    match content_encoding.map(str::trim) {
        None | Some("" | "identity") => content_length?
            .trim()
            .parse()
            .ok()
            .filter(|&bytes| bytes > 0),
        Some(_) => None,
    }
}

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
    fn totals() {
        let check = |length, encoding, expected| {
            assert_eq!(total(length, encoding), expected, "{length:?} {encoding:?}")
        };
        check(Some("23100000"), None, Some(23_100_000));
        check(Some(" 7 "), Some("identity"), Some(7));
        check(Some("7"), Some(""), Some(7));
        check(Some("7"), Some("gzip"), None);
        check(Some("7"), Some("br"), None);
        check(None, None, None);
        check(Some("0"), None, None);
        check(Some("-1"), None, None);
        check(Some("7, 7"), None, None);
        check(Some("99999999999"), None, None);
    }

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

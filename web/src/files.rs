//! Files that a visitor gives to the page or takes from it.

/// What the page reads of a file; a larger one is work for the terminal.
pub const MOST_BYTES: u32 = 64 << 20;

/// The text of a file; `name` is what messages call it.
///
/// # Errors
/// Names the first line that is not UTF-8.
pub fn text(name: &str, bytes: Vec<u8>) -> Result<String, String> {
    String::from_utf8(bytes).map_err(|error| {
        let before = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = 1 + before.iter().filter(|&&byte| byte == b'\n').count();
        format!("{name}:{line}: not UTF-8; convert the file")
    })
}

/// Whether a file is a model, by its name.
pub fn is_model(name: &str) -> bool {
    let ending = name.rsplit_once('.').map(|(_, ending)| ending);
    ending.is_some_and(|ending| ending.eq_ignore_ascii_case("safetensors"))
}

/// What a file made from the file `name` is called: `notes.bio` and `.json` give `notes.json`.
pub fn named_after(name: &str, ending: &str) -> String {
    let stem = match name.rsplit_once('.') {
        Some((stem, _)) if !stem.is_empty() => stem,
        _ => name,
    };
    format!("{stem}{ending}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts() {
        let check = |bytes: &[u8], expected: Result<&str, &str>| {
            let found = text("a.bio", bytes.to_vec());
            assert_eq!(found, expected.map(str::to_owned).map_err(str::to_owned));
        };
        check(b"", Ok(""));
        check("a\r\né".as_bytes(), Ok("a\r\né"));
        let error = |line| format!("a.bio:{line}: not UTF-8; convert the file");
        check(b"\xe9", Err(&error(1)));
        check(b"a\nb\nc\xe9\n", Err(&error(3)));
        check(b"a\n\xf0\x9f\x98", Err(&error(2)));
    }

    #[test]
    fn models() {
        let check = |name, expected| assert_eq!(is_model(name), expected, "{name}");
        check("model.safetensors", true);
        check("a/b.c.SafeTensors", true);
        check("safetensors", false);
        check("model.safetensors.txt", false);
    }

    #[test]
    fn names() {
        let check = |name, expected: &str| assert_eq!(named_after(name, ".metrics.json"), expected);
        check("dev.bio", "dev.metrics.json");
        check("a.b.jsonl", "a.b.metrics.json");
        check("dev", "dev.metrics.json");
        check(".bio", ".bio.metrics.json");
    }
}

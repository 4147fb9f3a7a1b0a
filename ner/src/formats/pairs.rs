//! `key=value` pairs on one line without white space in them, where a format has room for remarks.

use std::fmt::Write as _;

use super::Provenance;

/// Pairs, separated by spaces. White space, control characters and `%` in values are percent-encoded
/// as in addresses (RFC 3986), so that a line of columns stays one.
pub(super) fn write<'a>(pairs: impl IntoIterator<Item = (&'a str, String)>) -> String {
    let mut line = String::new();
    for (key, value) in pairs {
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(key);
        line.push('=');
        for c in value.chars() {
            if c == '%' || c.is_whitespace() || c.is_control() {
                for byte in c.encode_utf8(&mut [0; 4]).bytes() {
                    write!(line, "%{byte:02X}").expect("writing to a string does not fail");
                }
            } else {
                line.push(c);
            }
        }
    }
    line
}

/// What made the marks, as pairs.
pub(super) fn provenance(provenance: &Provenance) -> [(&'static str, String); 4] {
    [
        ("model", provenance.model.clone()),
        ("version", provenance.version.clone()),
        ("sha256", provenance.sha256.clone()),
        ("threshold", provenance.threshold.to_string()),
    ]
}

/// The value of a key in a line of pairs, among which anything else may stand.
pub(super) fn value(line: &str, key: &str) -> Option<String> {
    let mut columns = line.split([' ', '\t']);
    let value = columns.find_map(|column| column.strip_prefix(key)?.strip_prefix('='))?;
    Some(decode(value))
}

/// Undoes percent-encoding. What is not one, or not UTF-8 behind it, is left as it stands.
fn decode(value: &str) -> String {
    let bytes = value.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let code = value
            .get(at + 1..at + 3)
            .filter(|code| bytes[at] == b'%' && code.bytes().all(|b| b.is_ascii_hexdigit()))
            .and_then(|code| u8::from_str_radix(code, 16).ok());
        decoded.push(code.unwrap_or(bytes[at]));
        at += if code.is_some() { 3 } else { 1 };
    }
    String::from_utf8(decoded).unwrap_or_else(|_| value.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_come_back() {
        let check = |value: &str, written: &str| {
            let line = write([("a", "x".to_owned()), ("id", value.to_owned())]);
            assert_eq!(line, format!("a=x id={written}"));
            let among = format!("-DOCSTART- {line} O");
            assert_eq!(super::value(&among, "id").as_deref(), Some(value));
        };
        check("", "");
        check("note 1", "note%201");
        check(
            "50% =\t\r\nü\u{85}\u{a0}",
            "50%25%20=%09%0D%0Aü%C2%85%C2%A0",
        );
        check("%41", "%2541");
    }

    #[test]
    fn what_is_not_encoded_is_left() {
        let check = |written: &str, expected: Option<&str>| {
            assert_eq!(value(written, "id").as_deref(), expected, "{written}");
        };
        check("id=100%", Some("100%"));
        check("id=%zz%+1", Some("%zz%+1"));
        check("id=%FF", Some("%FF"));
        check("id=é%é", Some("é%é"));
        check("grid=1", None);
        check("id", None);
    }
}

//! How a form is written where it stands: its case, and the article before it.

use ner::Document;

/// The letters that a document is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Case {
    /// Capitals only.
    Upper,
    /// No capitals.
    Lower,
    Mixed,
}

impl Case {
    /// Of a document's whole text. Few letters, as of a note that is one abbreviation, tell
    /// nothing.
    pub(super) fn of(document: &Document) -> Self {
        let count = |is: fn(char) -> bool| document.text.chars().filter(|&c| is(c)).count();
        match (count(char::is_uppercase), count(char::is_lowercase)) {
            (10.., 0) => Self::Upper,
            (0, _) => Self::Lower,
            _ => Self::Mixed,
        }
    }
}

/// Whether a form is of capitals and digits mostly: "AMH", "hCG", "E2", "PGT-A", "D&C".
pub(super) fn is_abbreviation(form: &str) -> bool {
    let strong = |c: &char| c.is_uppercase() || c.is_numeric();
    form.chars().count() <= 7
        && !form.contains(char::is_whitespace)
        && form.chars().filter(strong).count() >= 2
        && form.chars().any(char::is_uppercase)
}

/// Whether what follows `before` begins a sentence or a line, behind a list's bullet or number too.
pub(super) fn opens_sentence(before: &str) -> bool {
    let line = before.rsplit('\n').next().unwrap_or_default();
    let is_bullet = |c: char| c.is_numeric() || c.is_whitespace() || "-–*•>.)([".contains(c);
    line.chars().all(is_bullet) || line.trim_end().ends_with(['.', '!', '?'])
}

/// A form as it is written in place of `original`, after `before`, in a document of this case.
pub(super) fn recase(form: &str, original: &str, before: &str, case: Case) -> String {
    let has = |is: fn(char) -> bool| original.chars().any(is);
    let shouted = has(char::is_uppercase) && !has(char::is_lowercase) && !is_abbreviation(original);
    let capital = original.starts_with(char::is_uppercase);
    match case {
        Case::Lower => form.to_lowercase(),
        Case::Upper => form.to_uppercase(),
        Case::Mixed if shouted => form.to_uppercase(),
        Case::Mixed if capital && opens_sentence(before) => capitalize(form),
        Case::Mixed => form.to_owned(),
    }
}

/// With a capital first letter, unless the first word has capitals of its own ("hCG").
pub(super) fn capitalize(form: &str) -> String {
    let first_word = form.split_whitespace().next().unwrap_or_default();
    let mut rest = form.chars();
    match rest.next() {
        Some(first) if !first_word.contains(char::is_uppercase) => {
            first.to_uppercase().chain(rest).collect()
        }
        _ => form.to_owned(),
    }
}

/// Makes an "a" or "an" at the end of `before` agree with the form that follows.
pub(super) fn agree(before: &mut String, form: &str) {
    let words = before.trim_end_matches(' ');
    let spaces = before.len() - words.len();
    let article = words
        .rsplit(|c: char| !c.is_alphanumeric())
        .next()
        .unwrap_or_default();
    let begin = words.len() - article.len();
    // A capital within a sentence is a name ("hepatitis A", "vitamin A"), no article.
    let is_article = matches!(article, "a" | "an")
        || matches!(article, "A" | "An") && opens_sentence(&before[..begin]);
    if spaces > 0 && is_article {
        let n = if takes_an(form) { "n" } else { "" };
        *before = format!(
            "{}{}{n}{}",
            &before[..begin],
            &article[..1],
            " ".repeat(spaces)
        );
    }
}

/// Whether a form is spoken with a vowel first.
fn takes_an(form: &str) -> bool {
    let Some(first) = form.chars().next() else {
        return false;
    };
    let word = form
        .split(|c: char| !c.is_alphanumeric())
        .next()
        .unwrap_or_default();
    if is_abbreviation(word) && first.is_uppercase() {
        // The names of these letters begin with a vowel; HSG is spelled, but HyCoSy is read.
        let is_read = word.contains(char::is_lowercase);
        return "AEIO".contains(first) || !is_read && "FHLMNRSX".contains(first);
    }
    let word = word.to_lowercase();
    let is_you = ["uni", "uri", "ute", "uro", "use", "eu", "one"]
        .iter()
        .any(|&start| word.starts_with(start));
    let is_silent = ["hour", "hono", "heir"]
        .iter()
        .any(|&start| word.starts_with(start));
    is_silent || !is_you && word.starts_with(['a', 'e', 'i', 'o', 'u'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn abbreviations_are_recognized() {
        for form in [
            "AMH", "hCG", "E2", "PGT-A", "D&C", "N/V", "17OHP", "β-hCG", "TVUS",
        ] {
            assert!(is_abbreviation(form), "{form}");
        }
        for form in [
            "amh",
            "Pap",
            "Clomid",
            "IVF cycle",
            "PROGESTERONE",
            "P",
            "21",
            "",
        ] {
            assert!(!is_abbreviation(form), "{form}");
        }
    }

    #[test]
    fn sentences_open() {
        for before in [
            "",
            "Pain.\n",
            "No fever. ",
            "x\n- ",
            "x\n 1. ",
            "Really? ",
            "• ",
        ] {
            assert!(opens_sentence(before), "{before:?}");
        }
        for before in ["no ", "S: ", "pain, ", "- no ", "x\ny "] {
            assert!(!opens_sentence(before), "{before:?}");
        }
    }

    #[test]
    fn case_fits_the_place() {
        let check = |form: &str, original: &str, before: &str, case: Case, expected: &str| {
            assert_eq!(recase(form, original, before, case), expected);
        };
        check("nausea", "Pain", "", Case::Mixed, "Nausea");
        check("nausea", "Pain", "Egg ", Case::Mixed, "nausea");
        check("nausea", "pain", "", Case::Mixed, "nausea");
        check("hCG", "Estradiol", "", Case::Mixed, "hCG");
        check("Clomid", "letrozole", "on ", Case::Mixed, "Clomid");
        check("Clomid", "letrozole", "on ", Case::Lower, "clomid");
        check("nausea", "PAIN", "NO ", Case::Upper, "NAUSEA");
        check(
            "hysteroscopy",
            "COLPOSCOPY",
            "",
            Case::Mixed,
            "HYSTEROSCOPY",
        );
        check("FSH", "AMH", "", Case::Mixed, "FSH");
        check("bloods", "HSG", "", Case::Mixed, "Bloods");
    }

    #[test]
    fn articles_agree() {
        let check = |before: &str, form: &str, expected: &str| {
            let mut before = before.to_owned();
            agree(&mut before, form);
            assert_eq!(before, expected, "{form}");
        };
        check("had a ", "ultrasound", "had an ");
        check("had an ", "hysteroscopy", "had a ");
        check("An ", "scan", "A ");
        check("A ", "HSG", "An ");
        check("a ", "HyCoSy", "a ");
        check("a ", "MRI pelvis", "an ");
        check("an ", "uterine polyp", "a ");
        check("a ", "IUI", "an ");
        check("a ", "hourly ache", "an ");
        check("vitamin A ", "egg", "vitamin A ");
        check("data ", "egg", "data ");
        check("a", "egg", "a");
        check("", "egg", "");
    }
}

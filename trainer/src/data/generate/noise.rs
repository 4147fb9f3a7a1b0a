//! What haste does to a document: lost capitals and punctuation, typing errors, another layout.
//!
//! None of it moves the border of a word that borders a mark: letters come and go within words, and
//! punctuation goes only where white space is left.

use ner::tokenize::words;

use super::Piece;
use crate::random::Stream;

/// Adds one to three kinds of noise.
pub(super) fn add(pieces: &mut [Piece], random: &mut Stream) {
    let mut kinds = [recase, drop_punctuation, mistype, mistype, lay_out];
    random.shuffle(&mut kinds);
    for kind in &kinds[..1 + random.below(3)] {
        kind(pieces, random);
    }
}

/// All in small letters, or now and then all in capitals.
fn recase(pieces: &mut [Piece], random: &mut Stream) {
    let capitals = random.below(4) == 0;
    for piece in pieces {
        piece.text = match capitals {
            true => piece.text.to_uppercase(),
            false => piece.text.to_lowercase(),
        };
    }
}

/// Drops commas and stops before white space, and apostrophes between letters.
fn drop_punctuation(pieces: &mut [Piece], random: &mut Stream) {
    let share = random.unit();
    for piece in pieces {
        let text = std::mem::take(&mut piece.text);
        let mut characters = text.chars().peekable();
        let mut last = ' ';
        while let Some(c) = characters.next() {
            let next = characters.peek().copied().unwrap_or_default();
            let droppable = match c {
                ',' | '.' | ';' | ':' => next.is_whitespace(),
                '\'' | '’' => last.is_alphabetic() && next.is_alphabetic(),
                _ => false,
            };
            if !droppable || random.unit() > share {
                piece.text.push(c);
            }
            last = c;
        }
    }
}

/// Swaps, drops or doubles letters, in at most a sixth of the words.
fn mistype(pieces: &mut [Piece], random: &mut Stream) {
    let share = random.unit() / 6.0;
    for piece in pieces {
        let mut text = String::with_capacity(piece.text.len() + 8);
        let mut at = 0;
        for word in words(&piece.text) {
            text.push_str(&piece.text[at..word.start]);
            at = word.end;
            let word = &piece.text[word];
            if is_typed(word) && random.unit() <= share {
                text.push_str(&misspell(word, random));
            } else {
                text.push_str(word);
            }
        }
        text.push_str(&piece.text[at..]);
        piece.text = text;
    }
}

/// Whether a word is long enough to be recognized with an error; abbreviations are not.
fn is_typed(word: &str) -> bool {
    word.chars().count() >= 4
        && word.chars().all(char::is_alphabetic)
        && word.chars().skip(1).all(char::is_lowercase)
}

fn misspell(word: &str, random: &mut Stream) -> String {
    let mut letters: Vec<char> = word.chars().collect();
    // First letters are seldom wrong.
    let at = 1 + random.below(letters.len() - 2);
    match random.below(3) {
        0 => letters.swap(at, at + 1),
        1 => {
            letters.remove(at);
        }
        _ => letters.insert(at, letters[at]),
    }
    letters.into_iter().collect()
}

/// Bullets or numbers before the lines, a line for each sentence, or one line for all.
fn lay_out(pieces: &mut [Piece], random: &mut Stream) {
    let is_list = pieces.iter().any(|piece| piece.text.contains('\n'))
        && !pieces.iter().any(|piece| piece.text.contains("\n\n"));
    match random.below(3) {
        0 if is_list => number_lines(pieces, BULLETS[random.below(BULLETS.len())]),
        1 if is_list => join_lines(pieces),
        _ => {
            // "abd. distension" is no sentence's end.
            for piece in pieces.iter_mut().filter(|piece| piece.label.is_none()) {
                piece.text = piece.text.replace(". ", ".\n");
            }
        }
    }
}

/// The empty one stands for numbers.
const BULLETS: [&str; 6] = ["- ", "• ", "* ", "– ", "> ", ""];

fn number_lines(pieces: &mut [Piece], bullet: &str) {
    let mut number = 0;
    let mut mark = || {
        number += 1;
        match bullet {
            "" => format!("{number}. "),
            _ => bullet.to_owned(),
        }
    };
    for (index, piece) in pieces.iter_mut().enumerate() {
        let text = std::mem::take(&mut piece.text);
        for (position, line) in text.split('\n').enumerate() {
            if position > 0 {
                piece.text.push('\n');
            }
            // The first piece is plain text, if only an empty one.
            if position > 0 || index == 0 {
                piece.text.push_str(&mark());
            }
            piece.text.push_str(line);
        }
    }
}

fn join_lines(pieces: &mut [Piece]) {
    let mut last = ' ';
    for piece in pieces {
        let text = std::mem::take(&mut piece.text);
        for c in text.chars() {
            match c {
                '\n' if last.is_whitespace() || ".,;:!?".contains(last) => piece.text.push(' '),
                '\n' => piece.text.push_str("; "),
                c => piece.text.push(c),
            }
            last = c;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::corpus;
    use crate::data::generate::{assemble, pieces};
    use ner::{Document, Labels};

    fn document(marked: &str) -> Document {
        let content = format!("=== a\n{marked}");
        let mut documents = corpus::parse("a", &content, Some(&Labels::guide())).unwrap();
        documents.remove(0).1
    }

    /// What a kind of noise makes of a document with its seeds, as the corpus writes it.
    fn check(kind: fn(&mut [Piece], &mut Stream), marked: &str, some: &[&str]) {
        let variants: Vec<String> = (0..300)
            .map(|seed| {
                let mut pieces = pieces(&document(marked));
                kind(&mut pieces, &mut Stream::new(seed));
                let noisy = corpus::to_marked(&assemble("a".into(), &pieces)).unwrap();
                noisy["=== a\n".len()..].trim_end().to_owned()
            })
            .collect();
        for expected in some {
            assert!(
                variants.iter().any(|variant| variant == expected),
                "{expected}: {variants:?}"
            );
        }
    }

    #[test]
    fn noise_is_of_its_kind() {
        check(
            recase,
            "No [[Pain|Symptoms]]",
            &["no [[pain|Symptoms]]", "NO [[PAIN|Symptoms]]"],
        );
        check(
            drop_punctuation,
            "[[can't sleep|Symptoms]], pale,[[itch|Symptoms]]. 7.2, it",
            &[
                "[[cant sleep|Symptoms]] pale,[[itch|Symptoms]] 7.2 it",
                "[[can't sleep|Symptoms]], pale,[[itch|Symptoms]]. 7.2, it",
            ],
        );
        check(
            mistype,
            "no [[pain|Symptoms]]",
            &[
                "no [[pian|Symptoms]]",
                "no [[pin|Symptoms]]",
                "no [[paiin|Symptoms]]",
            ],
        );
        check(
            lay_out,
            "[[Pain|Symptoms]]. Scan.\nNo [[rash|Symptoms]]\nend",
            &[
                "- [[Pain|Symptoms]]. Scan.\n- No [[rash|Symptoms]]\n- end",
                "1. [[Pain|Symptoms]]. Scan.\n2. No [[rash|Symptoms]]\n3. end",
                "[[Pain|Symptoms]]. Scan. No [[rash|Symptoms]]; end",
                "[[Pain|Symptoms]].\nScan.\nNo [[rash|Symptoms]]\nend",
            ],
        );
    }

    #[test]
    fn abbreviations_and_short_words_are_typed_right() {
        for (word, expected) in [
            ("pain", true),
            ("Pain", true),
            ("AMH", false),
            ("HyCoSy", false),
            ("TVUS", false),
            ("the", false),
            ("17ohp", false),
        ] {
            assert_eq!(is_typed(word), expected, "{word}");
        }
    }
}

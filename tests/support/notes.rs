//! Notes that the tests paste.

/// The example of the product's description.
pub const EXAMPLE: &str = "Patient reports irregular periods and low estrogen.";

/// Text and type of the example's entities.
pub const EXAMPLE_FOUND: [(&str, &str); 2] =
    [("irregular periods", "Symptoms"), ("estrogen", "Hormones")];

/// A note of at least so many words that hardly repeats itself and ends with `last`.
pub fn long(words: usize, last: &str) -> String {
    const WHO: [&str; 5] = [
        "The patient",
        "She",
        "Her partner",
        "The nurse",
        "The sister",
    ];
    const DID: [&str; 7] = [
        "described",
        "noted",
        "denied",
        "asked about",
        "remembered",
        "worried about",
        "wrote down",
    ];
    const WHAT: [&str; 11] = [
        "mild cramps",
        "the appointment",
        "nausea in the morning",
        "a dominant follicle on the scan",
        "the price of the parking lot",
        "two doses of letrozole",
        "the waiting time",
        "hot flashes at night",
        "an old letter from the clinic",
        "the embryo transfer",
        "the weather on that day",
    ];
    let mut note = String::new();
    let (mut count, mut number) = (0, 0_usize);
    while count < words {
        number += 1;
        let (who, did) = (WHO[number % WHO.len()], DID[number % DID.len()]);
        let sentence = format!(
            "{who} {did} {} on visit {number}.",
            WHAT[number % WHAT.len()]
        );
        count += sentence.split_whitespace().count();
        note.push_str(&sentence);
        note.push_str(if number.is_multiple_of(9) {
            "\n\n"
        } else {
            " "
        });
    }
    note.push_str(last);
    note
}

/// A note of at least so many bytes in which one long paragraph comes again and again.
pub fn repetitive(bytes: usize, last: &str) -> String {
    let paragraph = long(400, "Nothing else was said.\n\n");
    let mut note = paragraph.repeat(bytes.div_ceil(paragraph.len()));
    note.push_str(last);
    note
}

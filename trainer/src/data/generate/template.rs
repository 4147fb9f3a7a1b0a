//! Documents from templates: lines of one register with slots for entities and values.

use anyhow::{Context, Result, bail};

use super::forms::{Forms, Kind, LEXICONS};
use super::wording::{agree, capitalize, opens_sentence};
use super::{Piece, plain};
use crate::random::Stream;

/// Registers, each begun by a line `=== name`, and their lines. `{Symptoms}` stands for a form of
/// that type, `{mm}` and the like for a value; `#` begins a comment.
const TEMPLATES: &str = include_str!("../../../data/templates.txt");

/// Most lines of a document.
const MAX_LINES: usize = 8;

/// A way of writing, such as that of a laboratory sheet.
#[derive(Debug, Default)]
pub(super) struct Register {
    lines: Vec<Vec<Part>>,
}

#[derive(Debug)]
enum Part {
    Text(&'static str),
    Entity(&'static str),
    Value(Write),
}

/// Writes a value.
type Write = fn(&mut Stream) -> String;

/// The registers of the template file.
pub(super) fn registers() -> Result<Vec<Register>> {
    parse(TEMPLATES)
}

fn parse(content: &'static str) -> Result<Vec<Register>> {
    let mut registers: Vec<Register> = Vec::new();
    for (number, line) in (1..).zip(content.lines()) {
        let place = || format!("templates.txt:{number}");
        if line.starts_with("===") {
            registers.push(Register::default());
        } else if !line.trim().is_empty() && !line.starts_with('#') {
            let register = registers
                .last_mut()
                .context("a register begins with a line `=== name`")
                .with_context(place)?;
            register.lines.push(parts(line).with_context(place)?);
        }
    }
    Ok(registers)
}

/// The text and the slots of a line.
fn parts(line: &'static str) -> Result<Vec<Part>> {
    let mut parts = Vec::new();
    let mut rest = line;
    while let Some((text, slot)) = rest.split_once('{') {
        let (name, after) = slot
            .split_once('}')
            .with_context(|| format!("`{{{slot}` is not closed by `}}`"))?;
        let entity = LEXICONS.iter().find(|(label, _)| *label == name);
        let value = VALUES.iter().find(|(value, _)| *value == name);
        parts.push(Part::Text(text));
        parts.push(match (entity, value) {
            (Some((label, _)), _) => Part::Entity(label),
            (None, Some((_, value))) => Part::Value(*value),
            (None, None) => bail!("`{{{name}}}` is not a slot"),
        });
        rest = after;
    }
    parts.push(Part::Text(rest));
    Ok(parts)
}

/// Some lines of a register in their order, filled; as [`super::pieces`].
pub(super) fn fill(register: &Register, forms: &Forms, random: &mut Stream) -> Vec<Piece> {
    let mut lines: Vec<usize> = (0..register.lines.len()).collect();
    random.shuffle(&mut lines);
    lines.truncate(1 + random.below(MAX_LINES));
    lines.sort_unstable();

    let mut pieces = Vec::new();
    // What is written so far, and the plain text after its last entity.
    let mut text = String::new();
    let mut between = String::new();
    for (position, &line) in lines.iter().enumerate() {
        if position > 0 {
            between.push('\n');
            text.push('\n');
        }
        for part in &register.lines[line] {
            match part {
                Part::Text(plain) => {
                    between.push_str(plain);
                    text.push_str(plain);
                }
                Part::Value(value) => {
                    let value = value(random);
                    between.push_str(&value);
                    text.push_str(&value);
                }
                Part::Entity(label) => {
                    let form = forms.draw(label, Kind::Any, random);
                    // Not everybody writes the capital.
                    let form = if opens_sentence(&text) && random.below(8) > 0 {
                        capitalize(form)
                    } else {
                        form.to_owned()
                    };
                    agree(&mut between, &form);
                    text.push_str(&form);
                    pieces.push(plain(&std::mem::take(&mut between)));
                    pieces.push(Piece {
                        text: form,
                        label: Some((*label).to_owned()),
                    });
                }
            }
        }
    }
    pieces.push(plain(&between));
    pieces
}

/// Slots for values and what writes one.
const VALUES: [(&str, Write); 17] = [
    ("age", |r| between(r, 18, 54)),
    ("bp", |r| {
        format!("{}/{}", between(r, 96, 158), between(r, 58, 98))
    }),
    ("count", |r| between(r, 2, 19)),
    ("date", date),
    ("day", |r| between(r, 1, 28)),
    ("dose", |r| one_of(r, &DOSES)),
    ("duration", |r| one_of(r, &DURATIONS)),
    ("frequency", |r| one_of(r, &FREQUENCIES)),
    ("level", level),
    ("mm", millimetres),
    ("name", |r| one_of(r, &NAMES)),
    ("number", |r| {
        format!("{}.{}", between(r, 0, 29), r.below(10))
    }),
    ("percent", |r| format!("{}%", between(r, 2, 96))),
    ("pulse", |r| between(r, 54, 124)),
    ("time", |r| {
        format!("{:02}:{:02}", 7 + r.below(16), 5 * r.below(12))
    }),
    ("week", |r| format!("{}+{}", between(r, 4, 13), r.below(7))),
    ("year", |r| between(r, 2004, 2025)),
];

const DOSES: [&str; 24] = [
    "2.5 mg",
    "5 mg",
    "7.5mg",
    "10 mg",
    "20mg",
    "25 mg",
    "40 mg",
    "50 mcg",
    "75 mg",
    "75mcg",
    "100 mg",
    "100 IU",
    "150 units",
    "200 mg",
    "225 IU",
    "250 micrograms",
    "300 units",
    "400 mcg",
    "400mg",
    "500 mg",
    "0.25 mg",
    "1 g",
    "2 tabs",
    "10,000 IU",
];

const DURATIONS: [&str; 20] = [
    "two days",
    "3/7",
    "three days",
    "5 days",
    "a week",
    "10 days",
    "2/52",
    "two weeks",
    "three weeks",
    "a month",
    "6 weeks",
    "2 months",
    "three months",
    "4/12",
    "six months",
    "nine months",
    "a year",
    "18 months",
    "two years",
    "five years",
];

const FREQUENCIES: [&str; 20] = [
    "od",
    "OD",
    "bd",
    "BD",
    "bid",
    "tds",
    "TDS",
    "tid",
    "qds",
    "QHS",
    "nocte",
    "mane",
    "prn",
    "once daily",
    "twice a day",
    "three times a day",
    "every other day",
    "at night",
    "weekly",
    "daily",
];

const NAMES: [&str; 20] = [
    "Aisha", "Beatriz", "Chloe", "Devi", "Emeka", "Fatima", "Grace", "Hanneke", "Ines", "Jodie",
    "Kavita", "Leila", "Marta", "Nkechi", "Olga", "Priya", "Ruth", "Siobhan", "Tuyet", "Wanjiru",
];

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

const UNITS: [&str; 14] = [
    "", "", "", " IU/L", " mIU/mL", " pmol/L", " pg/mL", " nmol/L", " ng/mL", " mU/L", " mIU/L",
    " pg/ml", " ng/dL", " (H)",
];

fn one_of(random: &mut Stream, items: &[&str]) -> String {
    items[random.below(items.len())].to_owned()
}

/// A whole number, both ends included.
fn between(random: &mut Stream, least: usize, most: usize) -> String {
    (least + random.below(most - least + 1)).to_string()
}

fn date(random: &mut Stream) -> String {
    let (day, month) = (1 + random.below(28), random.below(12));
    let year = 2019 + random.below(7);
    let name = MONTHS[month];
    match random.below(5) {
        0 => format!("{day:02}/{:02}/{year}", month + 1),
        1 => format!("{year}-{:02}-{day:02}", month + 1),
        2 => format!("{day} {name}"),
        3 => format!("{name} {day}"),
        _ => format!("{day}.{}.{}", month + 1, year % 100),
    }
}

fn level(random: &mut Stream) -> String {
    let number = match random.below(4) {
        0 => format!("{}.{}", random.below(10), random.below(10)),
        1 => format!("{}.{}", 10 + random.below(60), random.below(10)),
        2 => (20 + random.below(900)).to_string(),
        _ => format!("{},{:03}", 1 + random.below(12), random.below(1000)),
    };
    let sign = if random.below(12) == 0 { "<" } else { "" };
    format!("{sign}{number}{}", one_of(random, &UNITS))
}

fn millimetres(random: &mut Stream) -> String {
    match random.below(5) {
        0 => format!("{}.{} mm", 2 + random.below(14), random.below(10)),
        1 => format!("{}mm", 3 + random.below(40)),
        2 => format!("{}.{} cm", random.below(7), 1 + random.below(9)),
        3 => format!("{} x {} mm", 8 + random.below(40), 6 + random.below(40)),
        _ => format!("{} mm", 4 + random.below(44)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_template_file_has_enough_of_every_register() {
        let registers = registers().unwrap();
        let lines: usize = registers.iter().map(|register| register.lines.len()).sum();
        assert!(lines >= 250, "{lines}");
        assert!(
            registers
                .iter()
                .all(|register| register.lines.len() >= MAX_LINES)
        );
    }

    #[test]
    fn broken_templates_name_their_line() {
        let check = |content: &'static str, message: &str| {
            let error = format!("{:#}", parse(content).unwrap_err());
            assert_eq!(error, format!("templates.txt:{message}"));
        };
        check("# x\nPain", "2: a register begins with a line `=== name`");
        check("=== a\n\nno {Symptom}", "3: `{Symptom}` is not a slot");
        check("=== a\nno {mm", "2: `{mm` is not closed by `}`");
    }

    #[test]
    fn slots_are_filled() {
        let registers = parse("=== a\n{Hormones} {level}, a {Procedures}.").unwrap();
        let forms = Forms::new(&[]);
        for seed in 0..200 {
            let pieces = fill(&registers[0], &forms, &mut Stream::new(seed));
            let [start, hormone, article, procedure, end] = &pieces[..] else {
                panic!("{pieces:?}");
            };
            assert_eq!((start.text.as_str(), end.text.as_str()), ("", "."));
            assert_eq!(hormone.label.as_deref(), Some("Hormones"));
            assert_eq!(procedure.label.as_deref(), Some("Procedures"));
            assert!(article.text.ends_with(", a ") || article.text.ends_with(", an "));
            assert!(
                article.text.contains(|c: char| c.is_ascii_digit()),
                "{article:?}"
            );
        }
    }

    #[test]
    fn every_value_is_plain() {
        for (name, value) in VALUES {
            for seed in 0..100 {
                let value = value(&mut Stream::new(seed));
                assert!(
                    !value.is_empty() && !value.contains(['\n', '{']),
                    "{name}: {value}"
                );
            }
        }
    }
}

//! A confusion matrix: which types are taken for which.

use std::path::Path;

use anyhow::{Result, bail};
use ner::evaluate::confusion::{Confusion, Pairs};
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use serde::Deserialize;

use super::{COLORS, FONT, FRAME, INK, picture, read};
use crate::report::{NONE, cell};

/// Pixels.
const CELL: i32 = 64;
const MARGIN: i32 = 16;
const TITLE: i32 = 36;
/// Of an axis' name.
const AXIS: i32 = 28;
const TEXT: i32 = 13;
/// What a character of [`TEXT`] is wide at most in common sans-serif fonts, on average over a name.
const CHARACTER: i32 = 8;
/// Up to this share black has a contrast of 4.5 : 1 to the blue, which WCAG 2.2 asks for, from it on
/// white has.
const DARK: f64 = 0.92;
/// The narrowest picture, for the title.
const LEAST_WIDTH: i32 = 420;

/// What is drawn of eval_metrics.json.
#[derive(Deserialize)]
struct Metrics {
    confusion: Confusion,
}

/// One square of the matrix.
struct Square {
    text: String,
    /// Of its row, 0 to 1.
    share: f64,
}

/// A row for each gold type and one for spurious predictions, a column for each predicted type and
/// one for missed gold entities. The darker a square, the larger its share of its row.
pub(super) fn draw(path: &Path) -> Result<String> {
    let Metrics { confusion } = read(path, "trainer evaluate --output")?;
    let Some(rows) = squares(&confusion) else {
        bail!(
            "{}: its confusion matrix is not square; make it anew with `trainer evaluate --output`",
            path.display()
        );
    };
    let names: Vec<&str> = confusion
        .types
        .iter()
        .map(String::as_str)
        .chain([NONE])
        .collect();
    let longest = names.iter().map(|name| name.chars().count()).max();
    // Names of columns stand upright, so that both axes need as much for theirs.
    let label = longest.unwrap_or(0) as i32 * CHARACTER + MARGIN;
    let side = names.len() as i32 * CELL;
    let (left, top) = (MARGIN + AXIS + label, AXIS + label);
    let width = (left + side + MARGIN).max(LEAST_WIDTH);
    let size = (width as u32, (TITLE + top + side + MARGIN) as u32);
    picture(size, "Confusion of types", |area| {
        let text = |size: i32| (FONT, size).into_font().color(&INK);
        let anchored = |h, v| text(TEXT).pos(Pos::new(h, v));
        let axis = || text(15).pos(Pos::new(HPos::Center, VPos::Center));
        area.draw_text("predicted", &axis(), (left + side / 2, AXIS / 2))?;
        let upright = axis().transform(FontTransform::Rotate270);
        area.draw_text("gold", &upright, (MARGIN + AXIS / 2, top + side / 2))?;
        for (at, name) in names.iter().enumerate() {
            let middle = at as i32 * CELL + CELL / 2;
            let row = anchored(HPos::Right, VPos::Center);
            area.draw_text(name, &row, (left - 8, top + middle))?;
            let column = anchored(HPos::Left, VPos::Center).transform(FontTransform::Rotate270);
            area.draw_text(name, &column, (left + middle, top - 8))?;
        }
        for (row, squares) in rows.iter().enumerate() {
            for (column, Square { text, share }) in squares.iter().enumerate() {
                let (x, y) = (left + column as i32 * CELL, top + row as i32 * CELL);
                let corners = [(x, y), (x + CELL, y + CELL)];
                let fill = COLORS[0].mix(*share).filled();
                area.draw(&Rectangle::new(corners, fill))?;
                area.draw(&Rectangle::new(corners, FRAME.stroke_width(1)))?;
                let ink = if *share > DARK { &WHITE } else { &BLACK };
                let style = (FONT, TEXT).into_font().color(ink);
                let style = style.pos(Pos::new(HPos::Center, VPos::Center));
                area.draw_text(text, &style, (x + CELL / 2, y + CELL / 2))?;
            }
        }
        Ok(())
    })
}

/// The matrix with `none` at the end of rows and columns, where the last row is one shorter, as what is
/// neither gold nor predicted cannot be counted; none where its parts do not fit together.
fn squares(confusion: &Confusion) -> Option<Vec<Vec<Square>>> {
    let Confusion {
        types,
        pairs,
        missed,
        spurious,
    } = confusion;
    let fits = |len: usize| len == types.len();
    let whole = [pairs.len(), missed.len(), spurious.len()];
    if !whole
        .into_iter()
        .chain(pairs.iter().map(Vec::len))
        .all(fits)
    {
        return None;
    }
    let alone = |&exact: &usize| Pairs {
        exact,
        overlapping: 0,
    };
    let rows = pairs.iter().zip(missed);
    let rows = rows.map(|(row, missed)| [&row[..], &[alone(missed)]].concat());
    let last = spurious.iter().map(alone);
    let squares = |row: Vec<Pairs>| {
        let all = |pairs: &Pairs| pairs.exact + pairs.overlapping;
        let sum = row.iter().map(all).sum::<usize>().max(1);
        let square = |pairs: &Pairs| Square {
            text: cell(pairs),
            share: all(pairs) as f64 / sum as f64,
        };
        row.iter().map(square).collect()
    };
    Some(rows.chain([last.collect()]).map(squares).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plot::tests::{check, check_refused, drawn};

    const METRICS: &str = r#"{"eval_f1": 0.5, "confusion": {
        "types": ["Disease & <Sign>", "Drug"],
        "pairs": [[{"exact": 17, "overlapping": 3}, {"exact": 1, "overlapping": 0}],
                  [{"exact": 0, "overlapping": 2}, {"exact": 29, "overlapping": 0}]],
        "missed": [5, 7], "spurious": [11, 0]}}"#;

    #[test]
    fn every_pair_of_types_has_a_square() {
        let svg = drawn(draw, METRICS).unwrap();
        let names = [
            "gold",
            "predicted",
            "Disease &amp; &lt;Sign&gt;",
            "Drug",
            "none",
        ];
        let counts = ["17+3", "1", "0+2", "29", "5", "7", "11", "0"];
        check(&svg, 0, &[&names[..], &counts].concat());
        // The background, a frame for each of eight squares, and colour where something is counted.
        assert_eq!(svg.matches("<rect").count(), 1 + 8 + 7, "{svg}");
        assert_eq!(svg.matches("Drug").count(), 2, "{svg}");
    }

    #[test]
    fn what_is_missing_is_named() {
        let check = |content: &str, words: &[&str]| {
            check_refused(drawn(draw, content), &[&["input.json"], words].concat());
        };
        let maker = "`trainer evaluate --output`";
        check(r#"{"eval_f1": 0.5}"#, &["confusion", maker]);
        check(&METRICS.replace("[5, 7]", "[5]"), &["not square", maker]);
        check(
            &METRICS.replace(r#""Drug""#, r#""Drug", "X""#),
            &["not square"],
        );
    }
}

//! The bar chart of the README: how many times as fast as onnxruntime-web.
//!
//! A dozen rectangles and lines of text need no library.

use std::fmt::Write;

use super::measure::Cell;
use super::report::{Report, shape};

const WIDTH: f64 = 860.0;
/// Where bars begin, and how far they may reach; their numbers stand behind them.
const LEFT: f64 = 110.0;
const RIGHT: f64 = 620.0;
const ROW: f64 = 22.0;
const BAR: f64 = 15.0;
const HEADER: f64 = 34.0;
const TOP: f64 = 66.0;
const BOTTOM: f64 = 26.0;

/// Of Okabe and Ito's palette for colour-blind readers too: a blue for faster, an orange for slower.
const FASTER: &str = "#0072b2";
const SLOWER: &str = "#d55e00";

/// An SVG; white, not transparent, because a page may be dark. Without cells it has only its title.
pub(super) fn draw(report: &Report) -> String {
    let Some(browser) = &report.browser else {
        return picture(TOP, &title("Nothing was measured in the browser", ""));
    };
    let cells = &browser.cells;
    let most = cells.iter().map(Cell::ratio).fold(1.0, f64::max);
    let x = |ratio: f64| LEFT + ratio / most * (RIGHT - LEFT);

    let mut body = title(
        &format!(
            "Forward pass in the browser: times as fast as onnxruntime-web {}",
            browser.peer
        ),
        &format!(
            "Medians of both in the same browser, in turns. {}, {}",
            report.place(),
            report.chromium
        ),
    );
    let mut y = TOP;
    for (at, cell) in cells.iter().enumerate() {
        if at == 0 || group(&cells[at - 1]) != group(cell) {
            y += HEADER;
            let name = match cell.model.as_str() {
                "minilm" => "Shipped model (6 layers of 384)",
                _ => "BERT-base's shape (12 layers of 768)",
            };
            let s = if cell.threads == 1 { "" } else { "s" };
            let name = format!("{name}, {} thread{s}", cell.threads);
            body += &text(8.0, y - 10.0, "font-weight=\"bold\"", &name);
        }
        let (ratio, middle) = (cell.ratio(), y + ROW / 2.0);
        let color = if ratio < 1.0 { SLOWER } else { FASTER };
        let label = format!("{} tokens", shape(cell));
        let numbers = format!(
            "{ratio:.1}x  ({:.1} against {:.1} ms)",
            cell.ours.median_ms, cell.peer.median_ms
        );
        body += &text(LEFT - 8.0, middle + 4.0, "text-anchor=\"end\"", &label);
        let (width, top) = (x(ratio) - LEFT, middle - BAR / 2.0);
        let _ = writeln!(
            body,
            r#"<rect x="{LEFT}" y="{top:.1}" width="{width:.1}" height="{BAR}" fill="{color}"/>"#
        );
        body += &text(x(ratio) + 6.0, middle + 4.0, "", &numbers);
        y += ROW;
    }
    let one = x(1.0);
    let _ = writeln!(
        body,
        r##"<path d="M{one:.1} {TOP}V{y:.1}" stroke="#333333" stroke-dasharray="4 3"/>"##
    );
    body += &text(one, y + 16.0, "text-anchor=\"middle\"", "as fast");
    picture(y + BOTTOM, &body)
}

/// Cells of one heading.
fn group(cell: &Cell) -> (&str, usize) {
    (&cell.model, cell.threads)
}

fn picture(height: f64, body: &str) -> String {
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" \
         height=\"{height}\" font-family=\"sans-serif\" font-size=\"12\" fill=\"#333333\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n{body}</svg>\n"
    )
}

fn title(title: &str, below: &str) -> String {
    text(8.0, 26.0, "font-size=\"17\"", title) + &text(8.0, 48.0, "", below)
}

fn text(x: f64, y: f64, attributes: &str, text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;");
    format!("<text x=\"{x:.1}\" y=\"{y:.1}\" {attributes}>{text}</text>\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::measure::tests::cell;
    use crate::bench::report::tests::report;

    #[test]
    fn bars_are_as_long_as_ratios() {
        let cells = vec![
            cell(1, 20.0, 80.0, 128),
            cell(1, 20.0, 40.0, 128),
            cell(4, 20.0, 10.0, 128),
        ];
        let svg = draw(&report(cells));
        assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>\n"));
        let bars = svg.lines().filter(|line| line.contains("height=\"15\""));
        let bars: Vec<&str> = bars.collect();
        let check = |bar: usize, width: f64, color: &str| {
            assert!(
                bars[bar].contains(&format!("width=\"{width:.1}\"")),
                "{svg}"
            );
            assert!(bars[bar].contains(color), "{svg}");
        };
        assert_eq!(bars.len(), 3);
        check(0, RIGHT - LEFT, FASTER);
        check(1, (RIGHT - LEFT) / 2.0, FASTER);
        check(2, (RIGHT - LEFT) / 8.0, SLOWER);
        for words in [
            "4.0x  (20.0 against 80.0 ms)</text>",
            "384), 1 thread</text>",
            "384), 4 threads</text>",
            "A &amp; B, 2026-01-02",
        ] {
            assert!(svg.contains(words), "{svg}\nlacks {words}");
        }
    }

    #[test]
    fn nothing_is_no_picture_of_something() {
        let mut report = report(Vec::new());
        report.browser = None;
        let svg = draw(&report);
        assert!(svg.contains("Nothing was measured") && !svg.contains("NaN"));
    }
}

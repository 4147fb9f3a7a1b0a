//! `trainer plot`: what runs and evaluations wrote, as pictures.
//!
//! The same input gives the same SVG. Its text is text, in whichever sans-serif font the viewer has.

mod confusion;
mod learning_curve;
mod reliability;
mod steps;
mod training;
mod types;

use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use plotters::coord::Shift;
use plotters::coord::types::RangedCoordf64;
use plotters::element::DashedPathElement;
use plotters::prelude::*;
use serde::de::DeserializeOwned;

use crate::checkpoint;

/// What to draw.
#[derive(Debug, clap::Subcommand)]
pub enum PlotCommand {
    /// Loss and F1 by epoch, from runs of `fine-tune`
    Training(TrainingArgs),
    /// Loss and learning rate by step, from a run of `fine-tune`
    Steps(RunArgs),
    /// F1 of each entity type by epoch, from a run of `fine-tune`
    Types(RunArgs),
    /// Scores against the share of entities that are right, from an evaluation
    Reliability(FileArgs),
    /// Gold types against predicted types, from an evaluation
    Confusion(FileArgs),
    /// F1 by the number of documents trained on, from `cargo xtask experiments`
    LearningCurve(FileArgs),
}

/// Runs to draw.
#[derive(Debug, clap::Args)]
pub struct TrainingArgs {
    /// Directories that `fine-tune` wrote
    #[arg(value_name = "RUN_DIR", required = true)]
    pub runs: Vec<PathBuf>,
    /// The picture
    #[arg(long, value_name = "FILE.svg")]
    pub output: PathBuf,
}

/// A run to draw.
#[derive(Debug, clap::Args)]
pub struct RunArgs {
    /// Directory that `fine-tune` wrote
    #[arg(value_name = "RUN_DIR")]
    pub run: PathBuf,
    /// The picture
    #[arg(long, value_name = "FILE.svg")]
    pub output: PathBuf,
}

/// A file to draw.
#[derive(Debug, clap::Args)]
pub struct FileArgs {
    /// eval_metrics.json for reliability and confusion, experiments.json for learning-curve
    #[arg(value_name = "FILE.json")]
    pub input: PathBuf,
    /// The picture
    #[arg(long, value_name = "FILE.svg")]
    pub output: PathBuf,
}

/// Draws what the arguments say.
///
/// # Errors
/// Names the file that cannot be read or lacks something, and the command that makes it.
pub fn run(command: &PlotCommand) -> Result<()> {
    let (svg, output) = match command {
        PlotCommand::Training(args) => (training::draw(&args.runs)?, &args.output),
        PlotCommand::Steps(args) => (steps::draw(&args.run)?, &args.output),
        PlotCommand::Types(args) => (types::draw(&args.run)?, &args.output),
        PlotCommand::Reliability(args) => (reliability::draw(&args.input)?, &args.output),
        PlotCommand::Confusion(args) => (confusion::draw(&args.input)?, &args.output),
        PlotCommand::LearningCurve(args) => (learning_curve::draw(&args.input)?, &args.output),
    };
    checkpoint::write(output, svg.as_bytes())
}

/// Reads JSON that `maker`, a command, has written.
fn read<T: DeserializeOwned>(path: &Path, maker: &str) -> Result<T> {
    let place = || path.display().to_string();
    let text = fs::read_to_string(path).with_context(place)?;
    let advice = || format!("{}: make it anew with `{maker}`", place());
    serde_json::from_str(&text).with_context(advice)
}

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Chart<'a> = ChartContext<'a, SVGBackend<'a>, Cartesian2d<RangedCoordf64, RangedCoordf64>>;

const FONT: &str = "sans-serif";
const INK: RGBColor = RGBColor(0x33, 0x33, 0x33);
const FRAME: RGBColor = RGBColor(0x88, 0x88, 0x88);
const GRID: RGBColor = RGBColor(0xe4, 0xe4, 0xe4);

/// Told apart by colour-blind readers too (Okabe and Ito 2008; without their yellow, which is faint
/// on white).
const COLORS: [RGBColor; 6] = [
    RGBColor(0x00, 0x72, 0xb2),
    RGBColor(0xd5, 0x5e, 0x00),
    RGBColor(0x00, 0x9e, 0x73),
    RGBColor(0xcc, 0x79, 0xa7),
    RGBColor(0xe6, 0x9f, 0x00),
    RGBColor(0x56, 0xb4, 0xe9),
];

/// An SVG with a title above what `fill` draws. It is white, not transparent: a page may be dark.
fn picture(
    size: (u32, u32),
    title: &str,
    fill: impl FnOnce(&Area) -> Result<()>,
) -> Result<String> {
    let mut svg = String::new();
    {
        let root = SVGBackend::with_string(&mut svg, size).into_drawing_area();
        root.fill(&WHITE)?;
        let below = root.titled(title, (FONT, 20).into_font().color(&INK))?;
        fill(&below)?;
        root.present()?;
    }
    Ok(svg)
}

/// One of a chart's axes.
struct Axis<'a> {
    label: &'a str,
    range: Range<f64>,
    /// The most lines of the grid across it.
    lines: usize,
    decimals: usize,
}

/// Axes and grid.
fn chart<'a>(area: &Area<'a>, x: &Axis, y: &Axis) -> Result<Chart<'a>> {
    let mut chart = ChartBuilder::on(area)
        .margin(12)
        .x_label_area_size(44)
        .y_label_area_size(58)
        .build_cartesian_2d(x.range.clone(), y.range.clone())?;
    let text = |size: u32| (FONT, size).into_font().color(&INK);
    chart
        .configure_mesh()
        .x_desc(x.label)
        .y_desc(y.label)
        .axis_desc_style(text(15))
        .label_style(text(13))
        .x_labels(x.lines)
        .y_labels(y.lines)
        .x_label_formatter(&|value| format!("{value:.*}", x.decimals))
        .y_label_formatter(&|value| format!("{value:.*}", y.decimals))
        .axis_style(FRAME)
        .bold_line_style(GRID)
        .light_line_style(TRANSPARENT)
        .draw()?;
    Ok(chart)
}

/// The range that F1 is drawn in: whole tenths around the values.
fn tenths(values: impl Iterator<Item = f64> + Clone) -> Range<f64> {
    let low = (values.clone().fold(0.9, f64::min) * 10.0).floor();
    let high = (values.fold(0.0, f64::max) * 10.0).ceil();
    low / 10.0..high.max(low + 1.0) / 10.0
}

/// How a line is drawn, on the chart and in its legend.
#[derive(Clone, Copy)]
struct Stroke {
    color: RGBColor,
    dashed: bool,
}

/// Pixels of a dash and of the gap after it.
const DASH: (u32, u32) = (6, 4);

/// A line with an entry in the legend.
fn line(chart: &mut Chart, points: &[(f64, f64)], stroke: Stroke, label: &str) -> Result<()> {
    let style = stroke.color.stroke_width(2);
    let points = points.iter().copied();
    let entry = if stroke.dashed {
        chart.draw_series(DashedLineSeries::new(points, DASH.0, DASH.1, style))?
    } else {
        chart.draw_series(LineSeries::new(points, style))?
    };
    entry.label(label).legend(move |(x, y)| {
        let ends = [(x, y), (x + 20, y)];
        if stroke.dashed {
            DashedPathElement::new(ends, DASH.0, DASH.1, style).into_dyn()
        } else {
            PathElement::new(ends, style).into_dyn()
        }
    });
    Ok(())
}

fn dots(chart: &mut Chart, points: &[(f64, f64)], color: RGBColor) -> Result<()> {
    let dot = |&point| Circle::new(point, 3, color.filled());
    chart.draw_series(points.iter().map(dot))?;
    Ok(())
}

/// The box that says which line is which.
fn legend(chart: &mut Chart, position: SeriesLabelPosition) -> Result<()> {
    chart
        .configure_series_labels()
        .position(position)
        .label_font((FONT, 13).into_font().color(&INK))
        .background_style(WHITE.mix(0.85))
        .border_style(GRID)
        .draw()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A picture is a whole SVG on white, with this many dots and lines of text that end so.
    pub(super) fn check(svg: &str, dots: usize, texts: &[&str]) {
        assert!(
            svg.starts_with("<svg ") && svg.ends_with("</svg>\n"),
            "{svg}"
        );
        let background = svg.lines().nth(1).unwrap();
        assert!(background.contains(r##"fill="#FFFFFF""##), "{background}");
        assert_eq!(svg.matches("<circle").count(), dots, "{svg}");
        for text in texts {
            assert!(
                svg.lines().any(|line| line.ends_with(text)),
                "{svg}\nlacks: {text}"
            );
        }
        for bad in ["NaN", "inf"] {
            assert!(!svg.contains(bad), "{svg}");
        }
    }

    /// An error names these.
    pub(super) fn check_refused(drawn: Result<String>, words: &[&str]) {
        let error = format!("{:#}", drawn.unwrap_err());
        for word in words {
            assert!(error.contains(word), "{error}\nlacks: {word}");
        }
    }

    /// Draws a file of this content, twice.
    pub(super) fn drawn(draw: fn(&Path) -> Result<String>, content: &str) -> Result<String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("input.json");
        fs::write(&path, content).unwrap();
        let svg = draw(&path)?;
        assert_eq!(svg, draw(&path).unwrap());
        Ok(svg)
    }

    #[test]
    fn f1_is_drawn_between_whole_tenths() {
        let check = |values: &[f64], expected: Range<f64>| {
            assert_eq!(tenths(values.iter().copied()), expected, "{values:?}");
        };
        check(&[0.71, 0.74], 0.7..0.8);
        check(&[0.0, 0.55], 0.0..0.6);
        check(&[0.5], 0.5..0.6);
        check(&[0.0], 0.0..0.1);
        check(&[1.0], 0.9..1.0);
    }
}

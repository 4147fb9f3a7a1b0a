//! Whether scores are what they say: of the entities with a score of 0.8, are four in five right?

use leptos::prelude::*;
use web::protocol::evaluation::Bin;

use super::scores::in_three;

/// Side of the plot and room for its axes, in units of the drawing.
const SIDE: f64 = 300.0;
const LEFT: f64 = 46.0;
const TOP: f64 = 12.0;
const RIGHT: f64 = 16.0;
const BOTTOM: f64 = 44.0;

/// Steps of the axes.
const STEPS: u32 = 5;

/// Where a share of 0 to 1 lies on the axes.
fn x(share: f64) -> f64 {
    LEFT + SIDE * share
}

fn y(share: f64) -> f64 {
    TOP + SIDE * (1.0 - share)
}

#[component]
pub(super) fn Calibration(bins: Vec<Bin>, error: f64) -> impl IntoView {
    let entities: u32 = bins.iter().map(|bin| bin.count).sum();
    let summary = format!(
        "Expected calibration error {} over {entities} found entities.",
        in_three(error)
    );
    let drawing = (0 < entities).then(|| {
        view! {
            <div class="beside">
                <Plot bins=bins.clone() />
                <Numbers bins />
            </div>
        }
    });
    view! {
        <div class="part">
            <h3>"Calibration"</h3>
            <p class="quiet">
                "Of the entities with a score of 0.8, four in five should be right. A bar is the share that is right among the \
                entities of an interval of scores, a dot stands at their mean score: on the dashed line they would be as promised."
            </p>
            <p>
                <strong data-testid="evaluation-calibration-error">{summary}</strong>
            </p>
            {drawing}
        </div>
    }
}

#[component]
fn Plot(bins: Vec<Bin>) -> impl IntoView {
    let width = 1.0 / bins.len() as f64;
    let filled = || bins.iter().enumerate().filter(|(_, bin)| 0 < bin.count);
    let bars = filled().map(|(at, bin)| {
        let left = x(at as f64 * width);
        view! {
            <rect
                class="bar"
                x=left + 1.0
                y=y(bin.accuracy)
                width=SIDE * width - 2.0
                height=SIDE * bin.accuracy
            />
            <text class="foot" x=left + SIDE * width / 2.0 y=y(0.0) - 5.0>
                {bin.count}
            </text>
        }
    });
    let dots =
        filled().map(|(_, bin)| view! { <circle cx=x(bin.score) cy=y(bin.accuracy) r="4" /> });
    let grid = (0..=STEPS).map(|step| {
        let share = f64::from(step) / f64::from(STEPS);
        let text = format!("{share:.1}");
        view! {
            <line class="grid" x1=x(0.0) y1=y(share) x2=x(1.0) y2=y(share) />
            <line class="grid" x1=x(share) y1=y(0.0) x2=x(share) y2=y(1.0) />
            <text class="tick" x=x(share) y=y(0.0) + 16.0>
                {text.clone()}
            </text>
            <text class="tick left" x=x(0.0) - 7.0 y=y(share) + 4.0>
                {text}
            </text>
        }
    });
    let middle = y(0.5);
    view! {
        <svg
            class="plot"
            role="img"
            aria-label="Share of right entities by score; the numbers stand in the table beside it"
            data-testid="evaluation-calibration"
            viewBox=format!("0 0 {} {}", LEFT + SIDE + RIGHT, TOP + SIDE + BOTTOM)
        >
            {grid.collect_view()}
            {bars.collect_view()}
            <line class="promised" x1=x(0.0) y1=y(0.0) x2=x(1.0) y2=y(1.0) />
            {dots.collect_view()}
            <text class="axis" x=x(0.5) y=y(0.0) + 36.0>
                "Score"
            </text>
            <text class="axis" x="12" y=middle transform=format!("rotate(-90 12 {middle})")>
                "Share that is right"
            </text>
        </svg>
    }
}

#[component]
fn Numbers(bins: Vec<Bin>) -> impl IntoView {
    let edge = |at: usize| format!("{:.1}", at as f64 / bins.len() as f64);
    let filled = bins.iter().enumerate().filter(|(_, bin)| 0 < bin.count);
    let rows = filled.map(|(at, bin)| {
        view! {
            <tr>
                <th scope="row">{format!("{}–{}", edge(at), edge(at + 1))}</th>
                <td class="number">{bin.count}</td>
                <td class="number">{in_three(bin.score)}</td>
                <td class="number">{in_three(bin.accuracy)}</td>
            </tr>
        }
    });
    view! {
        <table>
            <thead>
                <tr>
                    <th scope="col">"Scores"</th>
                    <th scope="col" class="number">"Entities"</th>
                    <th scope="col" class="number">"Mean score"</th>
                    <th scope="col" class="number">"Right"</th>
                </tr>
            </thead>
            <tbody>{rows.collect_view()}</tbody>
        </table>
    }
}

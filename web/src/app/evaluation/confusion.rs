//! Which types are taken for which.

use leptos::prelude::*;
use web::protocol::evaluation::{self, Pairs};

/// Shades of a cell, from none to this.
const SHADES: u32 = 5;

#[component]
pub(super) fn Confusion(table: evaluation::Confusion) -> impl IntoView {
    let head = |name: &String| {
        let (entity, name) = (name.clone(), name.clone());
        view! {
            <th scope="col" class="number" data-entity=entity>
                {name}
            </th>
        }
    };
    let rows = table.types.iter().zip(&table.pairs).zip(&table.missed);
    let rows = rows.enumerate().map(|(at, ((name, pairs), &missed))| {
        let support = missed + pairs.iter().map(all).sum::<u32>();
        let cells = pairs.iter().enumerate();
        let cells =
            cells.map(|(other, pairs)| pair(*pairs, shade(all(pairs), support), at == other));
        view! {
            <tr data-entity=name.clone()>
                <th scope="row">{name.clone()}</th>
                {cells.collect_view()}
                <td class="number wrong" data-shade=shade(missed, support)>
                    {missed}
                </td>
            </tr>
        }
    });
    let rows = rows.collect_view();
    let spurious = table.spurious.iter().enumerate();
    let spurious = spurious.map(|(at, &count)| {
        let found = count + table.pairs.iter().map(|row| all(&row[at])).sum::<u32>();
        view! {
            <td class="number wrong" data-shade=shade(count, found)>
                {count}
            </td>
        }
    });
    view! {
        <div class="part">
            <h3>"What is taken for what"</h3>
            <p class="quiet">
                "Rows are marked types, columns found types. Every marked and every found entity counts once: those with the same \
                words are a pair, then those that overlap, of the same type first. Behind a plus stand pairs that only overlap. \
                Shades tell the share of the row, those of the last row the share of the column."
            </p>
            <div class="wide" role="region" aria-label="Marked types against found types" tabindex="0">
                <table class="confusion" data-testid="evaluation-confusion">
                    <thead>
                        <tr>
                            <th scope="col">"Marked"</th>
                            {table.types.iter().map(head).collect_view()}
                            <th scope="col" class="number">"Missed"</th>
                        </tr>
                    </thead>
                    <tbody>
                        {rows}
                        <tr>
                            <th scope="row">"Not marked"</th>
                            {spurious.collect_view()}
                            <td></td>
                        </tr>
                    </tbody>
                </table>
            </div>
        </div>
    }
}

fn pair(pairs: Pairs, shade: u32, same: bool) -> impl IntoView {
    let Pairs { exact, overlapping } = pairs;
    let class = if same { "number right" } else { "number wrong" };
    let partial = (0 < overlapping).then(|| {
        view! {
            <span class="partial">
                " + " {overlapping} <span class="unseen">" overlapping"</span>
            </span>
        }
    });
    view! {
        <td class=class data-shade=shade>
            {exact}
            {partial}
        </td>
    }
}

fn all(pairs: &Pairs) -> u32 {
    pairs.exact + pairs.overlapping
}

/// How dark a cell is: not at all only where there is nothing.
fn shade(count: u32, of: u32) -> u32 {
    (count * SHADES).div_ceil(of.max(1))
}

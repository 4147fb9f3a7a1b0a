//! What is tried: each question changes one thing of a common baseline.

use anyhow::{Result, ensure};

/// Screening runs see an eighth of the documents: about ten minutes on one core, and enough to tell
/// settings apart by a few points of F1.
const SCREENED: f64 = 0.125;
const EPOCHS: u32 = 8;
/// About as many as an eighth of the corpus has, so that neither source is the larger one.
const GENERATED: u32 = 340;

/// What a run learns from, and how.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Recipe {
    /// Share of the training documents that is used; smaller ones are parts of larger ones.
    pub(super) share: f64,
    /// Whether those documents are learnt from themselves.
    pub(super) authored: bool,
    /// How many are generated from them to be learnt from.
    pub(super) generated: u32,
    pub(super) epochs: u32,
    lr: &'static str,
    subwords: &'static str,
    head: &'static str,
}

impl Recipe {
    /// For `trainer fine-tune`, beside data, base, seed and output.
    pub(super) fn arguments(&self) -> String {
        let Self {
            epochs,
            lr,
            subwords,
            head,
            ..
        } = self;
        format!("--epochs {epochs} --lr {lr} --batch-size 8 --subwords {subwords} --head {head}")
    }
}

/// An answer to a question. Experiments with the same recipe are run once.
#[derive(Debug)]
pub(super) struct Experiment {
    pub(super) question: &'static str,
    pub(super) name: &'static str,
    pub(super) recipe: Recipe,
    pub(super) seeds: &'static [u64],
}

const BASELINE: Recipe = Recipe {
    share: SCREENED,
    authored: true,
    generated: 0,
    epochs: EPOCHS,
    lr: "3e-4",
    subwords: "first",
    head: "softmax",
};

/// The recipe of the shipped model.
pub(super) const CLAIMED: Recipe = Recipe {
    share: 1.0,
    head: "crf",
    ..BASELINE
};

/// Of what the model card claims: as many as show how much scores vary.
pub(super) const CLAIM_SEEDS: &[u64] = &[1, 2, 3];

const fn claim(question: &'static str, name: &'static str, recipe: Recipe) -> Experiment {
    Experiment {
        seeds: CLAIM_SEEDS,
        ..screening(question, name, recipe)
    }
}

const fn screening(question: &'static str, name: &'static str, recipe: Recipe) -> Experiment {
    Experiment {
        question,
        name,
        recipe,
        seeds: &[1],
    }
}

/// The question whose runs `trainer plot` draws; it takes the name, too.
pub(super) const LEARNING_CURVE: &str = "learning-curve";

#[rustfmt::skip]
pub(super) const EXPERIMENTS: &[Experiment] = &[
    screening("data", "corpus", BASELINE),
    screening("data", "generator", Recipe { authored: false, generated: GENERATED, ..BASELINE }),
    screening("data", "corpus-and-generator", Recipe { generated: GENERATED, ..BASELINE }),
    screening("lr", "lr-1e-4", Recipe { lr: "1e-4", ..BASELINE }),
    screening("lr", "lr-2e-4", Recipe { lr: "2e-4", ..BASELINE }),
    screening("lr", "lr-3e-4", BASELINE),
    screening("lr", "lr-5e-4", Recipe { lr: "5e-4", ..BASELINE }),
    screening("epochs", "epochs-4", Recipe { epochs: 4, ..BASELINE }),
    screening("epochs", "epochs-8", BASELINE),
    screening("epochs", "epochs-16", Recipe { epochs: 16, ..BASELINE }),
    claim("subwords", "subwords-first", BASELINE),
    claim("subwords", "subwords-all", Recipe { subwords: "all", ..BASELINE }),
    claim("head", "head-softmax", BASELINE),
    claim("head", "head-crf", Recipe { head: "crf", ..BASELINE }),
    screening(LEARNING_CURVE, "eighth", Recipe { share: 0.125, ..CLAIMED }),
    screening(LEARNING_CURVE, "quarter", Recipe { share: 0.25, ..CLAIMED }),
    screening(LEARNING_CURVE, "half", Recipe { share: 0.5, ..CLAIMED }),
    claim(LEARNING_CURVE, "whole", CLAIMED),
];

/// The first experiment with a recipe, which lends the others its name.
pub(super) fn first(recipe: &Recipe) -> &'static Experiment {
    let mut experiments = EXPERIMENTS.iter();
    experiments
        .find(|experiment| experiment.recipe == *recipe)
        .expect("recipes come from the table")
}

/// The names of the experiments that are meant by names of theirs or of their questions: all, where
/// there are none.
pub(super) fn select(names: &[String]) -> Result<Vec<&'static str>> {
    let means = |name: &String, experiment: &Experiment| {
        name == experiment.name || name == experiment.question
    };
    for name in names {
        let mut questions: Vec<_> = EXPERIMENTS.iter().map(|known| known.question).collect();
        questions.dedup();
        ensure!(
            EXPERIMENTS.iter().any(|experiment| means(name, experiment)),
            "`{name}` is no experiment; there are {}",
            questions.join(", ")
        );
    }
    let selected = |experiment: &&Experiment| {
        names.is_empty() || names.iter().any(|name| means(name, experiment))
    };
    let selected = EXPERIMENTS.iter().filter(selected);
    Ok(selected.map(|experiment| experiment.name).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_select() {
        let check = |names: &[&str], expected: usize| {
            let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
            assert_eq!(select(&names).unwrap().len(), expected, "{names:?}");
        };
        check(&[], EXPERIMENTS.len());
        check(&["lr"], 4);
        check(&["lr", "lr-1e-4", "whole"], 5);
        let error = select(&["dropout".into()]).unwrap_err().to_string();
        assert_eq!(
            error,
            "`dropout` is no experiment; there are data, lr, epochs, subwords, head, learning-curve"
        );
    }

    #[test]
    fn names_are_distinct_and_recipes_are_run_once() {
        let mut names: Vec<_> = EXPERIMENTS.iter().map(|known| known.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), EXPERIMENTS.len());
        let check = |name: &str, expected: &str| {
            let found = EXPERIMENTS.iter().find(|known| known.name == name);
            assert_eq!(first(&found.unwrap().recipe).name, expected, "{name}");
        };
        check("lr-3e-4", "corpus");
        check("epochs-8", "corpus");
        check("eighth", "head-crf");
        check("head-crf", "head-crf");
    }
}

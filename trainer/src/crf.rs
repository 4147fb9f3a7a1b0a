//! The loss of a linear-chain CRF over words (Lafferty et al. 2001); `ner::crf` has the sums.

use std::ops::Range;

use candle_core::{CpuStorage, CustomOp2, DType, Device, Layout, Result, Shape, Tensor};
use ner::boundary::Boundary;
use ner::crf::{Chain, Lattice, Learned, Transitions};
use ner::{Labels, Tag};
use rayon::prelude::*;

use crate::batch::Batch;
use crate::ops::slices;

/// Negative log-likelihood of a batch's label sequences, divided by the number of words.
///
/// `logits` is `[M, L]` for the M targets of the batch; `terms` are the tensors
/// [`ner::model::tensors::CRF`]: start `[L]`, step `[L, L]`, end `[L]`, line `[L]`.
///
/// # Errors
/// candle's.
pub(crate) fn loss(
    logits: &Tensor,
    terms: &[Tensor],
    batch: &Batch,
    labels: &Labels,
) -> anyhow::Result<Tensor> {
    // A custom op has at most three arguments. The sums take F64 on the host: some hundred words of
    // L² terms are nothing beside the network.
    let host = |tensor: &Tensor| tensor.to_device(&Device::Cpu)?.to_dtype(DType::F32);
    let flat = terms.iter().map(|term| host(&term.flatten_all()?));
    let terms = Tensor::cat(&flat.collect::<Result<Vec<_>>>()?, 0)?;
    let op = Likelihood {
        targets: batch.targets.iter().map(|&id| id as usize).collect(),
        boundaries: batch.boundaries.clone(),
        cut: batch.cut.clone(),
        labels: labels.clone(),
    };
    Ok(host(logits)?.contiguous()?.apply_op2(&terms, op)?)
}

/// Arguments logits `[M, L]` and terms `[L + L² + L + L]`; result a scalar.
struct Likelihood {
    targets: Vec<usize>,
    boundaries: Vec<Boundary>,
    cut: Vec<bool>,
    labels: Labels,
}

/// Targets that depend on each other.
struct Links {
    rows: Range<usize>,
    /// Whether it really starts and ends here, or the window cuts it.
    starts: bool,
    ends: bool,
}

/// What one chain adds to the loss and to its gradients, before division by the number of words.
struct Part {
    rows: Range<usize>,
    loss: f64,
    logits: Vec<f64>,
    terms: Vec<f64>,
}

impl Likelihood {
    /// The targets of each chain. A window can begin inside an entity: its first words then continue
    /// what the chain does not hold, and are left out.
    fn chains(&self) -> Vec<Links> {
        let mut start = 0;
        let chunks = self
            .boundaries
            .chunk_by(|_, &next| next < Boundary::Paragraph);
        let chains = chunks.map(|chunk| {
            let rows = start..start + chunk.len();
            start = rows.end;
            let is_inside = |&id: &usize| matches!(self.labels.tag(id), Tag::Inside(_));
            let skipped = self.targets[rows.clone()]
                .iter()
                .take_while(|id| is_inside(id));
            Links {
                starts: !self.cut[rows.start],
                ends: !self.cut[rows.end - 1],
                rows: rows.start + skipped.count()..rows.end,
            }
        });
        chains.filter(|links| !links.rows.is_empty()).collect()
    }

    fn parts(&self, logits: &[f32], terms: &[f32], gradients: bool) -> Vec<Part> {
        let count = self.labels.len();
        let (start, rest) = terms.split_at(count);
        let (step, rest) = rest.split_at(count * count);
        let (end, line) = rest.split_at(count);
        let learned = Learned {
            start,
            step,
            end,
            line,
        };
        let transitions = Transitions::learned(&self.labels, learned);
        let part = |links: Links| {
            let rows = links.rows;
            let targets = &self.targets[rows.clone()];
            let mut words = logits[rows.start * count..rows.end * count].to_vec();
            // At an edge that is a window's and not the paragraph's, the label is taken for known.
            // Whatever is added to it then stands in the score and in log Z alike: neither the term
            // of a start or an end, which there is none, nor the half-known word learns from it.
            let mut know = |word: usize| {
                for (id, logit) in words[word * count..][..count].iter_mut().enumerate() {
                    if id != targets[word] {
                        *logit = f32::NEG_INFINITY;
                    }
                }
            };
            if !links.starts {
                know(0);
            }
            if !links.ends {
                know(targets.len() - 1);
            }
            let begins_line = |row| self.boundaries[row] >= Boundary::Line;
            let words = words.chunks_exact(count).zip(rows.clone().map(begins_line));
            let chain = Chain::new(words, &transitions);
            let lattice = Lattice::new(&chain);
            let mut part = Part {
                loss: lattice.log_partition() - chain.score(targets),
                logits: Vec::new(),
                terms: Vec::new(),
                rows,
            };
            if gradients {
                self.differentiate(&lattice, &mut part);
            }
            part
        };
        self.chains().into_par_iter().map(part).collect()
    }

    /// The gradient of `log Z - score`: what is expected less what is there.
    fn differentiate(&self, lattice: &Lattice, part: &mut Part) {
        let count = self.labels.len();
        let (step, end, line) = (count, count + count * count, 2 * count + count * count);
        let targets = &self.targets[part.rows.clone()];
        part.terms = vec![0.0; line + count];
        for (word, (&target, row)) in targets.iter().zip(part.rows.clone()).enumerate() {
            for id in 0..count {
                let there = if id == target { 1.0 } else { 0.0 };
                let excess = lattice.log_label(word, id).exp() - there;
                part.logits.push(excess);
                if word == 0 {
                    part.terms[id] += excess;
                }
                if word + 1 == targets.len() {
                    part.terms[end + id] += excess;
                }
                if self.boundaries[row] >= Boundary::Line {
                    part.terms[line + id] += excess;
                }
            }
            if let Some(last) = word.checked_sub(1) {
                for from in 0..count {
                    for to in 0..count {
                        part.terms[step + from * count + to] +=
                            lattice.log_pair(word, from, to).exp();
                    }
                }
                part.terms[step + targets[last] * count + target] -= 1.0;
            }
        }
    }
}

impl CustomOp2 for Likelihood {
    fn name(&self) -> &'static str {
        "crf-likelihood"
    }

    fn cpu_fwd(
        &self,
        logits: &CpuStorage,
        logits_layout: &Layout,
        terms: &CpuStorage,
        terms_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let count = self.labels.len();
        let fits = logits_layout.dims() == [self.targets.len(), count]
            && terms_layout.dims() == [count * (count + 3)];
        if !fits {
            candle_core::bail!(
                "CRF: logits {:?}, terms {:?} for {} targets of {count} labels",
                logits_layout.dims(),
                terms_layout.dims(),
                self.targets.len()
            );
        }
        let logits = slices::of_storage(logits, logits_layout)?;
        let terms = slices::of_storage(terms, terms_layout)?;
        let parts = self.parts(logits, terms, false);
        let loss: f64 = parts.iter().map(|part| part.loss).sum();
        let loss = (loss / self.targets.len() as f64) as f32;
        Ok((CpuStorage::F32(vec![loss]), ().into()))
    }

    fn bwd(
        &self,
        logits: &Tensor,
        terms: &Tensor,
        _result: &Tensor,
        gradient: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let scale = f64::from(gradient.to_scalar::<f32>()?) / self.targets.len() as f64;
        let mut parts = Vec::new();
        slices::with(logits, |logits| {
            slices::with(terms, |terms| {
                parts = self.parts(logits, terms, true);
                Ok(())
            })
        })?;
        let mut d_logits = vec![0f32; logits.elem_count()];
        let mut d_terms = vec![0f64; terms.elem_count()];
        let count = self.labels.len();
        for part in &parts {
            let rows = part.rows.start * count..part.rows.end * count;
            for (to, from) in d_logits[rows].iter_mut().zip(&part.logits) {
                *to = (scale * from) as f32;
            }
            for (to, from) in d_terms.iter_mut().zip(&part.terms) {
                *to += scale * from;
            }
        }
        let d_terms = d_terms.into_iter().map(|value| value as f32).collect();
        Ok((
            Some(slices::tensor(d_logits, logits.dims())?),
            Some(slices::tensor(d_terms, terms.dims())?),
        ))
    }
}

#[cfg(test)]
mod tests {
    use candle_core::Var;
    use serde_json::{Value, json};

    use super::*;

    const GOLDEN: &str = include_str!("../tests/goldens/crf.json");

    /// Of F32 against pytorch-crf's F64: sums of some ten values of up to 10.
    const TOLERANCE: f64 = 2e-6;

    fn numbers(value: &Value) -> Vec<f64> {
        match value {
            Value::Array(values) => values.iter().flat_map(numbers).collect(),
            value => vec![value.as_f64().unwrap()],
        }
    }

    fn var(value: &Value, shape: &[usize]) -> Var {
        let values: Vec<f32> = numbers(value).iter().map(|&x| x as f32).collect();
        Var::from_tensor(&Tensor::from_vec(values, shape, &Device::Cpu).unwrap()).unwrap()
    }

    fn check(name: &str, found: &Tensor, expected: &Value) {
        let found = found.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        let expected = numbers(expected);
        assert_eq!(found.len(), expected.len(), "{name}");
        for (at, (&found, expected)) in found.iter().zip(expected).enumerate() {
            let distance = (f64::from(found) - expected).abs();
            assert!(
                distance < TOLERANCE,
                "{name}[{at}]: {found}, not {expected}"
            );
        }
    }

    #[test]
    fn loss_and_gradients_are_those_of_pytorch_crf() {
        let golden: Value = serde_json::from_str(GOLDEN).unwrap();
        let names = golden["labels"].as_array().unwrap();
        let names = names.iter().map(|name| name.as_str().unwrap().to_owned());
        let labels = Labels::new(names.collect()).unwrap();
        let count = labels.len();
        let chains = golden["chains"].as_array().unwrap();

        // Before the first chain stands one that begins inside an entity: its only word is left out,
        // has no gradient, and counts among the words that the loss is divided by.
        let mut batch = Batch {
            targets: vec![2],
            boundaries: vec![Boundary::Paragraph],
            cut: vec![true],
            ..Batch::default()
        };
        let (mut logits, mut gradient) = (vec![0.5; count], vec![0.0; count]);
        for chain in chains {
            for (word, begins_line) in chain["begins_line"].as_array().unwrap().iter().enumerate() {
                batch.boundaries.push(match begins_line.as_bool().unwrap() {
                    _ if word == 0 => Boundary::Paragraph,
                    true => Boundary::Line,
                    false => Boundary::Sentence,
                });
            }
            batch
                .targets
                .extend(numbers(&chain["targets"]).iter().map(|&id| id as u32));
            logits.extend(numbers(&chain["logits"]));
            gradient.extend(numbers(&chain["gradient"]));
        }
        let rows = batch.targets.len();
        batch.cut.resize(rows, false);
        let logits = var(&json!(logits), &[rows, count]);
        let names = ["start", "step", "end", "line"];
        let shapes: [&[usize]; 4] = [&[count], &[count, count], &[count], &[count]];
        let terms: Vec<Var> = names
            .iter()
            .zip(shapes)
            .map(|(name, shape)| var(&golden["terms"][name], shape))
            .collect();
        let tensors: Vec<Tensor> = terms.iter().map(|term| term.as_tensor().clone()).collect();
        let scale = rows as f64 / (rows - 1) as f64;
        let loss = (loss(&logits, &tensors, &batch, &labels).unwrap() * scale).unwrap();
        check("loss", &loss, &golden["loss"]);
        let gradients = loss.backward().unwrap();
        check("logits", gradients.get(&logits).unwrap(), &json!(gradient));
        for (name, term) in names.iter().zip(&terms) {
            check(
                name,
                gradients.get(term).unwrap(),
                &golden["gradients"][name],
            );
        }
    }

    #[test]
    fn where_a_window_cuts_a_paragraph_nothing_starts_or_ends() {
        let labels = ["O", "B-X", "I-X"].map(str::to_owned).to_vec();
        let labels = Labels::new(labels).unwrap();
        // The paragraph's first word and its last one lie in other windows.
        let batch = Batch {
            targets: vec![1, 2, 0],
            boundaries: vec![Boundary::Paragraph, Boundary::Line, Boundary::Word],
            cut: vec![true, false, true],
            ..Batch::default()
        };
        let logits = var(
            &json!([0.3, -0.2, 0.9, 0.5, -1.5, 0.25, -0.75, 1.25, 0.1]),
            &[3, 3],
        );
        let step = [0.1, 0.4, 9.0, -0.6, 0.8, 0.7, 0.2, -0.3, 0.6];
        let line = [0.35, -0.45, 0.15];
        let terms: [(Value, &[usize]); 4] = [
            (json!([5.0, 6.0, 7.0]), &[3]),
            (json!(step), &[3, 3]),
            (json!([-2.0, 3.0, 4.0]), &[3]),
            (json!(line), &[3]),
        ];
        let terms = terms.map(|(values, shape)| var(&values, shape));
        let tensors: Vec<Tensor> = terms.iter().map(|term| term.as_tensor().clone()).collect();
        let loss = loss(&logits, &tensors, &batch, &labels).unwrap();

        // What the middle word adds, by its label, between B-X and O.
        let score = |id: usize| [0.5, -1.5, 0.25][id] + line[id] + step[3 + id] + step[3 * id];
        let sum: f64 = (0..3).map(|id| f64::exp(score(id))).sum();
        let probability = |id: usize| score(id).exp() / sum;
        check("loss", &loss, &json!(-probability(2).ln() / 3.0));
        let excess = [
            probability(0) / 3.0,
            probability(1) / 3.0,
            (probability(2) - 1.0) / 3.0,
        ];
        let [a, b, c] = excess;
        let gradients = loss.backward().unwrap();
        let expected = [
            json!([0, 0, 0, a, b, c, 0, 0, 0]),
            json!([0, 0, 0]),
            json!([a, 0, 0, a + b, b, c, c, 0, 0]),
            json!([0, 0, 0]),
            json!(excess),
        ];
        let names = ["logits", "start", "step", "end", "line"];
        let vars = std::iter::once(&logits).chain(&terms);
        for ((name, var), expected) in names.iter().zip(vars).zip(&expected) {
            check(name, gradients.get(var).unwrap(), expected);
        }
    }
}

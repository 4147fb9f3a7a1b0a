//! Sequences per second of training steps at all-MiniLM-L6-v2's shape: 32 sequences of 128 tokens,
//! dropout 0.1.
//!
//! `cargo bench -p trainer --bench train_step [-- --pytorch PYTHON]` measures PyTorch in the same
//! run where a Python with `torch` and `transformers` is given. The answer is checked: the first
//! loss must be that of candle's own operations with the same dropout masks, and training on one
//! batch must bring the loss down.

use std::collections::HashMap;
use std::time::Instant;

use anyhow::{Result, ensure};
use candle_core::Device;
use ner::Labels;
use ner::boundary::Boundary;
use ner::model::Config;
use trainer::adamw::{AdamW, Options};
use trainer::batch::Batch;
use trainer::bert::{Bert, Mode};
use trainer::random::Stream;

const SEQUENCES: usize = 32;
const TOKENS: usize = 128;
const STEPS: u64 = 6;

/// Relative difference of two losses of 4,096 tokens in F32 with different orders of summation.
const TOLERANCE: f64 = 1e-5;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args()
        .skip(1)
        .filter(|argument| argument != "--bench")
        .collect();
    let config = Config::from_json(
        r#"{"model_type": "bert", "vocab_size": 30522, "hidden_size": 384, "num_hidden_layers": 6,
        "num_attention_heads": 12, "intermediate_size": 1536}"#,
    )?
    .with_labels(&Labels::guide());
    let (bert, _) = Bert::new(config, HashMap::new(), 1, &Device::Cpu)?;
    let mut random = Stream::new(2);
    let mut batch = Batch {
        starts: (0..=SEQUENCES).map(|b| b * TOKENS).collect(),
        ..Batch::default()
    };
    for row in 0..SEQUENCES * TOKENS {
        batch.ids.push(random.below(30_522) as u32);
        batch.rows.push(row as u32);
        batch.targets.push(random.below(11) as u32);
        batch.boundaries.push(Boundary::Word);
        batch.cut.push(false);
    }
    let parameters = bert
        .parameters()
        .map(|(name, var)| (name.to_owned(), var.clone()));
    let mut optimizer = AdamW::new(parameters, Options::default())?;

    let loss = |step| -> Result<f64> {
        Ok(f64::from(
            bert.loss(&batch, Mode::Train { seed: step })?
                .to_scalar::<f32>()?,
        ))
    };
    let first = loss(0)?;
    let reference = f64::from(
        bert.composite_loss(&batch, Mode::Train { seed: 0 })?
            .to_scalar::<f32>()?,
    );
    ensure!(
        (first - reference).abs() < TOLERANCE * reference,
        "loss {first}, candle's own operations {reference}"
    );

    let mut seconds = [0f64; 3];
    let mut best = f64::INFINITY;
    for step in 0..=STEPS {
        let times = [Instant::now(); 1];
        let value = bert.loss(&batch, Mode::Train { seed: step })?;
        let forward = times[0].elapsed().as_secs_f64();
        let gradients = value.backward()?;
        let backward = times[0].elapsed().as_secs_f64() - forward;
        optimizer.step(&gradients, 1e-4)?;
        let total = times[0].elapsed().as_secs_f64();
        // The first step also pays for the memory that later ones use again.
        if step > 0 {
            best = best.min(total);
            for (sum, part) in
                seconds
                    .iter_mut()
                    .zip([forward, backward, total - forward - backward])
            {
                *sum += part / STEPS as f64;
            }
        }
    }
    let last = loss(0)?;
    ensure!(last < first, "the loss went from {first} to {last}");
    let rate = SEQUENCES as f64 / seconds.iter().sum::<f64>();
    println!(
        "loss {first:.5} (reference {reference:.5}), after {} steps {last:.5}",
        STEPS + 1
    );
    println!(
        "{rate:.1} sequences/s (best step {:.1}); forward {:.3} s, backward {:.3} s, \
         optimizer {:.3} s; {} threads",
        SEQUENCES as f64 / best,
        seconds[0],
        seconds[1],
        seconds[2],
        rayon::current_num_threads()
    );
    if let [flag, python] = arguments.as_slice()
        && flag == "--pytorch"
    {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/train_step.py");
        let threads = rayon::current_num_threads().to_string();
        let output = std::process::Command::new(python)
            .args([script, &threads])
            .output()?;
        ensure!(
            output.status.success(),
            "{python}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        let torch: f64 = String::from_utf8(output.stdout)?.trim().parse()?;
        println!("PyTorch {torch:.1} sequences/s; ratio {:.2}", rate / torch);
    }
    Ok(())
}

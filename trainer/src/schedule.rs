//! The learning rate over the steps of a run.

/// Linear warm-up from 0 to the peak and linear decay back to 0, as Hugging Face's
/// `get_linear_schedule_with_warmup`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Linear {
    /// Highest learning rate.
    pub peak: f64,
    /// Steps of the warm-up.
    pub warmup: usize,
    /// Steps of the run.
    pub total: usize,
}

impl Linear {
    /// A schedule whose warm-up takes `ratio` of the run, rounded up as Hugging Face's trainer
    /// does.
    pub fn new(peak: f64, ratio: f64, total: usize) -> Self {
        Self {
            peak,
            warmup: (total as f64 * ratio).ceil() as usize,
            total,
        }
    }

    /// Learning rate of step `step`, counted from 0.
    pub fn rate(&self, step: usize) -> f64 {
        let factor = if step < self.warmup {
            step as f64 / self.warmup.max(1) as f64
        } else {
            let left = self.total.saturating_sub(step) as f64;
            left / self.total.saturating_sub(self.warmup).max(1) as f64
        };
        self.peak * factor
    }
}

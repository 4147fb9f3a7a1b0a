//! Random numbers that depend on a seed alone; page and terminal share the streams themselves.

pub use ner::random::{Stream, mix};

/// Standard normal (Box and Muller 1958).
pub fn normal(stream: &mut Stream) -> f64 {
    let radius = (-2.0 * stream.unit().ln()).sqrt();
    radius * (std::f64::consts::TAU * stream.unit()).cos()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_those_of_the_distribution() {
        let mut stream = Stream::new(7);
        let n = 200_000;
        let normals: Vec<f64> = (0..n).map(|_| normal(&mut stream)).collect();
        let mean = normals.iter().sum::<f64>() / n as f64;
        let variance = normals.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n as f64;
        // Five standard errors of each estimate.
        assert!(mean.abs() < 5.0 / (n as f64).sqrt(), "mean {mean}");
        assert!(
            (variance - 1.0).abs() < 5.0 * (2.0 / n as f64).sqrt(),
            "variance {variance}"
        );
    }
}

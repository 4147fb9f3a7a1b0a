//! Random numbers that depend on a seed alone, not on threads, devices or a library's version.

/// The finalizer of SplitMix64 (Steele, Lea and Flood 2014): a bijection of 64-bit words with good
/// avalanche.
pub fn mix(value: u64) -> u64 {
    let mut x = value.wrapping_add(GOLDEN);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

/// SplitMix64: every draw of a bootstrap, a shuffle or an initial weight comes from one.
#[derive(Debug, Clone)]
pub struct Stream(u64);

impl Stream {
    /// The stream of a seed.
    pub fn new(seed: u64) -> Self {
        Self(mix(seed))
    }

    /// Where the stream is: [`Self::at`] goes on from there.
    pub fn state(&self) -> u64 {
        self.0
    }

    /// A stream that goes on from where another was.
    pub fn at(state: u64) -> Self {
        Self(state)
    }

    /// The next 64 bits.
    pub fn bits(&mut self) -> u64 {
        let value = mix(self.0);
        self.0 = self.0.wrapping_add(GOLDEN);
        value
    }

    /// Uniform in `0..n`; `n` must not be 0. The bias of the multiplication (Lemire 2019, without
    /// rejection) is below n / 2^64.
    pub fn below(&mut self, n: usize) -> usize {
        ((u128::from(self.bits()) * n as u128) >> 64) as usize
    }

    /// Uniform in (0, 1].
    pub fn unit(&mut self) -> f64 {
        ((self.bits() >> 11) + 1) as f64 / (1u64 << 53) as f64
    }

    /// A uniformly random order (Fisher and Yates).
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last + 1));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first numbers of SplitMix64 from the seed 1234567, as the C of Vigna gives them
    /// (https://prng.di.unimi.it/splitmix64.c).
    #[test]
    fn numbers_are_those_of_splitmix64() {
        let mut stream = Stream(1_234_567);
        let expected = [
            6_457_827_717_110_365_317,
            3_203_168_211_198_807_973,
            9_817_491_932_198_370_423,
        ];
        assert_eq!([(); 3].map(|()| stream.bits()), expected);
    }

    #[test]
    fn numbers_below_another_are_uniform() {
        let mut stream = Stream::new(7);
        let n = 200_000;
        let mut counts = [0usize; 7];
        for _ in 0..n {
            counts[stream.below(7)] += 1;
        }
        let expected = n as f64 / 7.0;
        let chi_square: f64 = counts
            .iter()
            .map(|&c| (c as f64 - expected).powi(2) / expected)
            .sum();
        // The 0.9999 quantile of chi-square with six degrees of freedom is 27.9.
        assert!(chi_square < 27.9, "chi-square {chi_square}");
    }

    #[test]
    fn shuffle_keeps_every_item_and_follows_the_seed() {
        let order = |seed| {
            let mut items: Vec<usize> = (0..100).collect();
            Stream::new(seed).shuffle(&mut items);
            items
        };
        let mut sorted = order(1);
        assert_ne!(sorted, (0..100).collect::<Vec<_>>());
        assert_eq!(order(1), order(1));
        assert_ne!(order(1), order(2));
        sorted.sort_unstable();
        assert_eq!(sorted, (0..100).collect::<Vec<_>>());
    }
}

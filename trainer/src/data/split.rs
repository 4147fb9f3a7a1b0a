//! Documents into train, dev and test.

use anyhow::{Result, ensure};
use ner::Document;

/// The shares of dev and test; the rest is train.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Fractions {
    /// Share of the documents to choose the model by, 0 to 1.
    pub dev: f64,
    /// Share of the documents that only the last evaluation sees, 0 to 1.
    pub test: f64,
}

impl Default for Fractions {
    /// 80 / 10 / 10.
    fn default() -> Self {
        Self {
            dev: 0.1,
            test: 0.1,
        }
    }
}

/// Documents in three parts, each in their original order.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Split {
    /// To learn from.
    pub train: Vec<Document>,
    /// To choose the model by.
    pub dev: Vec<Document>,
    /// To evaluate it once.
    pub test: Vec<Document>,
}

/// Splits documents by a hash of their ids, so that a document stays in its part when others come
/// and go.
///
/// # Errors
/// When a share is negative or both together are more than 1, or a document has no id.
pub fn split(documents: Vec<Document>, fractions: Fractions) -> Result<Split> {
    let Fractions { dev, test } = fractions;
    ensure!(
        dev >= 0.0 && test >= 0.0 && dev + test <= 1.0,
        "shares of {dev} for dev and {test} for test are not possible"
    );
    let mut split = Split::default();
    for document in documents {
        ensure!(
            !document.id.is_empty(),
            "a document without an id cannot be put into a part: `{:.40}`",
            document.text
        );
        let place = place(&document.id);
        let part = match place {
            _ if place < test => &mut split.test,
            _ if place < test + dev => &mut split.dev,
            _ => &mut split.train,
        };
        part.push(document);
    }
    Ok(split)
}

/// A number in 0..1 from an id: 64-bit FNV-1a over its bytes, finished as SplitMix64 does because
/// FNV alone leaves ids that differ in their last letter close together, and its upper 53 bits as a
/// fraction.
fn place(id: &str) -> f64 {
    let mut hash = id.bytes().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^= hash >> 31;
    (hash >> 11) as f64 / (1_u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn documents(count: usize) -> Vec<Document> {
        (0..count)
            .map(|n| Document {
                id: format!("short-{n:02}"),
                text: "a".into(),
                spans: Vec::new(),
            })
            .collect()
    }

    #[test]
    fn parts_have_their_shares() {
        let count = 5000;
        // Three standard deviations of a binomial with 5,000 draws and a share of 0.1 to 0.3 are
        // below 0.02.
        let tolerance = 0.02;
        for fractions in [
            Fractions::default(),
            Fractions {
                dev: 0.3,
                test: 0.2,
            },
            Fractions {
                dev: 0.0,
                test: 1.0,
            },
        ] {
            let parts = split(documents(count), fractions).unwrap();
            let share = |part: &[Document]| part.len() as f64 / count as f64;
            assert!(
                (share(&parts.dev) - fractions.dev).abs() < tolerance,
                "{}",
                parts.dev.len()
            );
            assert!(
                (share(&parts.test) - fractions.test).abs() < tolerance,
                "{}",
                parts.test.len()
            );
            assert_eq!(
                parts.train.len() + parts.dev.len() + parts.test.len(),
                count
            );
        }
    }

    #[test]
    fn a_document_stays_in_its_part() {
        let all = split(documents(300), Fractions::default()).unwrap();
        let odd: Vec<Document> = documents(300).into_iter().skip(1).step_by(2).collect();
        let some = split(odd, Fractions::default()).unwrap();
        assert!(some.dev.iter().all(|document| all.dev.contains(document)));
        assert!(some.test.iter().all(|document| all.test.contains(document)));
        assert!(
            some.train
                .iter()
                .all(|document| all.train.contains(document))
        );
        // A change of the hash would move test documents into train without a word.
        assert_eq!(format!("{:.6}", place("short-06-01")), "0.398114");
    }

    #[test]
    fn impossible_splits_are_refused() {
        for (dev, test) in [(-0.1, 0.1), (0.1, -0.1), (0.6, 0.5), (f64::NAN, 0.1)] {
            assert!(split(documents(3), Fractions { dev, test }).is_err());
        }
        assert!(split(vec![Document::default()], Fractions::default()).is_err());
    }
}

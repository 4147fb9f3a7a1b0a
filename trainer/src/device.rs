//! Where training runs.

use candle_core::Device;

/// A device that the command line can name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Choice {
    /// The processor, on all cores (RAYON_NUM_THREADS limits them)
    Cpu,
}

impl Choice {
    /// Opens the device.
    ///
    /// # Errors
    /// When this build or machine lacks it.
    pub fn open(self) -> anyhow::Result<Device> {
        match self {
            Self::Cpu => Ok(Device::Cpu),
        }
    }
}

//! Seam 3, the half that only minting needs: randomness.

/// Where unpredictable bytes come from; tests hand in a source of their own.
pub trait Random: Send + Sync + 'static {
    /// Fills `bytes` with unpredictable ones.
    fn fill(&self, bytes: &mut [u8]);
}

/// The system's randomness.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemRandom;

impl Random for SystemRandom {
    fn fill(&self, bytes: &mut [u8]) {
        getrandom::fill(bytes).expect("the system has randomness");
    }
}

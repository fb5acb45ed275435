//! Send jobs as the verifier makes them.

use anyhow::Context;
use mtan_jobs::{Clock, JobId, Pool, SendJob, SystemClock};
use mtan_sms::SmsText;
use mtan_verifier::{Random, SystemRandom};

use crate::desk;

/// A job to the phone of that number.
pub(crate) fn job(number: usize) -> anyhow::Result<SendJob> {
    let now = SystemClock.now();
    let mut random = [0; 10];
    SystemRandom.fill(&mut random);
    Ok(SendJob {
        id: JobId::new(now, random),
        to: desk::phone(number),
        text: SmsText::new("Your code is 123456")?,
        otp: Some("123456".to_owned()),
        route: vec![Pool::default_pool()],
        expires_at: Some(now.checked_add(desk::policy().validity).context("the end of time")?),
        reference: Some("12345678901234567".parse()?),
    })
}

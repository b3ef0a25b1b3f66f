//! An authenticator app, by a library that is not ours: what it shows must be what the service expects.

use std::time::Duration;

use anyhow::Context;
use totp_rs::TOTP;

use crate::place::Time;

/// An authenticator app that was given an `otpauth` URI.
#[derive(Debug, Clone)]
pub struct Authenticator {
    totp: TOTP,
    last_step: u64,
}

impl Authenticator {
    /// Scans the QR code.
    ///
    /// # Errors
    /// When the URI is not one of an authenticator app.
    pub fn scan(otpauth_uri: &str) -> anyhow::Result<Self> {
        let totp = TOTP::from_url_unchecked(otpauth_uri).context("not an otpauth URI")?;
        Ok(Self { totp, last_step: 0 })
    }

    /// Reads the code, waiting for the next one where this one was read before: a code is good once (OTP-2).
    pub async fn read_code(&mut self, time: &Time) -> String {
        let mut now = time.unix_seconds();
        if now / self.totp.step <= self.last_step {
            let next = self.last_step.saturating_add(1).saturating_mul(self.totp.step);
            time.pass(Duration::from_secs(next.saturating_sub(now))).await;
            now = time.unix_seconds().max(next);
        }
        self.last_step = now / self.totp.step;
        self.totp.generate(now)
    }

    /// The code of another moment.
    pub fn code_at(&self, unix_seconds: u64) -> String {
        self.totp.generate(unix_seconds)
    }
}

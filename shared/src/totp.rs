//! One-time passwords: HOTP (RFC 4226) and TOTP (RFC 6238).
//!
//! A code is accepted at most one step away from where the token's clock was last seen, and only for a step after
//! the last accepted one. Both facts live in [`Clockwork`]; a success returns the next one, which must be stored in
//! the same commit that reveals the success (OTP-1, OTP-2).

use core::fmt;

use base32::Alphabet;
use hmac::digest::block_api::EagerHash;
use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha1::Sha1;
use sha2::{Sha256, Sha512};
use subtle::{ConditionallySelectable as _, ConstantTimeEq as _};
use zeroize::Zeroize as _;

use crate::secret::Entropy;
use crate::values::{OtpCode, ParseError, Timestamp};

/// Steps accepted before and after the expected one (RFC 6238 5.2).
const WINDOW_STEPS: u64 = 1;

/// The hash under the HMAC (RFC 6238 1.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Algorithm {
    /// SHA-1, which every authenticator app can do.
    Sha1,
    /// SHA-256.
    Sha256,
    /// SHA-512.
    Sha512,
}

impl Algorithm {
    /// The name in an `otpauth` URI.
    const fn name(self) -> &'static str {
        match self {
            Self::Sha1 => "SHA1",
            Self::Sha256 => "SHA256",
            Self::Sha512 => "SHA512",
        }
    }
}

/// How a token makes its codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "(Algorithm, u8, u64)", into = "(Algorithm, u8, u64)")]
pub struct Parameters {
    algorithm: Algorithm,
    digits: u8,
    period_seconds: u64,
}

impl Parameters {
    /// Codes of 6 or 8 digits that change every 30 or 60 seconds.
    ///
    /// # Errors
    /// Other digits or another period.
    pub fn new(algorithm: Algorithm, digits: u8, period_seconds: u64) -> Result<Self, ParseError> {
        if !matches!(digits, 6 | 8) {
            return Err(ParseError::new("otp-digits", "Use a token whose codes have 6 or 8 digits."));
        }
        if !matches!(period_seconds, 30 | 60) {
            return Err(ParseError::new("otp-period", "Use a token whose codes change every 30 or 60 seconds."));
        }
        Ok(Self { algorithm, digits, period_seconds })
    }

    /// What every authenticator app can do: SHA-1, 6 digits, 30 seconds.
    pub const fn authenticator_app() -> Self {
        Self { algorithm: Algorithm::Sha1, digits: 6, period_seconds: 30 }
    }

    /// The hash.
    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Digits of a code: 6 or 8.
    pub const fn digits(&self) -> u8 {
        self.digits
    }

    /// How long a code is shown: 30 or 60 seconds.
    pub const fn period_seconds(&self) -> u64 {
        self.period_seconds
    }
}

impl TryFrom<(Algorithm, u8, u64)> for Parameters {
    type Error = ParseError;

    fn try_from((algorithm, digits, period_seconds): (Algorithm, u8, u64)) -> Result<Self, ParseError> {
        Self::new(algorithm, digits, period_seconds)
    }
}

impl From<Parameters> for (Algorithm, u8, u64) {
    fn from(parameters: Parameters) -> Self {
        (parameters.algorithm, parameters.digits, parameters.period_seconds)
    }
}

/// Where a token's clock was last seen, and which step was last accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Clockwork {
    /// Steps that the token's clock is ahead of ours (behind when negative).
    pub offset_steps: i64,
    /// The last accepted step; only later ones are accepted.
    pub last_step: Option<u64>,
}

/// Verifies a code against the token's clock.
///
/// Gives the clockwork to store with the success; `None` when the code is wrong or its step is used up. Takes the
/// same time whichever step matches.
#[must_use]
pub fn verify(
    seed: &[u8],
    parameters: &Parameters,
    clock: &Clockwork,
    code: &OtpCode,
    now: Timestamp,
) -> Option<Clockwork> {
    let step = now.unix().unsigned_abs() / parameters.period_seconds;
    let expected = step.saturating_add_signed(clock.offset_steps);
    let mut matched = 0_u64;
    let mut found = code.digits().ct_eq(&0);
    for candidate in expected.saturating_sub(WINDOW_STEPS)..=expected.saturating_add(WINDOW_STEPS) {
        let fresh = u8::from(clock.last_step.is_none_or(|last| candidate > last)).ct_eq(&1);
        let right = hotp(seed, candidate, parameters).ct_eq(&code.value()) & fresh;
        // The latest match counts: were two steps to show one code, it would otherwise succeed twice.
        matched.conditional_assign(&candidate, right);
        found |= right;
    }
    (bool::from(found) && code.digits() == parameters.digits).then(|| Clockwork {
        offset_steps: clock.offset_steps.saturating_add(drift(expected, matched)),
        last_step: Some(matched),
    })
}

/// One step towards where the token was seen.
fn drift(expected: u64, matched: u64) -> i64 {
    match matched.cmp(&expected) {
        core::cmp::Ordering::Less => -1,
        core::cmp::Ordering::Equal => 0,
        core::cmp::Ordering::Greater => 1,
    }
}

/// The code for a counter (RFC 4226 5.3), or for a step (RFC 6238 4.2).
#[must_use]
pub fn hotp(seed: &[u8], counter: u64, parameters: &Parameters) -> u32 {
    let binary = match parameters.algorithm {
        Algorithm::Sha1 => truncated::<Sha1>(seed, counter),
        Algorithm::Sha256 => truncated::<Sha256>(seed, counter),
        Algorithm::Sha512 => truncated::<Sha512>(seed, counter),
    };
    binary % 10_u32.pow(u32::from(parameters.digits))
}

/// Dynamic truncation: 31 bits from where the last four bits point (RFC 4226 5.3).
fn truncated<H: EagerHash>(seed: &[u8], counter: u64) -> u32
where
    Hmac<H>: KeyInit + Mac,
{
    let mut mac = <Hmac<H> as KeyInit>::new_from_slice(seed).expect("HMAC takes keys of any length");
    mac.update(&counter.to_be_bytes());
    let bytes = mac.finalize().into_bytes();
    let offset = bytes.last().map_or(0, |last| usize::from(last & 15));
    let window = bytes.get(offset..).and_then(|rest| rest.first_chunk::<4>());
    window.map_or(0, |window| u32::from_be_bytes(*window) & 0x7FFF_FFFF)
}

/// A fresh seed: 160 random bits, the length that RFC 4226 4 recommends.
#[derive(Clone)]
pub struct Seed([u8; 20]);

impl Seed {
    /// A fresh seed.
    pub fn random(entropy: &mut dyn Entropy) -> Self {
        let mut bytes = [0; 20];
        entropy.fill(&mut bytes);
        Self(bytes)
    }

    /// The bytes, to be sealed and to be shown once as a QR code.
    pub const fn expose(&self) -> &[u8; 20] {
        &self.0
    }
}

impl fmt::Debug for Seed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Seed(..)")
    }
}

impl Drop for Seed {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

/// The URI that authenticator apps read from a QR code. It contains the seed: show it once, keep it nowhere.
#[must_use]
pub fn otpauth_uri(issuer: &str, account: &str, seed: &[u8], parameters: &Parameters) -> String {
    // A colon separates issuer and account even when encoded, so neither may bring its own.
    let issuer = percent_encoded(&issuer.replace(':', " "));
    let account = percent_encoded(&account.replace(':', " "));
    format!(
        "otpauth://totp/{issuer}:{account}?secret={}&issuer={issuer}&algorithm={}&digits={}&period={}",
        base32::encode(Alphabet::Rfc4648 { padding: false }, seed),
        parameters.algorithm.name(),
        parameters.digits,
        parameters.period_seconds
    )
}

/// The seed in groups of four characters, for people who type it in instead of scanning it. Show it once, like the URI.
#[must_use]
pub fn seed_in_groups(seed: &[u8]) -> String {
    let text = base32::encode(Alphabet::Rfc4648 { padding: false }, seed);
    let groups: Vec<&str> = text.as_bytes().chunks(4).filter_map(|group| core::str::from_utf8(group).ok()).collect();
    groups.join(" ")
}

/// Everything but RFC 3986's unreserved characters as `%XX`.
fn percent_encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            encoded.push(char::from(byte));
        } else {
            encoded.push('%');
            encoded.push_str(&crate::secret::hex(&[byte]).to_ascii_uppercase());
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::testing::Seeded;
    use proptest::prelude::*;

    /// RFC 4226 appendix D.
    const SEED: &[u8] = b"12345678901234567890";
    const SEED_256: &[u8] = b"12345678901234567890123456789012";
    const SEED_512: &[u8] = b"1234567890123456789012345678901234567890123456789012345678901234";

    const APP: Parameters = Parameters::authenticator_app();

    fn parameters(algorithm: Algorithm) -> Parameters {
        Parameters::new(algorithm, 8, 30).expect("8 digits, 30 seconds")
    }

    fn code_at(step: u64) -> OtpCode {
        format!("{:06}", hotp(SEED, step, &APP)).parse().expect("six digits")
    }

    /// The start of a step.
    fn at(step: u64) -> Timestamp {
        Timestamp::from_unix(i64::try_from(step * 30).expect("a time"))
    }

    fn clock(offset_steps: i64, last_step: Option<u64>) -> Clockwork {
        Clockwork { offset_steps, last_step }
    }

    #[test]
    fn otp_1_rfc_4226_appendix_d() {
        // OTP-1
        let truncated_values = [
            1_284_755_224,
            1_094_287_082,
            137_359_152,
            1_726_969_429,
            1_640_338_314,
            868_254_676,
            1_918_287_922,
            82_162_583,
            673_399_871,
            645_520_489,
        ];
        let codes = [755_224, 287_082, 359_152, 969_429, 338_314, 254_676, 287_922, 162_583, 399_871, 520_489];
        for (counter, (value, code)) in (0_u64..).zip(truncated_values.into_iter().zip(codes)) {
            assert_eq!(truncated::<Sha1>(SEED, counter), value);
            assert_eq!(hotp(SEED, counter, &APP), code);
        }
    }

    #[test]
    fn otp_1_rfc_6238_appendix_b() {
        // OTP-1
        for (seconds, sha1, sha256, sha512) in [
            (59, 94_287_082, 46_119_246, 90_693_936),
            (1_111_111_109, 7_081_804, 68_084_774, 25_091_201),
            (1_111_111_111, 14_050_471, 67_062_674, 99_943_326),
            (1_234_567_890, 89_005_924, 91_819_424, 93_441_116),
            (2_000_000_000, 69_279_037, 90_698_825, 38_618_901),
            (20_000_000_000, 65_353_130, 77_737_706, 47_863_826),
        ] {
            for (algorithm, seed, expected) in [
                (Algorithm::Sha1, SEED, sha1),
                (Algorithm::Sha256, SEED_256, sha256),
                (Algorithm::Sha512, SEED_512, sha512),
            ] {
                let now = Timestamp::from_unix(seconds);
                let code = format!("{expected:08}").parse().expect("eight digits");
                let step = now.unix().unsigned_abs() / 30;
                assert_eq!(hotp(seed, step, &parameters(algorithm)), expected, "{seconds} {algorithm:?}");
                let accepted = verify(seed, &parameters(algorithm), &Clockwork::default(), &code, now);
                assert_eq!(accepted, Some(clock(0, Some(step))), "{seconds} {algorithm:?}");
            }
        }
    }

    #[test]
    fn otp_1_at_most_one_step_either_side() {
        // OTP-1
        for (shown, accepted) in [(98, false), (99, true), (100, true), (101, true), (102, false)] {
            let outcome = verify(SEED, &APP, &Clockwork::default(), &code_at(shown), at(100));
            assert_eq!(outcome.map(|clock| clock.last_step), accepted.then_some(Some(shown)), "{shown}");
        }
        // Both ends of the server's step see the same window.
        let last_second = at(101).unix() - 1;
        assert!(verify(SEED, &APP, &Clockwork::default(), &code_at(101), Timestamp::from_unix(last_second)).is_some());
        assert!(verify(SEED, &APP, &Clockwork::default(), &code_at(99), Timestamp::from_unix(last_second)).is_some());
    }

    #[test]
    fn otp_1_the_window_lies_around_the_stored_offset() {
        // OTP-1
        for (offset, shown, accepted) in
            [(5, 103, false), (5, 104, true), (5, 106, true), (5, 107, false), (-5, 94, true), (-5, 97, false)]
        {
            let outcome = verify(SEED, &APP, &clock(offset, None), &code_at(shown), at(100));
            assert_eq!(outcome.is_some(), accepted, "{offset} {shown}");
        }
    }

    #[test]
    fn otp_1_the_offset_follows_by_one_step_at_most() {
        // OTP-1
        for (offset, shown, followed) in [(0, 99, -1), (0, 100, 0), (0, 101, 1), (7, 108, 8), (-7, 92, -8)] {
            let outcome = verify(SEED, &APP, &clock(offset, None), &code_at(shown), at(100));
            assert_eq!(outcome, Some(clock(followed, Some(shown))), "{offset} {shown}");
        }
    }

    #[test]
    fn otp_2_a_code_succeeds_once_and_only_forward() {
        // OTP-2
        let first = verify(SEED, &APP, &Clockwork::default(), &code_at(100), at(100)).expect("the code of now");
        assert_eq!(verify(SEED, &APP, &first, &code_at(100), at(100)), None, "the same code again");
        assert_eq!(verify(SEED, &APP, &first, &code_at(99), at(100)), None, "an older code");
        let next = verify(SEED, &APP, &first, &code_at(101), at(100)).expect("the next code");
        assert_eq!(next.last_step, Some(101));
        assert_eq!(verify(SEED, &APP, &next, &code_at(100), at(101)), None, "back again");
    }

    #[test]
    fn otp_2_two_steps_with_one_code_give_one_success() {
        // OTP-2: 6 digits do repeat; where neighbours do, the later step must be used up.
        let seed = 1_120_304_u64.to_be_bytes();
        assert_eq!(hotp(&seed, 1, &APP), hotp(&seed, 2, &APP), "found by search");
        let code = format!("{:06}", hotp(&seed, 1, &APP)).parse().expect("six digits");
        let used = verify(&seed, &APP, &Clockwork::default(), &code, at(1)).expect("the code of now");
        assert_eq!(used.last_step, Some(2));
        for step in 1..4 {
            assert_eq!(verify(&seed, &APP, &used, &code, at(step)), None);
        }
    }

    #[test]
    fn otp_1_a_code_of_another_length_is_wrong() {
        // OTP-1: the first two digits of an 8-digit code may be zero; the length still counts.
        let wide = parameters(Algorithm::Sha1);
        let step = (0..100_000_u64).find(|step| hotp(SEED, *step, &wide) < 1_000_000).expect("one in a hundred");
        let value = hotp(SEED, step, &wide);
        let narrow: OtpCode = format!("{value:06}").parse().expect("six digits");
        let full: OtpCode = format!("{value:08}").parse().expect("eight digits");
        assert!(verify(SEED, &wide, &Clockwork::default(), &full, at(step)).is_some());
        assert!(verify(SEED, &wide, &Clockwork::default(), &narrow, at(step)).is_none());
        assert!(verify(SEED, &APP, &Clockwork::default(), &full, at(step)).is_none());
    }

    #[test]
    fn the_ends_of_time_do_not_overflow() {
        for offset in [i64::MIN, i64::MAX] {
            for last in [None, Some(0), Some(u64::MAX)] {
                let _ = verify(SEED, &APP, &clock(offset, last), &code_at(0), at(0));
            }
        }
        assert!(verify(SEED, &APP, &Clockwork::default(), &code_at(0), at(0)).is_some());
    }

    #[test]
    fn parameters_at_both_sides_of_every_limit() {
        for (digits, period, good) in [
            (5, 30, false),
            (6, 30, true),
            (7, 30, false),
            (8, 60, true),
            (9, 30, false),
            (6, 29, false),
            (6, 61, false),
            (6, 0, false),
        ] {
            let parameters = Parameters::new(Algorithm::Sha256, digits, period);
            assert_eq!(parameters.is_ok(), good, "{digits} {period}");
            let stored = postcard::to_allocvec(&(Algorithm::Sha256, digits, period)).expect("bytes");
            assert_eq!(postcard::from_bytes::<Parameters>(&stored).ok(), parameters.ok());
        }
        assert_eq!((APP.algorithm(), APP.digits(), APP.period_seconds()), (Algorithm::Sha1, 6, 30));
    }

    #[test]
    fn crd_4_the_uri_is_what_apps_read() {
        // CRD-4: the key URI format of authenticator apps.
        assert_eq!(
            otpauth_uri("Anvil: Ærospace & Co", "ada@example.com", SEED, &APP).split('?').next(),
            Some("otpauth://totp/Anvil%20%20%C3%86rospace%20%26%20Co:ada%40example.com")
        );
        assert_eq!(
            otpauth_uri("Vestibule", "ada", &[0x48, 0x65, 0x6C, 0x6C, 0x6F, 0x21, 0xDE, 0xAD, 0xBE, 0xEF], &APP),
            "otpauth://totp/Vestibule:ada?secret=JBSWY3DPEHPK3PXP&issuer=Vestibule&algorithm=SHA1&digits=6&period=30"
        );
        let strong = Parameters::new(Algorithm::Sha512, 8, 60).expect("allowed");
        assert!(otpauth_uri("V", "a", SEED, &strong).ends_with("&algorithm=SHA512&digits=8&period=60"));
        let middle = Parameters::new(Algorithm::Sha256, 6, 30).expect("allowed");
        assert!(otpauth_uri("V", "a", SEED, &middle).contains("&algorithm=SHA256&"));
    }

    #[test]
    fn crd_6_a_seed_has_160_bits_and_is_not_shown() {
        // CRD-6
        let (one, other) = (Seed::random(&mut Seeded(1)), Seed::random(&mut Seeded(2)));
        assert_ne!(one.expose(), other.expose());
        assert_eq!(format!("{one:?}"), "Seed(..)");
    }

    proptest! {
        #[test]
        fn otp_2_whatever_is_tried_the_step_only_moves_forward(
            tries in proptest::collection::vec((0_u64..3, 0_u64..8), 1..60),
        ) {
            // OTP-2, OTP-1: time passes, and codes around the present are tried in any order.
            let (mut clock, mut step) = (clock(0, None), 1_000_u64);
            let mut used = Vec::new();
            for (passed, shown) in tries {
                step += passed;
                let shown = step + shown - 4;
                if let Some(next) = verify(SEED, &APP, &clock, &code_at(shown), at(step)) {
                    prop_assert!(next.last_step > clock.last_step);
                    prop_assert!((next.offset_steps - clock.offset_steps).abs() <= 1);
                    prop_assert!(!used.contains(&shown));
                    used.push(shown);
                    clock = next;
                }
            }
        }
    }

    #[test]
    fn crd_4_the_seed_can_be_typed() {
        // CRD-4: base32 of the RFC's seed, in groups.
        assert_eq!(seed_in_groups(SEED), "GEZD GNBV GY3T QOJQ GEZD GNBV GY3T QOJQ");
        assert_eq!(seed_in_groups(b"12345"), "GEZD GNBV");
        assert_eq!(seed_in_groups(b"1"), "GE");
    }
}

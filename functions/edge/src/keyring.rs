//! The deployment's keys, derived once an instance: its variables rarely change, and a root secret costs ten compressions of
//! SHA-256 before it is of any use.

use std::sync::{Arc, Mutex, PoisonError};

use base64ct::{Base64, Encoding as _};
use shared::secret::Keys;

use crate::platform::{Platform, PlatformFault};

/// What the variables said when the keys were derived.
#[derive(PartialEq, Eq)]
struct Roots {
    current: String,
    previous: Option<String>,
}

static KNOWN: Mutex<Option<(Roots, Arc<Keys>)>> = Mutex::new(None);

/// The keys of the root secrets that the variables hold now.
///
/// # Errors
/// A [`PlatformFault`] that names the variable and the reason.
pub(crate) async fn keys<P: Platform>(platform: &P) -> Result<Arc<Keys>, PlatformFault> {
    let current = platform.variable("root_secret").await?;
    let current =
        current.ok_or_else(|| PlatformFault::new("variable root_secret: it is empty; generate 32 random bytes"))?;
    let roots = Roots { current, previous: platform.variable("previous_root_secret").await? };
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((given, keys)) = known.as_ref()
        && *given == roots
    {
        return Ok(Arc::clone(keys));
    }
    let keys = Arc::new(derived(&roots)?);
    *known = Some((roots, Arc::clone(&keys)));
    Ok(keys)
}

fn derived(roots: &Roots) -> Result<Keys, PlatformFault> {
    let current = decoded("root_secret", &roots.current)?;
    let previous = roots.previous.as_deref().map(|text| decoded("previous_root_secret", text)).transpose()?;
    Keys::new(&current, previous.as_deref())
        .map_err(|error| PlatformFault::new(format!("variable root_secret: {error}")))
}

fn decoded(name: &str, text: &str) -> Result<Vec<u8>, PlatformFault> {
    Base64::decode_vec(text.trim()).map_err(|_| PlatformFault::new(format!("variable {name}: it is not base64")))
}

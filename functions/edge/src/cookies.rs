//! The service's cookies: all `__Host-`, `Secure`, `HttpOnly`, `SameSite=Lax`, for the whole site (SIG-2).

use shared::values::Seconds;

/// The session.
pub const SESSION: &str = "__Host-session";
/// The operator's session.
pub const OPERATOR: &str = "__Host-operator";
/// The random value that cross-site tokens are bound to (SIG-4).
pub const CSRF: &str = "__Host-csrf";
/// What was just done, for the next page.
pub const NOTICE: &str = "__Host-notice";
/// The launch in progress.
pub const LAUNCH: &str = "__Host-launch";
/// The newest draft of a registration.
pub const REGISTRATION: &str = "__Host-registration";
/// What a visitor has put into a webstore's cart.
pub const CART: &str = "__Host-cart";
/// The order whose payment page was opened last.
pub const PAYMENT: &str = "__Host-payment";
/// How the names of the links begin that a browser has opened (`link`).
pub const LINK_PREFIX: &str = "__Host-link-";

/// A cookie that ends with the browser's session.
pub fn set(name: &str, value: &str) -> String {
    format!("{name}={value}; Path=/; Secure; HttpOnly; SameSite=Lax")
}

/// A cookie that ends with the browser's session, or after this time if that comes first.
pub fn set_for(name: &str, value: &str, lifetime: Seconds) -> String {
    format!("{}; Max-Age={}", set(name, value), lifetime.0)
}

/// Removes a cookie.
pub fn clear(name: &str) -> String {
    format!("{name}=; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=0")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sig_2_no_script_and_no_other_site_has_a_part_in_our_cookies() {
        // SIG-2
        let kept = set_for("__Host-link-0", "x", Seconds::hours(2));
        assert_eq!(kept, "__Host-link-0=x; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=7200");
    }
}

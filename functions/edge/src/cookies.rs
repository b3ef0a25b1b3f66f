//! The service's cookies: all `__Host-`, `Secure`, `HttpOnly`, `SameSite=Lax`, for the whole site (SIG-2).

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

/// A cookie that ends with the browser's session.
pub fn set(name: &str, value: &str) -> String {
    format!("{name}={value}; Path=/; Secure; HttpOnly; SameSite=Lax")
}

/// Removes a cookie.
pub fn clear(name: &str) -> String {
    format!("{name}=; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=0")
}

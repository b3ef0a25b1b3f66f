//! Values that can only exist in their valid form.
//!
//! Every type here is made by parsing, keeps its content private and parses again when it is deserialised: a
//! stored record is parsed, not trusted. What [`core::fmt::Display`] or `as_str` gives parses back to the same value.

pub mod country;
pub mod email;
mod fault;
pub mod id;
pub mod licence_key;
pub mod money;
pub mod origin;
pub mod otp_code;
pub mod person;
pub mod phone;
pub mod promo_code;
pub mod serial;
mod symbols;
pub mod text;
pub mod timestamp;
pub(crate) mod unicode;
pub mod user_id;
pub(crate) mod whole;

pub use country::Country;
pub use email::Email;
pub use fault::ParseError;
pub use id::{
    AccountId, ApplicationId, BatchId, CodeId, CouponId, CredentialId, DeadLetterId, DeliveryId, FormId,
    InvitationSlotId, LicenceId, MessageId, OperatorId, OrderId, OrganisationId, PartnerId, PersonInvitationId,
    ProductId, RegistrationId, SerialId, SheetId, WriteId,
};
pub use licence_key::LicenceKey;
pub use money::{Currency, Money};
pub use origin::host_of;
pub use otp_code::OtpCode;
pub use person::PersonName;
pub use phone::Phone;
pub use promo_code::{BatchTag, PromoCode};
pub use serial::Serial;
pub use text::{Line, Paragraph};
pub use timestamp::{Seconds, Timestamp};
pub use user_id::UserId;

//! Every message that the service sends, as data. Wording and layout belong to the edge.
//!
//! Links and keys stand here in clear, because the recipient must read them: a message is stored only sealed.

use serde::{Deserialize, Serialize};

use crate::{
    credential::phone::{Channel, Way},
    order::End,
    values::{AccountId, CredentialId, Email, Money, Phone, Timestamp},
};

/// A message to one person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// The recipient.
    pub to: Email,
    /// How the text addresses the person.
    pub name: String,
    /// What it says.
    pub body: Body,
}

/// A one-time code to a phone (CRD-5).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PhoneCode {
    /// Whose it is: only the newest code of a credential is sent.
    pub account: AccountId,
    /// Of which credential.
    pub credential: CredentialId,
    /// From where it was asked for.
    pub way: Way,
    /// The number.
    pub to: Phone,
    /// How it goes there.
    pub channel: Channel,
    /// Six digits.
    pub code: String,
    /// After this it is no use, and not sent any more.
    pub expires_at: Timestamp,
}

/// A licence key in a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IssuedKey {
    /// The product's name.
    pub product: String,
    /// The key.
    pub key: String,
    /// Whether it is of no use without a token.
    pub of_token: bool,
}

/// What a message says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Body {
    /// `You're Invited to Collaborate with [Company Name]` (INV-6).
    Invitation {
        /// The inviting partner's name.
        company: String,
        /// The application's name.
        application: String,
        /// The invited organisation's name.
        organisation: String,
        /// The link's token.
        token: String,
        /// Until when the link works.
        expires_at: Timestamp,
    },
    /// The registration has arrived and will be reviewed (REG-1).
    RegistrationReceived {
        /// The reference number.
        reference: String,
        /// The application's name.
        application: String,
        /// The token of the link under which the registration is followed (REG-6).
        token: String,
    },
    /// The registration was rejected (APR-1).
    RegistrationRejected {
        /// The reference number.
        reference: String,
        /// Why, in the registrar's words.
        reason: String,
    },
    /// Account details, User ID and the activation link (APR-2, ACT-3).
    Activation {
        /// The organisation's name.
        organisation: String,
        /// The User ID.
        user_id: String,
        /// The link's token.
        token: String,
        /// Until when the link works.
        expires_at: Timestamp,
    },
    /// A person who has an account was given a role in one more organisation.
    MembershipAdded {
        /// The organisation's name.
        organisation: String,
    },
    /// `Login Success`, with a link back to the unfinished steps (ACT-3).
    LoginSuccess {
        /// The User ID.
        user_id: String,
    },
    /// The receipt of an order (SHP-6).
    Receipt {
        /// The order's reference.
        order: String,
        /// What was paid.
        total: Money,
        /// Product names and quantities.
        lines: Vec<(String, u32)>,
    },
    /// The licence keys of an order (SHP-6).
    Licences {
        /// The order's reference.
        order: String,
        /// Product name and licence key, one entry a unit.
        keys: Vec<(String, String)>,
    },
    /// The order's confirmation with the link to its page (SHP-6).
    OrderPlaced {
        /// The order's reference.
        order: String,
        /// The confirmation page's token.
        token: Option<String>,
        /// Product names and quantities.
        lines: Vec<(String, u32)>,
    },
    /// An authenticator was added to the account (CRD-9).
    AuthenticatorAdded {
        /// The product's name.
        product: String,
        /// When.
        at: Timestamp,
    },
    /// The link with which a forgotten password is replaced (SIG-3).
    PasswordReset {
        /// The link's token.
        token: String,
        /// Until when the link works.
        expires_at: Timestamp,
    },
    /// The password was changed or replaced (SIG-2, SIG-3).
    PasswordChanged {
        /// When.
        at: Timestamp,
    },
    /// The registration has arrived, and its e-mail has an account already: only this mailbox is told (REG-4).
    AccountExists {
        /// The reference number.
        reference: String,
        /// The application's name.
        application: String,
        /// The token of the link under which the registration is followed (REG-6).
        token: String,
    },
    /// The link that confirms the mailbox of somebody who registers without a captcha (REG-7).
    ConfirmMailbox {
        /// The application's name.
        application: String,
        /// The link's token.
        token: String,
        /// Until when the link works.
        expires_at: Timestamp,
        /// Whether the e-mail has an account already: only this mailbox is told (REG-4).
        has_account: bool,
    },
    /// Somebody asks to be let into the organisation; to its administrators (REG-2).
    JoinRequested {
        /// The organisation's name.
        organisation: String,
        /// The application's name.
        application: String,
        /// Who asks.
        person: String,
        /// That person's e-mail.
        email: Email,
    },
    /// The request to be let in was passed on; to whoever asked (REG-2).
    RequestPassedOn {
        /// The reference number.
        reference: String,
        /// The organisation's name.
        organisation: String,
        /// The token of the link under which the request is followed (REG-6).
        token: String,
    },
    /// The organisation's administrators do not let the person in, without reasons (REG-2).
    RequestDeclined {
        /// The reference number.
        reference: String,
        /// The organisation's name.
        organisation: String,
    },
    /// An administrator invites the person into the organisation (INV-8).
    PersonInvited {
        /// The organisation's name.
        organisation: String,
        /// The administrator's name.
        by: String,
        /// The link's token.
        token: String,
        /// Until when the link works.
        expires_at: Timestamp,
    },
    /// The link under which an operator chooses a password and registers an authenticator app.
    OperatorInvited {
        /// The operator's id.
        operator: String,
        /// The colleague's name.
        by: String,
        /// The link's token.
        token: String,
        /// Until when the link works.
        expires_at: Timestamp,
    },
    /// A new activation link, which kills the one before it (ACT-3).
    ActivationAgain {
        /// The User ID.
        user_id: String,
        /// The link's token.
        token: String,
        /// Until when the link works.
        expires_at: Timestamp,
    },
    /// A phone was registered as an authenticator (CRD-9).
    PhoneAdded {
        /// The product's name.
        product: String,
        /// The last digits of its number.
        ending: String,
        /// When.
        at: Timestamp,
    },
    /// A phone is no authenticator any more (CRD-9).
    PhoneRemoved {
        /// The product's name.
        product: String,
        /// The last digits of its number.
        ending: String,
        /// When.
        at: Timestamp,
    },
    /// The order has arrived and waits for its payment (SHP-5).
    OrderReceived {
        /// The order's reference.
        order: String,
        /// The confirmation page's token.
        token: String,
        /// What is to be paid.
        total: Money,
        /// Whether an invoice follows.
        invoice: bool,
        /// Until when it can be paid.
        pay_until: Option<Timestamp>,
        /// Product names and quantities.
        lines: Vec<(String, u32)>,
    },
    /// The order has ended, and what that means for its licence keys (SHP-7).
    OrderEnded {
        /// The order's reference.
        order: String,
        /// Why.
        why: End,
        /// Whether there were licence keys that nobody had used.
        keys_revoked: bool,
    },
    /// A payment came for an order that had ended (SHP-7).
    PaidInVain {
        /// The order's reference.
        order: String,
        /// What was paid.
        total: Money,
    },
    /// The licence keys of an order with hardware, which has to arrive first (SHP-8).
    LicencesOfHardware {
        /// The order's reference.
        order: String,
        /// One entry a unit.
        keys: Vec<IssuedKey>,
        /// Whether a token is still to be shipped.
        to_ship: bool,
    },
    /// `Your token is on its way` (SHP-8). It says nothing of serial numbers: whoever knows one is taken to hold the token.
    TokenShipped {
        /// The order's reference.
        order: String,
        /// Product names and quantities.
        lines: Vec<(String, u32)>,
        /// The carrier.
        carrier: Option<String>,
        /// The carrier's number for it.
        tracking: Option<String>,
    },
}

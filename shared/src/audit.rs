//! What the audit trail says of each change (AUD-1): who, what, from where and why not. When, and in which order, the
//! record's envelope says, which carries it.
//!
//! Nothing here can hold a secret or free text: identifiers that the system or its configuration gave, a network, and the
//! names of this module. Names and addresses of people are in the records that an identifier leads to, and go with them.
//!
//! Entries outlive releases: the lists are only ever appended to, and no code is renamed.

use core::{
    fmt,
    net::{IpAddr, Ipv6Addr},
};

use serde::{Deserialize, Serialize, Serializer};

use crate::values::{AccountId, ApplicationId, OperatorId, PartnerId};

macro_rules! coded {
    ($(#[$doc:meta])* $name:ident { $($(#[$case_doc:meta])* $case:ident = $code:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
        pub enum $name {
            $($(#[$case_doc])* $case,)+
        }

        // By its number. What `derive` writes has an arm for each, 4 kB in every component.
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_unit_variant(stringify!($name), *self as u32, self.code())
            }
        }

        impl $name {
            /// All of them, in the order of their numbers in records.
            pub const ALL: &'static [Self] = &[$(Self::$case,)+];

            /// The stable code, for people and programs.
            pub fn code(self) -> &'static str {
                match self {
                    $(Self::$case => $code,)+
                }
            }
        }
    };
}

coded! {
    /// What was done, or tried.
    Action {
        /// A partner invited.
        Invitation = "invitation",
        /// A partner had an invitation sent again.
        InvitationResend = "invitation-resend",
        /// A partner took an invitation back.
        InvitationRevocation = "invitation-revocation",
        /// An invitation led to a registration.
        InvitationUse = "invitation-use",
        /// An `Idempotency-Key` was claimed for one request.
        RequestClaim = "request-claim",
        /// A link was sent to a mailbox that is to be confirmed.
        MailboxLink = "mailbox-link",
        /// An organisation registered.
        Registration = "registration",
        /// An organisation that exists accepted an invitation.
        InvitationAcceptance = "invitation-acceptance",
        /// Somebody asked an organisation to be let in.
        JoinRequest = "join-request",
        /// A registration was approved.
        Approval = "approval",
        /// A registration was rejected.
        Rejection = "rejection",
        /// An approved organisation was founded.
        OrganisationFounding = "organisation-founding",
        /// An organisation can be found by one of its traits.
        Indexing = "indexing",
        /// An organisation got an application.
        Subscription = "subscription",
        /// An organisation accepted an application's terms.
        TermsAcceptance = "terms-acceptance",
        /// An e-mail or User ID was given to an account.
        LoginClaim = "login-claim",
        /// An account was made for a designated person.
        Admission = "admission",
        /// An account got a place in one more organisation.
        Membership = "membership",
        /// An account got roles for an application.
        Role = "role",
        /// A person activated their account.
        Activation = "activation",
        /// A person signed in with a password.
        SignIn = "sign-in",
        /// A session was ended by its person.
        SignOut = "sign-out",
        /// All of a person's sessions were ended by that person.
        SignOutEverywhere = "sign-out-everywhere",
        /// A person chose for which organisation they act.
        OrganisationChoice = "organisation-choice",
        /// A person changed their password.
        PasswordChange = "password-change",
        /// A link for a new password was sent.
        ResetLink = "reset-link",
        /// A forgotten password was replaced.
        PasswordReset = "password-reset",
        /// An account got a licensed credential.
        CredentialGrant = "credential-grant",
        /// An authenticator app was offered its seed.
        EnrolmentOffer = "enrolment-offer",
        /// A newly offered authenticator app was proved.
        EnrolmentProof = "enrolment-proof",
        /// A session was raised by a second factor.
        SecondFactor = "second-factor",
        /// A licence was issued for an order.
        LicenceIssue = "licence-issue",
        /// A licence was activated.
        LicenceActivation = "licence-activation",
        /// Promo codes were made.
        PromoPrinting = "promo-printing",
        /// A promo code was reserved for an order.
        PromoReservation = "promo-reservation",
        /// A promo code was redeemed.
        PromoRedemption = "promo-redemption",
        /// An order was placed.
        Order = "order",
        /// An application was launched: its authorization code was issued (LCH-3).
        Launch = "launch",
        /// An authorization code was exchanged for tokens.
        CodeExchange = "code-exchange",
        /// The record of an operator who signs in for the first time.
        OperatorRecord = "operator-record",
        /// An operator signed in with password and second factor.
        OperatorSignIn = "operator-sign-in",
        /// An operator's session was ended by that operator.
        OperatorSignOut = "operator-sign-out",
        /// What a partner has used of its allowance.
        Allowance = "allowance",
        /// An operator was mailed the link to enrol.
        OperatorInvitation = "operator-invitation",
        /// The one-time secret of the deployment was claimed by its first operator.
        BootstrapClaim = "bootstrap-claim",
        /// An operator chose a password and an authenticator app.
        OperatorEnrolment = "operator-enrolment",
        /// Somebody who had asked for it was let into an organisation.
        JoinApproval = "join-approval",
        /// Somebody who had asked for it was not let into an organisation.
        JoinRejection = "join-rejection",
        /// What became of a request to be let in was noted for whoever follows it.
        JoinOutcome = "join-outcome",
        /// The record of the people whom an organisation invites.
        TeamRecord = "team-record",
        /// An administrator invited a person into the own organisation.
        PersonInvitation = "person-invitation",
        /// An administrator entered a person of the own organisation.
        PersonCreation = "person-creation",
        /// A person accepted an administrator's invitation.
        PersonInvitationUse = "person-invitation-use",
        /// An administrator took an invitation back.
        PersonInvitationRevocation = "person-invitation-revocation",
        /// A webhook to a partner was made of an event.
        Webhook = "webhook",
        /// A webhook was tried.
        WebhookTry = "webhook-try",
        /// A webhook was held, since its endpoint wants none.
        WebhookHold = "webhook-hold",
        /// A partner had a webhook sent again.
        WebhookReplay = "webhook-replay",
        /// A partner's endpoint has said that it wants no more.
        EndpointDisabling = "endpoint-disabling",
        /// A partner enabled its endpoint again.
        EndpointEnabling = "endpoint-enabling",
        /// A new activation link was sent.
        ActivationLink = "activation-link",
        /// An organisation learnt how an invitation of one of its people stands.
        InvitationOffer = "invitation-offer",
        /// A code was sent to a phone.
        PhoneCode = "phone-code",
        /// A phone was proved and registered.
        PhoneProof = "phone-proof",
        /// A phone was removed.
        PhoneRemoval = "phone-removal",
        /// An order ended: it lapsed, was cancelled, or was refunded.
        OrderEnd = "order-end",
        /// A payment came for an order that had ended.
        PaymentInVain = "payment-in-vain",
        /// The licence keys of an order were sent again.
        LicenceReissue = "licence-reissue",
        /// A promo code that an order had held was freed.
        PromoRelease = "promo-release",
        /// An operator has looked at an order that had ended although it was paid or in use.
        OrderReview = "order-review",
        /// A webhook was kept, since it could not be acted upon.
        DeadLetter = "dead-letter",
        /// A kept webhook was acted upon, or dismissed, by an operator.
        DeadLetterSettlement = "dead-letter-settlement",
        /// An order holds its promo code for longer.
        PromoExtension = "promo-extension",
        /// The serial number of a hardware token was claimed for an order.
        SerialClaim = "serial-claim",
        /// Hardware of an order was shipped.
        Shipment = "shipment",
        /// The serial number of a shipped token was corrected.
        ShipmentCorrection = "shipment-correction",
        /// An account was told how an order of its person stands.
        PurchaseProgress = "purchase-progress",
    }
}

coded! {
    /// Why something that was judged was refused. More exact than what whoever tried it was told.
    Denial {
        /// The password was not right.
        WrongPassword = "wrong-password",
        /// The one-time code was not right, or was used before.
        WrongCode = "wrong-code",
        /// Not all answers to the security questions were right.
        WrongAnswers = "wrong-answers",
        /// The person belongs to no organisation.
        NoMembership = "no-membership",
        /// What works once was presented again; what it gave is revoked.
        PresentedAgain = "presented-again",
        /// Tries are paused after failures: neither password nor code helps.
        Paused = "paused",
        /// The serial number was not that of a token that was shipped and is not in use.
        WrongSerial = "wrong-serial",
    }
}

/// Who acts, as far as that was proved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Actor {
    /// Nobody proved who they are.
    Stranger,
    /// Whoever holds a link that was sent to a mailbox, or handed over by a partner.
    LinkHolder,
    /// A partner's system, by API key.
    Partner {
        /// The partner.
        partner: PartnerId,
        /// Which of its keys, counted from 0 in the order of the configuration.
        key: u8,
    },
    /// A partner's own webstore, by a signed webhook.
    Webstore(PartnerId),
    /// A signed-in person.
    Person(AccountId),
    /// A signed-in operator.
    Operator(OperatorId),
    /// A registered application, at the token endpoint.
    Application(ApplicationId),
    /// One of the deployment's machines, by its secret: the sweep's timer.
    Machine,
    /// Nobody at that moment: what an earlier commit left to be done was carried out.
    Effect {
        /// The effect. Its first 15 bytes are those of the write that left it, which stands in that record's trail.
        because: [u8; 16],
    },
    /// The payment provider, by a signed webhook.
    PaymentProvider,
}

impl Actor {
    /// The stable code of the kind, for people and programs.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Stranger => "stranger",
            Self::LinkHolder => "link-holder",
            Self::Partner { .. } => "partner",
            Self::Webstore(_) => "webstore",
            Self::Person(_) => "person",
            Self::Operator(_) => "operator",
            Self::Application(_) => "application",
            Self::Machine => "machine",
            Self::Effect { .. } => "effect",
            Self::PaymentProvider => "payment-provider",
        }
    }
}

/// The network that a request came from, as far as it is kept: not the address, which would be a person's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Origin {
    /// Not known: one component asked another, or the platform did not say.
    #[default]
    Unknown,
    /// The first 24 bits of an IPv4 address.
    V4([u8; 3]),
    /// The first 48 bits of an IPv6 address.
    V6([u8; 6]),
}

impl From<IpAddr> for Origin {
    fn from(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => address.octets().first_chunk().copied().map_or(Self::Unknown, Self::V4),
            IpAddr::V6(address) => address.octets().first_chunk().copied().map_or(Self::Unknown, Self::V6),
        }
    }
}

impl fmt::Display for Origin {
    /// As a network (RFC 4632, RFC 5952); nothing when it is not known.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown => Ok(()),
            Self::V4([a, b, c]) => write!(f, "{a}.{b}.{c}.0/24"),
            Self::V6(prefix) => {
                let mut address = [0; 16];
                address.iter_mut().zip(prefix).for_each(|(to, from)| *to = *from);
                write!(f, "{}/48", Ipv6Addr::from(address))
            }
        }
    }
}

/// What the trail says of one change: who, what, why not, in which request, from where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deed {
    /// Who acted.
    pub actor: Actor,
    /// What was done, or tried.
    pub action: Action,
    /// Why it was refused; `None` when it was done.
    pub denial: Option<Denial>,
    /// The request in which it happened: what its log lines and its reply name.
    pub request: String,
    /// The network that the request came from.
    pub origin: Origin,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn aud_1_no_two_actions_or_denials_share_a_code() {
        // AUD-1
        let actions = Action::ALL.iter().map(|action| action.code());
        let denials = Denial::ALL.iter().map(|denial| denial.code());
        let codes: std::collections::BTreeSet<&str> = actions.chain(denials).collect();
        assert_eq!(codes.len(), Action::ALL.len() + Denial::ALL.len());
    }

    #[test]
    fn aud_1_an_origin_is_a_network_and_no_address() {
        // AUD-1
        for (address, network) in [
            ("203.0.113.7", "203.0.113.0/24"),
            ("::ffff:203.0.113.7", "203.0.113.0/24"),
            ("2001:db8:1:2:3::4", "2001:db8:1::/48"),
            ("::1", "::/48"),
        ] {
            let address: IpAddr = address.parse().expect("an address");
            assert_eq!(Origin::from(address).to_string(), network);
        }
        assert_eq!(Origin::Unknown.to_string(), "");
    }

    // AUD-1: entries outlive releases, so that the numbers never change.
    #[test]
    fn aud_1_a_deed_has_these_bytes() {
        let deed = Deed {
            actor: Actor::Partner { partner: "anvil".parse().expect("a slug"), key: 1 },
            action: Action::Allowance,
            denial: Some(Denial::PresentedAgain),
            request: "abc".to_owned(),
            origin: Origin::V4([203, 0, 113]),
        };
        let bytes = postcard::to_allocvec(&deed).expect("small");
        assert_eq!(bytes, b"\x02\x05anvil\x01\x2a\x01\x04\x03abc\x01\xcb\x00\x71");
        assert_eq!(postcard::from_bytes(&bytes), Ok(deed));
        let actors = [
            Actor::Stranger,
            Actor::LinkHolder,
            Actor::Webstore("anvil".parse().expect("a slug")),
            Actor::Person(AccountId::from_bytes([1; 16])),
            Actor::Operator("robin".parse().expect("a slug")),
            Actor::Application("anvil".parse().expect("a slug")),
            Actor::Machine,
            Actor::Effect { because: [2; 16] },
            Actor::PaymentProvider,
        ];
        let first = |actor: &Actor| postcard::to_allocvec(actor).expect("small").first().copied();
        assert_eq!(actors.each_ref().map(first), [0, 1, 3, 4, 5, 6, 7, 8, 9].map(Some));
    }
}

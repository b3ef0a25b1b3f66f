//! Whatever is done to an account, in whatever order, some things always hold.

use proptest::prelude::*;

use super::*;
use crate::values::{OrderId, ProductId};

/// One thing that somebody does.
#[derive(Debug, Clone, Copy)]
enum Deed {
    Wait(u16),
    SignIn { right: bool },
    SignOut,
    Verify { credential: u8, steps: i64 },
    Guess { credential: u8 },
    Receive { credential: u8 },
    Begin { credential: u8 },
    Prove { credential: u8, steps: i64 },
    Join { organisation: u8 },
    Order { order: u8, product: u8, awaited: Option<Awaited> },
}

fn deeds() -> impl Strategy<Value = Vec<Deed>> {
    let credential = 0..3_u8;
    let awaited = prop_oneof![
        Just(None),
        Just(Some(Awaited::Payment)),
        Just(Some(Awaited::Shipment)),
        Just(Some(Awaited::Activation))
    ];
    let deed = prop_oneof![
        2 => (0..2_000_u16).prop_map(Deed::Wait),
        2 => (0..40_u16).prop_map(Deed::Wait),
        2 => any::<bool>().prop_map(|right| Deed::SignIn { right }),
        1 => Just(Deed::SignOut),
        4 => (credential.clone(), -2..=2_i64).prop_map(|(credential, steps)| Deed::Verify { credential, steps }),
        4 => credential.clone().prop_map(|credential| Deed::Guess { credential }),
        1 => (0..30_u8).prop_map(|credential| Deed::Receive { credential }),
        1 => credential.clone().prop_map(|credential| Deed::Begin { credential }),
        2 => (credential, -2..=2_i64).prop_map(|(credential, steps)| Deed::Prove { credential, steps }),
        1 => any::<u8>().prop_map(|organisation| Deed::Join { organisation }),
        2 => (0..20_u8, 0..3_u8, awaited).prop_map(|(order, product, awaited)| Deed::Order { order, product, awaited }),
    ];
    proptest::collection::vec(deed, 1..200)
}

/// An account, the person's cookie, and what the sequence did so far.
struct World {
    account: Account,
    cookie: SessionSecret,
    secrets: u8,
    now: Timestamp,
    gateway: Gateway,
}

impl World {
    fn new() -> Self {
        let gateway = gateway();
        let credentials = vec![registered(0, mobile_id(&gateway)), credential(1, mobile_id(&gateway))];
        Self { account: Account { credentials, ..account() }, cookie: SESSION.clone(), secrets: 100, now: NOW, gateway }
    }

    fn fresh_secret(&mut self) -> SessionSecret {
        self.secrets = self.secrets.wrapping_add(1);
        SessionSecret::from_bytes([self.secrets; 16])
    }

    /// Does it, and says whether a code was accepted.
    fn does(&mut self, deed: Deed) -> bool {
        let account = self.account.clone();
        match deed {
            Deed::Wait(seconds) => self.now = self.now.plus(Seconds(seconds.into())),
            Deed::SignIn { right } => {
                let secret = self.fresh_secret();
                let outcome;
                (self.account, outcome) = committed(account.sign_in(right, &secret, self.now));
                if outcome.is_ok() {
                    self.cookie = secret;
                }
            }
            Deed::SignOut => {
                if let Some(decision) = account.sign_out(&self.cookie) {
                    self.account = decision.next;
                }
            }
            Deed::Verify { credential, steps } => {
                return self.presents(credential, &code_of(seed().expose(), self.now, steps), false);
            }
            Deed::Guess { credential } => return self.presents(credential, &wrong_code(self.now), false),
            Deed::Prove { credential, steps } => {
                return self.presents(credential, &code_of(seed().expose(), self.now, steps), true);
            }
            Deed::Receive { credential } => {
                let licence = LicenceId::from_bytes([credential; 16]);
                let granted =
                    grant(credential_id(credential), licence, mobile_id(&self.gateway), String::new(), self.now);
                self.account = account.clone().receive(granted).map_or(account, |decision| decision.next);
            }
            Deed::Begin { credential } => {
                let sealed = seal_seed(&seed(), account.id, credential_id(credential), &keys(), &mut Seeded(5));
                let kind = ProductKind::AuthenticatorApp;
                let begun = account.clone().begin_enrolment(credential_id(credential), kind, sealed, self.now);
                self.account = begun.map_or(account, |decision| decision.next);
            }
            Deed::Join { organisation } => {
                self.account = account.clone().join(admission(organisation)).map_or(account, |decision| decision.next);
            }
            Deed::Order { order, product, awaited } => {
                let awaited =
                    awaited.into_iter().map(|awaited| (read(&format!("product-{product}")), awaited)).collect();
                let (order, placed_at) = (OrderId::from_bytes([order; 16]), after(u64::from(order)));
                let purchase = Purchase { order, placed_at, payable_until: None, awaited };
                self.account = account.follow(purchase, self.now).next;
            }
        }
        false
    }

    fn presents(&mut self, credential: u8, code: &OtpCode, enrolling: bool) -> bool {
        let (next, opened) = (self.fresh_secret(), opened());
        let presented = Presented {
            credential: credential_id(credential),
            opened: &opened,
            code,
            session: &self.cookie,
            next_session: &next,
        };
        let account = self.account.clone();
        let judged = if enrolling {
            account.prove_enrolment(&presented, "", self.now)
        } else {
            account.verify_otp(&presented, self.now)
        };
        let Ok(counted) = judged else { return false };
        let outcome;
        (self.account, outcome) = committed(counted);
        let accepted = outcome.is_ok();
        if accepted && next_is_open(&self.account, &next) {
            self.cookie = next;
        }
        accepted
    }
}

fn next_is_open(account: &Account, next: &SessionSecret) -> bool {
    account.sessions.iter().any(|session| next.matches(&session.digest))
}

fn step_of(credential: &Credential) -> Option<u64> {
    match &credential.authenticator {
        Authenticator::App { clockwork, .. } => clockwork.last_step,
        Authenticator::Missing | Authenticator::Enrolling { .. } | Authenticator::Phones(_) => None,
    }
}

proptest! {
    #[test]
    fn otp_3_whatever_happens_the_limits_hold(deeds in deeds()) {
        // SIG-1, SIG-2, OTP-2, OTP-3, CRD-1, ACC-4, LCH-1
        let mut world = World::new();
        for deed in deeds {
            let before = world.account.clone();
            let accepted = world.does(deed);
            let account = &world.account;
            prop_assert!(account.sessions.len() <= MAX_SESSIONS);
            prop_assert!(account.credentials.len() <= MAX_CREDENTIALS);
            prop_assert!(account.memberships.len() <= MAX_MEMBERSHIPS);
            prop_assert!(account.purchases.len() <= MAX_PURCHASES);
            prop_assert!(account.purchases.is_sorted_by_key(|known| (known.placed_at, known.order)));
            prop_assert!(account.purchases.iter().all(|known| !known.awaited.is_empty()));
            let had_room = before.purchases.len() < MAX_PURCHASES;
            if let (Deed::Order { product, awaited: Some(awaited), .. }, true) = (deed, had_room) {
                let product: ProductId = read(&format!("product-{product}"));
                let soonest = account.soonest(|one| *one == product, world.now);
                prop_assert!(soonest.is_some_and(|(_, soonest)| soonest >= awaited), "an order is not forgotten");
            }
            for (n, session) in account.sessions.iter().enumerate() {
                let twins = account.sessions.iter().skip(n + 1).filter(|other| other.digest == session.digest);
                prop_assert_eq!(twins.count(), 0, "a secret opens one session");
                let credential = session.raised.as_ref().map(|raised| account.credential(raised.credential).is_ok());
                prop_assert_ne!(credential, Some(false), "raised by a credential of the account");
            }
            let mut moved = 0;
            for old in &before.credentials {
                let new = account.credential(old.grant.id).expect("credentials are never lost");
                prop_assert!(new.failures <= MAX_FAILURES);
                prop_assert!(new.registered() || !old.registered(), "a proved app stays");
                prop_assert!(step_of(new) >= step_of(old), "steps only move forward");
                if step_of(new) > step_of(old) {
                    moved += 1;
                    prop_assert!(accepted && !old.locked(), "only an accepted code moves the step");
                }
                if old.registered() && new.failures < old.failures {
                    prop_assert!(accepted, "only a right code takes an app's failures away");
                }
            }
            prop_assert_eq!(moved, usize::from(accepted), "an accepted code uses up one step of one credential");
        }
    }
}

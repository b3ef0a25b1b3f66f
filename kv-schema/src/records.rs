//! The records: which domain value is stored under which key, in which version.
//!
//! Every effect is stored sealed, since messages carry tokens and licence keys in clear. A version's bytes are pinned by
//! the snapshots in `tests/record_bytes.rs`; a shipped version is never edited.

use std::future::Future;

use shared::{
    account::{Account, Login},
    batch::Batch,
    config::Gateway,
    dead_letter::DeadLetter,
    decision::Decision,
    delivery::{Delivery, DeliveryState, EndpointStanding},
    effect::Shelf,
    invitation::{IdempotencyClaim, InvitationSlot},
    launch::AuthorizationCode,
    licence::Licence,
    mailbox::MailboxCheck,
    operator::{BootstrapClaim, Operator},
    order::{Order, ShippedSerial},
    organisation::{Alike, Organisation},
    promo::Sheet,
    quota::Meter,
    registration::Registration,
    team::Team,
    values::{
        AccountId, ApplicationId, BatchId, CodeId, DeadLetterId, DeliveryId, InvitationSlotId, LicenceId, OrderId,
        OrganisationId, PartnerId, RegistrationId, SerialId, SheetId, Timestamp,
    },
};

use crate::{
    key::{Counter, Key, Keyed, Name, Prefix},
    list::List,
    record::{Kind, Record, record},
};

/// The bytes of an id, as they were read from a key.
struct Bytes([u8; 16]);

impl From<Bytes> for [u8; 16] {
    fn from(Bytes(bytes): Bytes) -> Self {
        bytes
    }
}

macro_rules! keyed {
    ($($id:ty),*) => {$(
        impl From<Bytes> for $id {
            fn from(Bytes(bytes): Bytes) -> Self {
                Self::from_bytes(bytes)
            }
        }

        impl Keyed for $id {
            fn key(&self, prefix: Prefix) -> Key {
                self.bytes().key(prefix)
            }
        }
    )*};
}

keyed!(
    AccountId,
    BatchId,
    CodeId,
    DeadLetterId,
    DeliveryId,
    InvitationSlotId,
    LicenceId,
    OrderId,
    OrganisationId,
    RegistrationId,
    SerialId,
    SheetId
);

record! { InvitationSlot { id: InvitationSlotId, prefix: "inv", version: 1, older: {} } }
record! { IdempotencyClaim { id: [u8; 16], prefix: "idem", version: 1, older: {} } }
record! { Registration { id: RegistrationId, prefix: "reg", version: 1, older: {} } }
record! { Organisation { id: OrganisationId, prefix: "org", version: 1, older: {} } }
record! { Alike { id: [u8; 16], prefix: "alike", version: 1, older: {} } }
record! { MailboxCheck { id: [u8; 16], prefix: "mbox", version: 1, older: {} } }
record! { Login { id: [u8; 16], prefix: "login", version: 1, older: {} } }
record! { Account { id: AccountId, prefix: "acct", version: 1, older: {} } }
record! { Batch { id: BatchId, prefix: "batch", version: 1, older: {} } }
record! { Sheet { id: SheetId, prefix: "promo", version: 1, older: {} } }
record! { Order { id: OrderId, prefix: "ord", version: 1, older: {} } }
record! { Licence { id: LicenceId, prefix: "lic", version: 1, older: {} } }
record! { ShippedSerial { id: SerialId, prefix: "serial", version: 1, older: {} } }
record! { AuthorizationCode { id: CodeId, prefix: "code", version: 1, older: {} } }
record! { Operator { id: [u8; 16], prefix: "oper", version: 1, older: {} } }
record! { BootstrapClaim { id: [u8; 16], prefix: "boot", version: 1, older: {} } }
record! { Team { id: OrganisationId, prefix: "team", version: 1, older: {} } }
record! { Delivery { id: DeliveryId, prefix: "hook", version: 1, older: {} } }
record! { EndpointStanding { id: [u8; 16], prefix: "endp", version: 1, older: {} } }
record! { DeadLetter { id: DeadLetterId, prefix: "dead", version: 1, older: {} } }
record! { Meter { id: [u8; 16], prefix: "rate", version: 1, older: {} } }

/// What a sweep has to know about a record (OPS-3).
pub trait Swept: Record + Clone {
    /// Whether records of this kind end.
    const ENDS: bool = false;

    /// Whether changes of such a record are entered into its audit trail (AUD-1).
    const AUDITED: bool = true;

    /// Whether the trail outlives a record that is removed: it says something that no other record's trail does.
    const AUDIT_KEPT: bool = false;

    /// Whether requests replace such a record also after its end: then it is condemned before it is removed
    /// ([`crate::kv::Kv::condemn`]).
    const REPLACED_AFTER_END: bool = false;

    /// From when on nobody needs the record, in unix seconds. No request replaces it after that, unless
    /// [`Swept::REPLACED_AFTER_END`] says so.
    fn ends_unix_seconds(&self) -> Option<u64> {
        None
    }

    /// What becomes of the record at its end, where that is not its removal.
    fn at_its_end(&self, _gateway: &Gateway, _now: Timestamp) -> Option<Decision<Self>> {
        None
    }

    /// When what is pending in a record is to be tried that has a schedule of its own; `None` leaves that to the sweep's
    /// backoff.
    fn schedule(&self, _now_unix_seconds: u64) -> Option<Schedule> {
        None
    }

    /// Records that end with this one, and are removed before it.
    fn ending_with_it(&self) -> Vec<Key> {
        Vec::new()
    }

    /// The same without the first ones of [`Swept::ending_with_it`], which are removed.
    #[must_use]
    fn without_first(&self, _removed: usize) -> Self {
        self.clone()
    }

    /// The key of a record with this id that is written before a record of this kind, and counts only once that one names
    /// it.
    fn prepared_key(_id: &[u8; 16]) -> Option<Key> {
        None
    }

    /// Whether it names the prepared record with this id.
    fn names(&self, _prepared: &[u8; 16]) -> bool {
        false
    }
}

/// When a sweep is to do something about what is pending in a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Schedule {
    /// Whether it is to be tried now.
    pub due: bool,
    /// How long after that, or after now, it is to be looked at again.
    pub wait_seconds: u64,
}

impl Swept for Delivery {
    fn schedule(&self, now_unix_seconds: u64) -> Option<Schedule> {
        let DeliveryState::Due { at } = self.state else {
            return None;
        };
        let left = u64::try_from(at.unix()).unwrap_or_default().saturating_sub(now_unix_seconds);
        let wait = self.wait().map_or(0, |wait| wait.0);
        Some(Schedule { due: left == 0, wait_seconds: if left == 0 { wait } else { left } })
    }
}

impl Swept for IdempotencyClaim {
    const ENDS: bool = true;

    fn ends_unix_seconds(&self) -> Option<u64> {
        u64::try_from(self.ends_at().unix()).ok()
    }
}

impl Swept for Batch {
    const ENDS: bool = true;
    const AUDIT_KEPT: bool = true;

    fn ends_unix_seconds(&self) -> Option<u64> {
        u64::try_from(self.ends_at().unix()).ok()
    }

    fn ending_with_it(&self) -> Vec<Key> {
        self.sheets.iter().map(|listed| Sheet::key(&listed.sheet)).collect()
    }

    fn without_first(&self, removed: usize) -> Self {
        Self { sheets: self.sheets.iter().skip(removed).copied().collect(), ..self.clone() }
    }

    fn prepared_key(id: &[u8; 16]) -> Option<Key> {
        Some(Sheet::key(&SheetId::from_bytes(*id)))
    }

    fn names(&self, prepared: &[u8; 16]) -> bool {
        self.sheets.iter().any(|listed| listed.sheet.bytes() == prepared)
    }
}

impl Swept for Order {
    const ENDS: bool = true;

    fn ends_unix_seconds(&self) -> Option<u64> {
        u64::try_from(self.pay_until()?.unix()).ok()
    }

    fn at_its_end(&self, gateway: &Gateway, now: Timestamp) -> Option<Decision<Self>> {
        self.clone().lapse(gateway, now)
    }

    fn prepared_key(id: &[u8; 16]) -> Option<Key> {
        Some(Licence::key(&LicenceId::from_bytes(*id)))
    }

    fn names(&self, prepared: &[u8; 16]) -> bool {
        self.units().iter().any(|unit| unit.licence.bytes() == prepared)
    }
}

impl Swept for DeadLetter {
    const ENDS: bool = true;
    const AUDIT_KEPT: bool = true;

    fn ends_unix_seconds(&self) -> Option<u64> {
        u64::try_from(self.ends_at()?.unix()).ok()
    }
}

impl Swept for InvitationSlot {
    const ENDS: bool = true;
    const AUDIT_KEPT: bool = true;
    const REPLACED_AFTER_END: bool = true;

    fn ends_unix_seconds(&self) -> Option<u64> {
        u64::try_from(self.ends_at()?.unix()).ok()
    }
}

impl Swept for MailboxCheck {
    const ENDS: bool = true;

    fn ends_unix_seconds(&self) -> Option<u64> {
        u64::try_from(self.ends_at().unix()).ok()
    }
}

/// How much a partner asks is no state of the journey.
impl Swept for Meter {
    const AUDITED: bool = false;
}

/// An index: what it says follows from the organisations' records.
impl Swept for Alike {
    const AUDITED: bool = false;
}

/// Something that is done with a record of whichever kind a key names.
pub trait Visitor {
    /// What comes of it.
    type Outcome;

    /// Does it.
    fn visit<R: Swept>(&self, id: &R::Id) -> impl Future<Output = Self::Outcome>;
}

macro_rules! swept {
    (special: $($special:ident $special_id:ty),*; lasting: $($lasting:ident $lasting_id:ty),*) => {
        $(impl Swept for $lasting {})*

        /// Lets the visitor see the record of this key; `None` when it is no key of a record listed here.
        pub async fn visit<V: Visitor>(key: &Key, visitor: &V) -> Option<V::Outcome> {
            let (prefix, id) = key.id()?;
            $(if prefix == $special::PREFIX.as_str() {
                return Some(visitor.visit::<$special>(&<$special_id>::from(Bytes(id))).await);
            })*
            $(if prefix == $lasting::PREFIX.as_str() {
                return Some(visitor.visit::<$lasting>(&<$lasting_id>::from(Bytes(id))).await);
            })*
            None
        }

        /// The keys of what was prepared for the record of this key.
        pub(crate) fn prepared_keys(owner: &Key, ids: &[[u8; 16]]) -> Vec<Key> {
            let Some((prefix, _)) = owner.id() else { return Vec::new() };
            $(if prefix == $special::PREFIX.as_str() {
                return ids.iter().filter_map($special::prepared_key).collect();
            })*
            Vec::new()
        }

        /// The prefix of records listed here that has this name.
        fn prefix_named(name: &str) -> Option<Prefix> {
            let prefixes = [$($special::PREFIX,)* $($lasting::PREFIX),*];
            prefixes.into_iter().find(|prefix| prefix.as_str() == name)
        }

        /// The kind of record that this key names; `None` when it is no key of a record listed here.
        pub(crate) fn kind_of(key: &Key) -> Option<Kind> {
            let (prefix, _) = key.id()?;
            let kinds = [$($special::KIND,)* $($lasting::KIND),*];
            kinds.into_iter().find(|kind| kind.prefix.as_str() == prefix)
        }
    };
}

swept! {
    special: IdempotencyClaim [u8; 16], Batch BatchId, MailboxCheck [u8; 16], InvitationSlot InvitationSlotId, Order OrderId,
        Meter [u8; 16], Alike [u8; 16], Delivery DeliveryId, DeadLetter DeadLetterId;
    lasting: Registration RegistrationId, Organisation OrganisationId, Login [u8; 16],
        Account AccountId, Sheet SheetId, Licence LicenceId, ShippedSerial SerialId, AuthorizationCode CodeId,
        Operator [u8; 16],
        BootstrapClaim [u8; 16], Team OrganisationId, EndpointStanding [u8; 16]
}

/// The key of a record, as an export or a log writes it; `None` for every other text.
pub fn key_of_text(text: &str) -> Option<Key> {
    let (prefix, id) = Key::id_of_text(text)?;
    let key = Key::of_id(prefix_named(prefix)?, &id);
    (key.as_str() == text).then_some(key)
}

/// A counter whose number nobody reads: a request that has nothing to count writes to it, so that strangers cannot tell it
/// from one that has (SIG-1). There are 64, so that such requests seldom meet; the lowest bits of `share` say which.
pub fn unheeded(share: u8) -> Counter {
    Counter::named(&Name::new("unheeded").shard(share % 64))
}

/// The operator's queue of submitted registrations, oldest first (APR-1).
pub fn registration_queue() -> List {
    List::named(&Name::new("registrations"))
}

/// An application's invitations, oldest first (INV-3). Nothing is ever removed from it.
///
/// # Panics
/// Never: an application's id is a slug, whose characters a name takes, and shorter than a name may be.
pub fn invitations_of(application: &ApplicationId) -> List {
    let name = Name::parse(format!("invitations.{application}")).expect("a slug is part of a name");
    List::named(&name)
}

/// A partner's webhooks, oldest first (MSG-3). Nothing is ever removed from it.
///
/// # Panics
/// Never: a partner's id is a slug, whose characters a name takes, and shorter than a name may be.
pub fn deliveries_of(partner: &PartnerId) -> List {
    let name = Name::parse(format!("deliveries.{partner}")).expect("a slug is part of a name");
    List::named(&name)
}

/// A list that people look at, oldest first.
///
/// # Panics
/// Never: a shelf's name has the characters that a name takes, and is shorter than a name may be.
pub fn shelf(shelf: &Shelf) -> List {
    List::named(&Name::parse(shelf.name()).expect("its characters are those of a name"))
}

/// A partner's batches of promo codes, oldest first (SHP-2). Nothing is ever removed from it.
///
/// # Panics
/// Never: a partner's id is a slug, whose characters a name takes, and shorter than a name may be.
pub fn batches_of(partner: &PartnerId) -> List {
    let name = Name::parse(format!("batches.{partner}")).expect("a slug is part of a name");
    List::named(&name)
}

/// Counts a partner's requests of one class for its [`Meter`]. It only ever grows.
pub fn requests_of(meter: &[u8; 16]) -> Counter {
    Counter::of_id(meter)
}

//! The records: which domain value is stored under which key, in which version.
//!
//! Every effect is stored sealed, since messages carry tokens and licence keys in clear. A version's bytes are pinned by
//! the snapshots in `tests/record_bytes.rs`; a shipped version is never edited.

use std::future::Future;

use shared::{
    account::{Account, Login},
    batch::Batch,
    checkout::Order,
    invitation::{IdempotencyClaim, InvitationSlot},
    launch::AuthorizationCode,
    licence::Licence,
    mailbox::MailboxCheck,
    operator::Operator,
    organisation::{Alike, Organisation},
    promo::Promo,
    registration::Registration,
    values::{
        AccountId, BatchId, CodeId, InvitationSlotId, LicenceId, OrderId, OrganisationId, PromoId, RegistrationId,
    },
};

use crate::{
    key::{Key, Keyed, Name, Prefix},
    list::List,
    record::{Record, record},
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

keyed!(AccountId, BatchId, CodeId, InvitationSlotId, LicenceId, OrderId, OrganisationId, PromoId, RegistrationId);

record! { InvitationSlot { id: InvitationSlotId, prefix: "inv", version: 1, older: {} } }
record! { IdempotencyClaim { id: [u8; 16], prefix: "idem", version: 1, older: {} } }
record! { Registration { id: RegistrationId, prefix: "reg", version: 1, older: {} } }
record! { Organisation { id: OrganisationId, prefix: "org", version: 1, older: {} } }
record! { Alike { id: [u8; 16], prefix: "alike", version: 1, older: {} } }
record! { MailboxCheck { id: [u8; 16], prefix: "mbox", version: 1, older: {} } }
record! { Login { id: [u8; 16], prefix: "login", version: 1, older: {} } }
record! { Account { id: AccountId, prefix: "acct", version: 1, older: {} } }
record! { Batch { id: BatchId, prefix: "batch", version: 1, older: {} } }
record! { Promo { id: PromoId, prefix: "promo", version: 1, older: {} } }
record! { Order { id: OrderId, prefix: "ord", version: 1, older: {} } }
record! { Licence { id: LicenceId, prefix: "lic", version: 1, older: {} } }
record! { AuthorizationCode { id: CodeId, prefix: "code", version: 1, older: {} } }
record! { Operator { id: [u8; 16], prefix: "oper", version: 1, older: {} } }

/// What a sweep has to know about a record (OPS-3).
pub trait Swept: Record {
    /// Whether records of this kind end.
    const ENDS: bool = false;

    /// From when on nobody needs the record, in unix seconds. No request replaces it after that.
    fn ends_unix_seconds(&self) -> Option<u64> {
        None
    }

    /// Records that end with this one, and are removed before it.
    fn ending_with_it(&self) -> Vec<Key> {
        Vec::new()
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

    fn ends_unix_seconds(&self) -> Option<u64> {
        u64::try_from(self.ends_at().unix()).ok()
    }

    fn ending_with_it(&self) -> Vec<Key> {
        self.promos.iter().map(Promo::key).collect()
    }
}

impl Swept for MailboxCheck {
    const ENDS: bool = true;

    fn ends_unix_seconds(&self) -> Option<u64> {
        u64::try_from(self.ends_at().unix()).ok()
    }
}

/// Something that is done with a record of whichever kind a key names.
pub trait Visitor {
    /// What comes of it.
    type Outcome;

    /// Does it.
    fn visit<R: Swept>(&self, id: &R::Id) -> impl Future<Output = Self::Outcome>;
}

macro_rules! swept {
    (ending: $($ending:ident $ending_id:ty),*; lasting: $($lasting:ident $lasting_id:ty),*) => {
        $(impl Swept for $lasting {})*

        /// Lets the visitor see the record of this key; `None` when it is no key of a record listed here.
        pub async fn visit<V: Visitor>(key: &Key, visitor: &V) -> Option<V::Outcome> {
            let (prefix, id) = key.id()?;
            $(if prefix == $ending::PREFIX.as_str() {
                return Some(visitor.visit::<$ending>(&<$ending_id>::from(Bytes(id))).await);
            })*
            $(if prefix == $lasting::PREFIX.as_str() {
                return Some(visitor.visit::<$lasting>(&<$lasting_id>::from(Bytes(id))).await);
            })*
            None
        }
    };
}

swept! {
    ending: IdempotencyClaim [u8; 16], Batch BatchId, MailboxCheck [u8; 16];
    lasting: InvitationSlot InvitationSlotId, Registration RegistrationId, Organisation OrganisationId,
        Alike [u8; 16], Login [u8; 16], Account AccountId, Promo PromoId, Order OrderId, Licence LicenceId, AuthorizationCode CodeId, Operator [u8; 16]
}

/// The operator's queue of submitted registrations, oldest first (APR-1).
pub fn registration_queue() -> List {
    List::named(&Name::new("registrations"))
}

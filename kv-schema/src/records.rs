//! The records: which domain value is stored under which key, in which version.
//!
//! Every effect is stored sealed, since messages carry tokens and licence keys in clear. A version's bytes are pinned by
//! the snapshots in `tests/record_bytes.rs`; a shipped version is never edited.

use shared::{
    account::{Account, Login},
    batch::Batch,
    checkout::Order,
    invitation::{IdempotencyClaim, InvitationSlot},
    launch::AuthorizationCode,
    licence::Licence,
    operator::Operator,
    organisation::Organisation,
    promo::Promo,
    registration::Registration,
    secret::Sealed,
    values::{
        AccountId, BatchId, CodeId, InvitationSlotId, LicenceId, OrderId, OrganisationId, PromoId, RegistrationId,
    },
};

use crate::{
    key::{Key, Keyed, Name, Prefix},
    list::List,
    record::record,
};

macro_rules! keyed {
    ($($id:ty),*) => {$(
        impl Keyed for $id {
            fn key(&self, prefix: Prefix) -> Key {
                self.bytes().key(prefix)
            }
        }
    )*};
}

keyed!(AccountId, BatchId, CodeId, InvitationSlotId, LicenceId, OrderId, OrganisationId, PromoId, RegistrationId);

record! { InvitationSlot { id: InvitationSlotId, effect: Sealed, prefix: "inv", version: 1, older: {} } }
record! { IdempotencyClaim { id: [u8; 16], effect: Sealed, prefix: "idem", version: 1, older: {} } }
record! { Registration { id: RegistrationId, effect: Sealed, prefix: "reg", version: 1, older: {} } }
record! { Organisation { id: OrganisationId, effect: Sealed, prefix: "org", version: 1, older: {} } }
record! { Login { id: [u8; 16], effect: Sealed, prefix: "login", version: 1, older: {} } }
record! { Account { id: AccountId, effect: Sealed, prefix: "acct", version: 1, older: {} } }
record! { Batch { id: BatchId, effect: Sealed, prefix: "batch", version: 1, older: {} } }
record! { Promo { id: PromoId, effect: Sealed, prefix: "promo", version: 1, older: {} } }
record! { Order { id: OrderId, effect: Sealed, prefix: "ord", version: 1, older: {} } }
record! { Licence { id: LicenceId, effect: Sealed, prefix: "lic", version: 1, older: {} } }
record! { AuthorizationCode { id: CodeId, effect: Sealed, prefix: "code", version: 1, older: {} } }
record! { Operator { id: [u8; 16], effect: Sealed, prefix: "oper", version: 1, older: {} } }

/// The operator's queue of submitted registrations, oldest first (APR-1).
pub fn registration_queue() -> List {
    List::named(&Name::new("registrations"))
}

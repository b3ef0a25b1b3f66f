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

record! { InvitationSlot { id: InvitationSlotId, prefix: "inv", version: 1, older: {} } }
record! { IdempotencyClaim { id: [u8; 16], prefix: "idem", version: 1, older: {} } }
record! { Registration { id: RegistrationId, prefix: "reg", version: 1, older: {} } }
record! { Organisation { id: OrganisationId, prefix: "org", version: 1, older: {} } }
record! { Login { id: [u8; 16], prefix: "login", version: 1, older: {} } }
record! { Account { id: AccountId, prefix: "acct", version: 1, older: {} } }
record! { Batch { id: BatchId, prefix: "batch", version: 1, older: {} } }
record! { Promo { id: PromoId, prefix: "promo", version: 1, older: {} } }
record! { Order { id: OrderId, prefix: "ord", version: 1, older: {} } }
record! { Licence { id: LicenceId, prefix: "lic", version: 1, older: {} } }
record! { AuthorizationCode { id: CodeId, prefix: "code", version: 1, older: {} } }
record! { Operator { id: [u8; 16], prefix: "oper", version: 1, older: {} } }

/// The operator's queue of submitted registrations, oldest first (APR-1).
pub fn registration_queue() -> List {
    List::named(&Name::new("registrations"))
}

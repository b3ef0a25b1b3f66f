//! The expiry log: what ends, by the hour in which it ends. The sweep walks it, so that nothing ever lists the store.
//!
//! Each hour has [`LOG_SHARDS`] lists (`due:<hour>.<shard>`) of record keys and what is to be done with them. The
//! sweep notes an entry when it meets a record that ends ([`crate::sweep`]). It is a reminder and no decision: whoever reads it loads
//! the record and looks again, since it may have been renewed, completed or noted twice.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{
    key::{Key, Name, Prefix},
    kv::{Fault, Kv},
    list::{Appended, Cursor, Entry, EntryId, List},
    record::{RecordFault, decode_body, encode_body},
    store::{Ambient, Store},
};

/// Lists that share an hour, so that those who note do not all contend for one sheet.
pub const LOG_SHARDS: u8 = 4;

const DUE: Prefix = Prefix::new("due");
pub(crate) const HOUR_SECONDS: u64 = 3600;

/// A record that ends, and in which respect.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Due {
    /// The record.
    pub key: Key,
    /// What ends about it; its kind of record says what the numbers mean.
    pub kind: u8,
    /// When.
    pub expires_unix_seconds: u64,
}

/// Some of an hour's entries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DuePage {
    /// In the order in which they were noted.
    pub due: Vec<Due>,
    /// Where to go on; `None` at the end of the shard.
    pub next: Option<Cursor>,
}

impl<S: Store, A: Ambient> Kv<S, A> {
    /// Notes what ends, because of something decided at `at_unix_seconds`; harmless when repeated.
    ///
    /// What is over already when it is noted goes to the present hour: the sweep has been through the former ones.
    pub async fn note_expiry(&self, due: &Due, at_unix_seconds: u64) -> Result<Appended, Fault> {
        let ends = due.expires_unix_seconds.max(self.ambient().unix_seconds());
        let id = entry_id(due);
        let payload = encode_body(due).map_err(log_fault)?;
        self.append(&shard_of(ends / HOUR_SECONDS, shard(id)), &Entry { id, at_unix_seconds, payload }).await
    }

    /// What ends in an hour (since 1970), of one shard from 0 to [`LOG_SHARDS`] - 1.
    pub async fn due(&self, hour: u64, shard: u8, from: Option<Cursor>) -> Result<DuePage, Fault> {
        let page = self.page(&shard_of(hour, shard), from).await?;
        let due = page.entries.iter().map(|entry| decode_body(&entry.payload).map_err(log_fault));
        Ok(DuePage { due: due.collect::<Result<_, _>>()?, next: page.next })
    }
}

pub(crate) fn shard_of(hour: u64, shard: u8) -> List {
    List::under(DUE, &Name::number(hour).shard(shard))
}

fn shard(EntryId([first, ..]): EntryId) -> u8 {
    first % LOG_SHARDS
}

/// The same record, kind and end are the same entry.
fn entry_id(due: &Due) -> EntryId {
    let mut hash = Sha256::new();
    hash.update([due.kind]);
    hash.update(due.expires_unix_seconds.to_be_bytes());
    hash.update(due.key.as_str());
    let mut id = [0; 16];
    id.iter_mut().zip(hash.finalize()).for_each(|(to, from)| *to = from);
    EntryId(id)
}

fn log_fault(fault: RecordFault) -> Fault {
    Fault::Record { prefix: DUE.as_str(), fault }
}

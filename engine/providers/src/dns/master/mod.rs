//! The master file of one zone (RFC 1035 §5). The whole file is ours: what people write into it is
//! found as drift.
//!
//! Who keeps a record stands in the comment behind it; how the zone is kept stands in a comment at
//! the top. So the file says everything about itself, and a record without such a comment was
//! written by hand.
//!
//! | module | for |
//! |---|---|
//! | [`read`] | text into a [`Zone`] |
//! | [`tokens`] | text into lines of words |
//! | [`write`] | a [`Zone`] into text |
//! | [`store`] | one change at a time, over all processes |
//!
//! It must not know the kinds that change it.

pub mod read;
pub mod store;
mod tokens;
pub mod write;

use super::name::Name;
use super::serial::Serials;

/// A zone as its file has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Zone {
    /// How it is kept; None: nobody of ours does.
    pub keeper: Option<Keeper>,
    /// The zone's own name.
    pub origin: Name,
    /// The lifetime of records that name none, in seconds.
    pub ttl: Option<u32>,
    /// Its first record.
    pub soa: Soa,
    /// All others.
    pub records: Vec<Record>,
}

/// Who keeps a zone, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keeper {
    /// The address of the resource.
    pub address: String,
    /// How it is numbered.
    pub serials: Serials,
    /// It may be removed with records in it.
    pub purge: bool,
}

/// The start of authority (RFC 1035 §3.3.13). Times are seconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Soa {
    /// The server with the original.
    pub primary: Name,
    /// The mail address of who answers for it, its first dot standing for the `@`.
    pub hostmaster: Name,
    /// The number of this version.
    pub serial: u32,
    /// How often secondaries ask.
    pub refresh: u32,
    /// How soon they ask again after a failure.
    pub retry: u32,
    /// When they stop answering without having reached the primary.
    pub expire: u32,
    /// How long the answer "there is no such name" is remembered (RFC 2308).
    pub minimum: u32,
}

/// One record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Its whole name.
    pub name: Name,
    /// Its type in capitals, also one that we do not write.
    pub kind: String,
    /// Its own lifetime in seconds.
    pub ttl: Option<u32>,
    /// What it says, canonical where we know the type.
    pub data: String,
    /// The address of the resource that keeps it; None: written by hand.
    pub owner: Option<String>,
    /// Where it was read; 0: it is new.
    pub line: usize,
}

impl Zone {
    /// Returns whether two hold the same, whatever their numbers, comments and lines are.
    pub fn says_the_same(&self, other: &Self) -> bool {
        let soa = |zone: &Self| Soa { serial: 0, ..zone.soa.clone() };
        let record = |record: &Record| {
            (record.name.clone(), record.kind.clone(), record.ttl, record.data.clone())
        };
        let records = |zone: &Self| {
            let mut records: Vec<_> = zone.records.iter().map(record).collect();
            records.sort();
            records
        };
        (&self.origin, self.ttl, soa(self)) == (&other.origin, other.ttl, soa(other))
            && records(self) == records(other)
    }

    /// Returns the names of the servers that answer for the zone itself.
    pub fn servers(&self) -> impl Iterator<Item = &Record> {
        self.records.iter().filter(|record| self.is_server(record))
    }

    /// Returns whether a record names a server of the zone itself.
    pub fn is_server(&self, record: &Record) -> bool {
        record.kind == "NS" && record.name == self.origin
    }

    /// Returns the records of one name and type.
    pub fn set<'z>(&'z self, name: &'z Name, kind: &'z str) -> impl Iterator<Item = &'z Record> {
        self.records.iter().filter(move |record| record.name == *name && record.kind == kind)
    }
}

impl Record {
    /// Returns the record in a few words: `www A 192.0.2.1`.
    pub fn short(&self, origin: &Name) -> String {
        let name = self.name.below(origin).unwrap_or(self.name.bare());
        format!("{name} {} {}", self.kind, self.data)
    }
}

//! Every kind of resource, one folder each. THE list is [`kinds`].
//!
//! It must not know how kinds are planned or walked.

use model::{Erased, Registry};

pub mod backup;
mod beside;
pub mod cert;
pub mod command;
pub mod data;
mod disk;
pub mod dns;
pub mod file;
pub mod front;
mod http;
mod note;
pub mod process;
pub mod random;
pub mod secret;
mod text;

/// Returns every kind that is built in.
pub fn kinds() -> Registry {
    Registry::new(list())
}

/// THE list: one line for each kind.
fn list() -> Vec<Erased> {
    vec![
        Erased::of(backup::BackupJob),
        Erased::of(backup::BackupRepository),
        Erased::of(cert::CertAuthority),
        Erased::of(cert::CertCertificate),
        Erased::of(command::CommandRun),
        Erased::of(data::DataCommand),
        Erased::of(data::DataHttp),
        Erased::of(data::DataValue),
        Erased::of(dns::DnsRecord),
        Erased::of(dns::DnsZone),
        Erased::of(file::FileArchive),
        Erased::of(file::FileDirectory),
        Erased::of(file::FileTemplate),
        Erased::of(file::FileText),
        Erased::of(front::FrontRoute),
        Erased::of(process::ProcessService),
        Erased::of(random::RandomPassword),
        Erased::of(secret::SecretFile),
    ]
}

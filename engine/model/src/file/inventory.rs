//! An inventory: hosts by group, and how they are reached.
//!
//! It must not reach any of them.

use std::collections::BTreeMap;
use std::num::NonZeroU16;

use language::{Name, Spec, Text};

/// Hosts that stacks and pipelines can name.
#[derive(Clone, Debug, Spec)]
#[spec(extensions)]
pub struct Inventory {
    /// The name of the inventory.
    pub inventory: Name,
    /// What holds for every host unless it says otherwise.
    #[spec(default = "{}")]
    pub defaults: Reach,
    /// Hosts by name.
    #[spec(default = "{}")]
    pub hosts: BTreeMap<String, Host>,
    /// Groups of hosts, and of other groups, by name.
    #[spec(default = "{}")]
    pub groups: BTreeMap<String, Group>,
}

/// One host.
#[derive(Clone, Debug, Spec)]
pub struct Host {
    /// Its name or address; its own name by default.
    pub address: Option<String>,
    #[spec(flatten)]
    pub reach: Reach,
    /// What templates and steps may read about it.
    #[spec(default = "{}")]
    pub values: BTreeMap<String, Text>,
}

/// How a host is reached over SSH.
#[derive(Clone, Debug, Spec)]
pub struct Reach {
    /// The user to log in as.
    pub user: Option<String>,
    /// The port of its SSH server.
    pub port: Option<NonZeroU16>,
    /// The file with the private key.
    pub key: Option<String>,
    /// A host to go through, by name in this inventory.
    pub through: Option<String>,
}

/// Some of the hosts.
#[derive(Clone, Debug, Spec)]
pub struct Group {
    /// Its hosts and other groups.
    #[spec(default = "[]")]
    pub members: Vec<String>,
    /// What templates and steps may read about all of them.
    #[spec(default = "{}")]
    pub values: BTreeMap<String, Text>,
}

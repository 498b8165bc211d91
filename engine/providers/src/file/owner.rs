//! Users and groups of this machine, by name or number.
//!
//! It asks `/etc/passwd` and `/etc/group` alone: whoever comes from a directory service is written
//! as a number.

use std::path::Path;
use std::sync::OnceLock;

use model::Fault;

const USERS: &str = "/etc/passwd";
const GROUPS: &str = "/etc/group";

/// Returns the number of a user.
pub(crate) fn user(name: &str) -> Result<u32, Fault> {
    number(USERS, "user", name)
}

/// Returns the number of a group.
pub(crate) fn group(name: &str) -> Result<u32, Fault> {
    number(GROUPS, "group", name)
}

/// The names behind numbers, read once for many.
#[derive(Default)]
pub(crate) struct Names {
    users: OnceLock<Vec<(String, u32)>>,
    groups: OnceLock<Vec<(String, u32)>>,
}

impl Names {
    /// Returns the name of a user; its number if it has none.
    pub(crate) fn user(&self, number: u32) -> String {
        name_of(self.users.get_or_init(|| lines(USERS)), number)
    }

    /// Returns the name of a group; its number if it has none.
    pub(crate) fn group(&self, number: u32) -> String {
        name_of(self.groups.get_or_init(|| lines(GROUPS)), number)
    }
}

fn number(table: &str, what: &str, name: &str) -> Result<u32, Fault> {
    let numbered = || lines(table).into_iter().find(|(known, _)| known == name).map(|(_, id)| id);
    name.parse().ok().or_else(numbered).ok_or_else(|| {
        Fault::refused(format!("there is no {what} `{name}` on this machine"))
            .help(format!("make the {what} first, or write its number"))
    })
}

fn name_of(names: &[(String, u32)], number: u32) -> String {
    let named = names.iter().find(|(_, id)| *id == number);
    named.map_or_else(|| number.to_string(), |(name, _)| name.clone())
}

/// Names and numbers: the first and third of the fields between colons in both tables.
fn lines(table: &str) -> Vec<(String, u32)> {
    let text = std::fs::read_to_string(Path::new(table)).unwrap_or_default();
    let entry = |line: &str| {
        let mut fields = line.split(':');
        Some((fields.next()?.to_owned(), fields.nth(1)?.parse().ok()?))
    };
    text.lines().filter_map(entry).collect()
}

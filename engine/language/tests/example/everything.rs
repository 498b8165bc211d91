//! A spec that has everything that a spec can have.

use std::collections::BTreeMap;
use std::net::IpAddr;

use language::{
    AnyValue, Code, DnsName, Duration, FilePath, HostName, Keys, Mode, Name, Port, PortRange,
    RelativePath, Secret, Size, Spanned, Spec, Text, Url,
};

/// Everything at once.
#[derive(Debug, Default, Spec)]
#[spec(check = not_too_much, extensions)]
pub struct Everything {
    /// A whole number, negative or not.
    pub offset: Option<i64>,
    /// A large whole number.
    pub bytes: Option<u64>,
    /// A share of the whole.
    #[spec(default = "0.5")]
    pub share: f64,
    /// A port.
    #[spec(default = "8080")]
    pub port: Option<Port>,
    /// Ports.
    pub ports: Option<PortRange>,
    /// The mode of a file.
    #[spec(default = "0644")]
    pub mode: Option<Mode>,
    /// An address on the web.
    pub url: Option<Url>,
    /// A file.
    pub file: Option<FilePath>,
    /// A file of the project.
    #[spec(default = "templates/site.hbs")]
    pub template: Option<RelativePath>,
    /// A machine.
    pub host: Option<HostName>,
    /// A name to look up.
    pub record: Option<DnsName>,
    /// An address.
    pub address: Option<IpAddr>,
    /// How long.
    #[spec(default = "1h30m")]
    pub wait: Option<Duration>,
    /// How much.
    pub memory: Option<Size>,
    /// Whether.
    #[spec(default = "true")]
    pub switch: bool,
    /// Words.
    #[spec(default = "hello")]
    pub text: Option<Text>,
    /// What nobody may read.
    pub password: Option<Secret>,
    /// Whatever the template needs.
    #[spec(default = "{ title: Shop, open: true, since: 2024 }")]
    pub values: Option<AnyValue>,
    /// More of the same, by name.
    #[spec(default = "{}")]
    pub named: BTreeMap<Name, Vec<Option<Spanned<u32>>>>,
    /// Where it goes on.
    pub next: Option<Box<Everything>>,
    /// When it runs.
    pub when: Option<Condition>,
    /// How it is spelt.
    #[spec(default = "plain")]
    pub style: Option<Style>,
    /// The old name of `text`.
    pub words: Option<String>,
}

/// A condition, which may hold others.
#[derive(Debug, Spec)]
pub enum Condition {
    /// The name of a switch.
    Switch(Name),
    /// All of these.
    All(Vec<Condition>),
    /// None of these.
    Unless(Box<Unless>),
}

/// What must not be.
#[derive(Debug, Spec)]
pub struct Unless {
    /// The condition that must not hold.
    pub not: Condition,
}

/// How something is spelt.
#[derive(Debug, PartialEq, Spec)]
pub enum Style {
    /// As it comes.
    Plain,
    /// In capitals.
    UpperCase,
    /// As version 1.1 had it.
    #[spec(key = "1.1")]
    Old,
}

/// What an object of it has.
#[derive(Debug, Spec)]
pub struct Attributes {
    /// Where it answers.
    #[spec(follows = "host, port")]
    pub url: Url,
    /// The password that was made for it.
    #[spec(sensitive, follows = "")]
    pub password: String,
    /// Where it lives.
    #[spec(replaces)]
    pub path: FilePath,
}

fn not_too_much(value: &Everything, keys: &mut Keys<'_, '_, '_>) {
    if value.share > 1.0 {
        keys.refuse("share", "a share is at most 1");
    }
    if value.words.is_some() {
        keys.warn(Code::Deprecated, "words", "`words` is called `text` now");
    }
}

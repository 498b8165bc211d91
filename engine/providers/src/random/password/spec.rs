//! The keys and attributes of `random.password`.

use std::collections::BTreeMap;

use language::{Keys, Secret, Spec, Text};
use model::{Tree, Value};

/// The shortest that withstands guessing, and that can be covered in logs.
const SHORTEST: u32 = 12;
const LONGEST: u32 = 1024;

/// A password that is made once, kept as a secret, and made anew when a key changes.
#[derive(Debug, Spec)]
#[spec(check = check)]
pub struct PasswordSpec {
    /// How many characters it has: 12 to 1024.
    #[spec(replaces, default = "32")]
    pub length: u32,
    /// What it is made of.
    #[spec(replaces, default = "[lower, upper, digits]")]
    pub sets: Vec<Set>,
    /// Which symbols there are, where `symbols` is one of the sets.
    #[spec(replaces, default = "'!#%*+-.:=?@_'")]
    pub symbols: String,
    /// Characters that are left out, such as those that look alike: `0O1lI`.
    #[spec(replaces, default = "''")]
    pub without: String,
    /// How many of each set there are at least.
    #[spec(replaces, default = "{}")]
    pub least: Least,
    /// Values of any meaning: when one changes, a new password is made.
    #[spec(replaces, default = "{}")]
    pub keepers: BTreeMap<String, Text>,
}

/// Characters that belong together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Spec)]
pub enum Set {
    /// a to z.
    Lower,
    /// A to Z.
    Upper,
    /// 0 to 9.
    Digits,
    /// Those of the key `symbols`.
    Symbols,
}

/// How many of each set there are at least.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Spec)]
pub struct Least {
    /// Small letters.
    #[spec(default = "0")]
    pub lower: u32,
    /// Capital letters.
    #[spec(default = "0")]
    pub upper: u32,
    /// Digits.
    #[spec(default = "0")]
    pub digits: u32,
    /// Symbols.
    #[spec(default = "0")]
    pub symbols: u32,
}

/// What it gives.
#[derive(Debug, Spec)]
pub struct PasswordObject {
    /// The password, as a secret: it can be put into what takes secrets, and is shown nowhere.
    #[spec(follows = "")]
    pub value: Secret,
}

impl PasswordSpec {
    /// Returns the characters of a set that may be used, each once.
    pub(super) fn letters(&self, set: Set) -> Vec<char> {
        let mut letters: Vec<char> = match set {
            Set::Lower => ('a'..='z').collect(),
            Set::Upper => ('A'..='Z').collect(),
            Set::Digits => ('0'..='9').collect(),
            Set::Symbols => self.symbols.chars().collect(),
        };
        letters.retain(|letter| !self.without.contains(*letter));
        letters.sort_unstable();
        letters.dedup();
        letters
    }
}

impl Set {
    /// Returns the word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Lower => "lower",
            Self::Upper => "upper",
            Self::Digits => "digits",
            Self::Symbols => "symbols",
        }
    }
}

impl Least {
    pub(super) fn of(&self, set: Set) -> u32 {
        match set {
            Set::Lower => self.lower,
            Set::Upper => self.upper,
            Set::Digits => self.digits,
            Set::Symbols => self.symbols,
        }
    }

    pub(super) fn value(&self) -> Value {
        let sets = [Set::Lower, Set::Upper, Set::Digits, Set::Symbols];
        let asked = sets.into_iter().filter(|set| self.of(*set) > 0);
        Value::Map(asked.map(|set| (set.name().to_owned(), self.of(set).into())).collect::<Tree>())
    }
}

fn check(spec: &PasswordSpec, keys: &mut Keys<'_, '_, '_>) {
    if !(SHORTEST..=LONGEST).contains(&spec.length) {
        keys.refuse("length", format!("a password has {SHORTEST} to {LONGEST} characters"));
    }
    if spec.sets.is_empty() {
        keys.refuse("sets", "there is nothing to make it of");
    }
    for (index, set) in spec.sets.iter().enumerate() {
        if spec.letters(*set).is_empty() {
            keys.refuse("sets", format!("nothing is left of `{}`", set.name()));
        }
        if spec.sets[..index].contains(set) {
            keys.refuse("sets", format!("`{}` stands here twice", set.name()));
        }
    }
    if let Some(control) = spec.symbols.chars().find(|c| c.is_control() || c.is_whitespace()) {
        keys.refuse("symbols", format!("{control:?} is no symbol"));
    }
    let mut least = 0_u64;
    for set in [Set::Lower, Set::Upper, Set::Digits, Set::Symbols] {
        least += u64::from(spec.least.of(set));
        if spec.least.of(set) > 0 && !spec.sets.contains(&set) {
            keys.refuse("least", format!("`{}` is none of the sets", set.name()));
        }
    }
    if least > u64::from(spec.length) {
        keys.refuse("least", format!("that is {least} characters, and there are {}", spec.length));
    }
}

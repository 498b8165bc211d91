//! The stable numbers of all findings: what people look up, and what must never change its meaning.

/// The stable number of a diagnostic, so that people can look it up: up to 9 about the text, from 10
/// about keys and values, from 20 about references, from 30 about how things go together, from 40
/// advice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Code {
    /// The text is not YAML as we read it.
    Syntax = 1,
    /// The bytes are not UTF-8.
    Encoding = 2,
    /// Aliases or references repeat more than a file may.
    AliasBomb = 3,
    /// The file has more bytes than [`crate::source::MOST_BYTES`].
    TooLarge = 4,
    /// Lists and maps stand deeper in each other than a file may.
    TooDeep = 5,
    /// A map has the same key twice.
    DuplicateKey = 10,
    /// A key that is needed is not there.
    MissingKey = 11,
    /// A key has no meaning where it stands.
    UnknownKey = 12,
    /// A list where a map belongs, a map where text belongs, and so on.
    WrongType = 13,
    /// The form is right and the value is not.
    BadValue = 14,
    /// Keys that exclude each other.
    WrongVariant = 15,
    /// A reference that cannot be read, or cannot stand where it does.
    BadReference = 20,
    /// Nothing has this name.
    UnknownName = 21,
    /// A secret where it would be shown, or in the open.
    MisplacedSecret = 22,
    /// Things that wait for each other.
    Cycle = 30,
    /// Things that are each right and cannot be together.
    Conflict = 31,
    /// Written and never used.
    Unused = 40,
    /// It still works and will not for ever.
    Deprecated = 41,
    /// What others choose becomes a part of something that is run.
    Pasted = 42,
}

impl Code {
    /// All of them, in the order of their numbers.
    pub const ALL: &[Self] = &[
        Self::Syntax,
        Self::Encoding,
        Self::AliasBomb,
        Self::TooLarge,
        Self::TooDeep,
        Self::DuplicateKey,
        Self::MissingKey,
        Self::UnknownKey,
        Self::WrongType,
        Self::BadValue,
        Self::WrongVariant,
        Self::BadReference,
        Self::UnknownName,
        Self::MisplacedSecret,
        Self::Cycle,
        Self::Conflict,
        Self::Unused,
        Self::Deprecated,
        Self::Pasted,
    ];

    /// Returns what people see and look up: `W012`.
    pub fn id(self) -> String {
        format!("W{:03}", self as u16)
    }

    /// Returns what all diagnostics with this code have in common, in one sentence.
    pub fn about(self) -> &'static str {
        match self {
            Self::Syntax => {
                "The text is not YAML, or uses a part of YAML that has no meaning here."
            }
            Self::Encoding => "The file is not UTF-8.",
            Self::AliasBomb => "Aliases, merge keys or references repeat more than a file may.",
            Self::TooLarge => "The file is larger than 64 MiB.",
            Self::TooDeep => "Lists and maps stand too deep in each other.",
            Self::DuplicateKey => "A map has the same key twice; which one is meant?",
            Self::MissingKey => "A key that is needed is not there.",
            Self::UnknownKey => "A key has no meaning where it stands; most are misspelt.",
            Self::WrongType => "A list, a map, text or a number stands where another form belongs.",
            Self::BadValue => "The value has the right form and is still not one that can be used.",
            Self::WrongVariant => "Keys stand together that exclude each other.",
            Self::BadReference => "A reference cannot be read, or cannot stand where it does.",
            Self::UnknownName => "Nothing has this name.",
            Self::MisplacedSecret => {
                "A secret stands in the open, or where it would be shown in plans and kept in state."
            }
            Self::Cycle => "Things wait for each other, so that none can begin.",
            Self::Conflict => "Things are each right and cannot be together.",
            Self::Unused => "Something is written and never used.",
            Self::Deprecated => "This still works, and will not for ever.",
            Self::Pasted => "A value that others choose becomes a part of what is run.",
        }
    }
}

//! Commands as they are typed to a shell: what a person is told to type does what was meant, with every
//! flag that it takes.
//!
//! It must not know what commands there are.

use std::borrow::Cow;

use crate::call::Call;

impl Call {
    /// Returns a command of this program about the same project.
    pub(crate) fn typed<W: AsRef<str>>(&self, words: impl IntoIterator<Item = W>) -> String {
        let mut typed = "windlass".to_owned();
        let mut put = |word: &str| typed.extend([" ", &quoted(word)]);
        words.into_iter().for_each(|word| put(word.as_ref()));
        if let Some(folder) = &self.folder {
            put("--project");
            put(&folder.display().to_string());
        }
        typed
    }

    /// Returns the command that was typed, with one word more.
    pub(crate) fn typed_with(&self, word: &str) -> String {
        let arguments = self.around.arguments.iter().skip(1);
        let words = arguments.map(|argument| argument.to_string_lossy().into_owned());
        let words: Vec<String> =
            words.chain([word.to_owned()]).map(|word| quoted(&word).into_owned()).collect();
        format!("windlass {}", words.join(" "))
    }
}

/// Returns a word so that a shell takes it for one, and for nothing else.
fn quoted(word: &str) -> Cow<'_, str> {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "_-./:=,@%+".contains(letter);
    match !word.is_empty() && word.chars().all(plain) {
        true => Cow::Borrowed(word),
        false => Cow::Owned(format!("'{}'", word.replace('\'', r"'\''"))),
    }
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn a_shell_takes_it_for_one_word() {
        for (word, expected) in [
            ("shop", "shop"),
            ("who=Ada Lovelace", "'who=Ada Lovelace'"),
            ("web[0]", "'web[0]'"),
            ("$HOME", "'$HOME'"),
            ("it's", r"'it'\''s'"),
            ("", "''"),
        ] {
            assert_eq!(quoted(word), expected);
        }
    }
}

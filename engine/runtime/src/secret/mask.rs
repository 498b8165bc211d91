//! Covers secrets in text: as they are, and in the forms in which they usually leak (base64, URL,
//! JSON, shell quotes), also across the borders of the chunks in which output arrives.
//!
//! It must not keep what it has covered.

use aho_corasick::{AhoCorasick, MatchKind};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

/// What stands in the place of a secret.
const COVER: &str = "(secret)";

/// Shorter texts occur by chance: they cannot be covered without covering everything.
pub(super) const SHORTEST: usize = 6;

/// Knows the forms of all secrets that were used.
#[derive(Default)]
pub struct Masker {
    search: Option<AhoCorasick>,
    longest: usize,
}

impl Masker {
    /// Returns a masker of these texts.
    pub fn new<'t>(texts: impl IntoIterator<Item = &'t str>) -> Self {
        let mut forms: Vec<Vec<u8>> = texts.into_iter().flat_map(forms).collect();
        forms.sort_unstable();
        forms.dedup();
        let longest = forms.iter().map(Vec::len).max().unwrap_or_default();
        let builder =
            || AhoCorasick::builder().match_kind(MatchKind::LeftmostLongest).build(&forms);
        let search = (!forms.is_empty()).then(|| builder().ok()).flatten();
        Self { search, longest }
    }

    /// Returns whether a secret stands in the text.
    pub fn betrays(&self, text: &str) -> bool {
        self.search.as_ref().is_some_and(|search| search.is_match(text))
    }

    /// Returns the text with every secret covered.
    pub fn masked(&self, text: &str) -> String {
        match &self.search {
            Some(search) if search.is_match(text) => {
                let mut out = Vec::with_capacity(text.len());
                let cover = |_: &_, _: &_, out: &mut Vec<u8>| {
                    out.extend(COVER.as_bytes());
                    true
                };
                search.replace_all_with_bytes(text.as_bytes(), &mut out, cover);
                String::from_utf8_lossy(&out).into_owned()
            }
            _ => text.to_owned(),
        }
    }
}

/// Covers secrets in a stream whose chunks may end in the middle of one.
pub struct MaskStream<'m> {
    masker: &'m Masker,
    held: Vec<u8>,
}

impl<'m> MaskStream<'m> {
    /// Returns a stream at its beginning.
    pub fn new(masker: &'m Masker) -> Self {
        Self { masker, held: Vec::new() }
    }

    /// Takes a chunk and returns what may be shown by now.
    pub fn push(&mut self, chunk: &[u8]) -> Vec<u8> {
        self.held.extend(chunk);
        let Some(search) = &self.masker.search else { return std::mem::take(&mut self.held) };
        // A secret that began before this place would have ended by now.
        let safe = self.held.len().saturating_sub(self.masker.longest - 1);
        let (mut out, mut done) = (Vec::new(), 0);
        for found in search.find_iter(&self.held) {
            if found.start() >= safe {
                break;
            }
            out.extend(&self.held[done..found.start()]);
            out.extend(COVER.as_bytes());
            done = found.end();
        }
        if done < safe {
            out.extend(&self.held[done..safe]);
            done = safe;
        }
        self.held.drain(..done);
        out
    }

    /// Returns the rest.
    pub fn finish(self) -> Vec<u8> {
        let Some(search) = &self.masker.search else { return self.held };
        let mut out = Vec::new();
        search.replace_all_with_bytes(&self.held, &mut out, |_, _, out| {
            out.extend(COVER.as_bytes());
            true
        });
        out
    }
}

/// Every form in which a text is looked for. A text of several lines is looked for line by line too,
/// since logs are.
fn forms(text: &str) -> Vec<Vec<u8>> {
    let text = text.trim_end_matches(['\r', '\n']);
    let mut forms = Vec::new();
    let lines = text.lines().filter(|line| line.len() >= SHORTEST && *line != text);
    for part in std::iter::once(text).chain(lines).filter(|part| part.len() >= SHORTEST) {
        forms.push(part.as_bytes().to_vec());
        for percent in
            [percent(part, false, true), percent(part, true, true), percent(part, false, false)]
        {
            forms.push(percent.into_bytes());
        }
        forms.push(json(part).into_bytes());
        forms.push(json_ascii(part).into_bytes());
        forms.push(part.replace('\'', "'\\''").into_bytes());
        forms.push(hex(part).into_bytes());
        forms.extend(base64(part.as_bytes()));
    }
    forms
}

/// Base64 in both alphabets, at each of the three places in which it can stand inside a longer text:
/// the characters that depend on its neighbours are left out.
fn base64(bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut forms = Vec::new();
    for before in 0..3 {
        let padded = [&vec![0; before], bytes].concat();
        for alphabet in [&STANDARD_NO_PAD, &URL_SAFE_NO_PAD] {
            let text = alphabet.encode(&padded);
            let first = (before * 8).div_ceil(6);
            let last = padded.len() * 8 / 6;
            if last > first + SHORTEST {
                forms.push(text.as_bytes()[first..last].to_vec());
            }
        }
    }
    forms
}

fn percent(text: &str, plus: bool, upper: bool) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                out.push(byte.into());
            }
            b' ' if plus => out.push('+'),
            _ if upper => out.push_str(&format!("%{byte:02X}")),
            _ => out.push_str(&format!("%{byte:02x}")),
        }
    }
    out
}

fn json(text: &str) -> String {
    let quoted = serde_json::to_string(text).unwrap_or_default();
    quoted.trim_start_matches('"').strip_suffix('"').unwrap_or_default().to_owned()
}

fn json_ascii(text: &str) -> String {
    let mut out = String::new();
    for unit in json(text).encode_utf16() {
        match u8::try_from(unit) {
            Ok(byte) if byte.is_ascii() => out.push(byte.into()),
            _ => out.push_str(&format!("\\u{unit:04x}")),
        }
    }
    out
}

fn hex(text: &str) -> String {
    text.bytes().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const CANARY: &str = "tr0ub4dor & \"3\" ü/+";

    #[test]
    fn every_form_is_covered() {
        let masker = Masker::new([CANARY]);
        let inside = format!("user:{CANARY}@host");
        let forms = [
            CANARY.to_owned(),
            STANDARD_NO_PAD.encode(CANARY),
            STANDARD_NO_PAD.encode(&inside),
            URL_SAFE_NO_PAD.encode(format!("x{CANARY}y")),
            percent(CANARY, false, true),
            percent(CANARY, true, true),
            serde_json::to_string(&inside).expect("text"),
            json_ascii(CANARY),
        ];
        for form in forms {
            assert!(masker.betrays(&format!("before {form} after")), "{form}");
            assert!(masker.masked(&form).contains(COVER), "{form}");
            assert!(!masker.betrays(&masker.masked(&form)), "{form}");
        }
    }

    #[test]
    fn other_text_is_left_alone() {
        let masker = Masker::new([CANARY]);
        let text = "tr0ub4dor & \"3\" but not quite";
        assert_eq!(masker.masked(text), text);
    }

    #[test]
    fn a_secret_in_pieces_is_covered_wherever_it_is_cut() {
        let masker = Masker::new([CANARY, "another-secret"]);
        let text = format!("one {CANARY} two another-secret three {CANARY}");
        for first in 0..text.len() {
            for second in [first, (first + 3).min(text.len()), text.len()] {
                let mut stream = MaskStream::new(&masker);
                let mut out = stream.push(&text.as_bytes()[..first]);
                out.extend(stream.push(&text.as_bytes()[first..second]));
                out.extend(stream.push(&text.as_bytes()[second..]));
                out.extend(stream.finish());
                let out = String::from_utf8(out).expect("text");
                assert_eq!(out, "one (secret) two (secret) three (secret)", "{first} {second}");
            }
        }
    }

    #[test]
    fn lines_of_a_key_are_covered_one_by_one() {
        let masker = Masker::new(["-----BEGIN KEY-----\nMIIEvQIBADANBg\n-----END KEY-----\n"]);
        assert_eq!(masker.masked("got MIIEvQIBADANBg here"), "got (secret) here");
    }
}

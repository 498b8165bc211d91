//! Covers secrets in text: as they are, and in the forms in which they usually leak (base64, URL,
//! JSON, shell quotes).
//!
//! It must not keep what it has covered.

use std::ops::Range;
use std::sync::Arc;

use aho_corasick::{AhoCorasick, MatchKind};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use model::SecretText;

/// What stands in the place of a secret.
const COVER: &str = "(secret)";

/// Shorter texts occur by chance: they cannot be covered without covering everything.
pub(super) const SHORTEST: usize = 6;

/// Knows the forms of all secrets that were used.
///
/// In layers, each at least twice as large as the next: one more secret costs a small layer, and a
/// text goes into a larger one only when as many others have come.
#[derive(Clone, Default)]
pub struct Masker {
    layers: Vec<Arc<Layer>>,
}

struct Layer {
    texts: Vec<SecretText>,
    /// None: none of them is long enough to be looked for.
    search: Option<AhoCorasick>,
}

impl Masker {
    /// Returns a masker that knows these texts too.
    pub fn with(&self, mut texts: Vec<SecretText>) -> Self {
        let mut layers = self.layers.clone();
        while let Some(last) = layers.pop_if(|last| last.texts.len() < texts.len() * 2) {
            texts.extend(last.texts.iter().cloned());
        }
        if !texts.is_empty() {
            layers.push(Arc::new(Layer::new(texts)));
        }
        Self { layers }
    }

    /// Returns whether a secret stands in the text.
    pub fn betrays(&self, text: &str) -> bool {
        self.searches().any(|search| search.is_match(text))
    }

    /// Returns the text with every secret covered.
    pub fn masked(&self, text: &str) -> String {
        let found = self.found(text.as_bytes());
        if found.is_empty() {
            return text.to_owned();
        }
        let (mut out, mut done) = (Vec::with_capacity(text.len()), 0);
        for found in found {
            out.extend(&text.as_bytes()[done..found.start]);
            out.extend(COVER.as_bytes());
            done = found.end;
        }
        out.extend(&text.as_bytes()[done..]);
        String::from_utf8_lossy(&out).into_owned()
    }

    fn searches(&self) -> impl Iterator<Item = &AhoCorasick> {
        self.layers.iter().filter_map(|layer| layer.search.as_ref())
    }

    /// Where secrets stand, in order; those that overlap are one.
    fn found(&self, bytes: &[u8]) -> Vec<Range<usize>> {
        let all = self.searches().flat_map(|search| search.find_iter(bytes));
        let mut all: Vec<Range<usize>> = all.map(|found| found.range()).collect();
        all.sort_unstable_by_key(|found| found.start);
        all.dedup_by(|next, found| {
            let overlap = next.start < found.end;
            found.end = if overlap { found.end.max(next.end) } else { found.end };
            overlap
        });
        all
    }
}

impl Layer {
    fn new(texts: Vec<SecretText>) -> Self {
        let mut forms: Vec<Vec<u8>> = texts.iter().flat_map(|text| forms(text.expose())).collect();
        forms.sort_unstable();
        forms.dedup();
        let builder =
            || AhoCorasick::builder().match_kind(MatchKind::LeftmostLongest).build(&forms);
        let search = (!forms.is_empty()).then(|| builder().ok()).flatten();
        Self { texts, search }
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

    fn masker<const N: usize>(texts: [&str; N]) -> Masker {
        Masker::default().with(texts.map(SecretText::new).into())
    }

    #[test]
    fn one_more_secret_costs_little() {
        let (mut masker, mut handled) = (Masker::default(), 0);
        for number in 0..1_000 {
            let before: Vec<usize> = masker.layers.iter().map(|layer| layer.texts.len()).collect();
            masker = masker.with(vec![SecretText::new(format!("secret-{number}"))]);
            let kept = masker.layers.iter().zip(&before);
            let kept = kept.filter(|(layer, size)| layer.texts.len() == **size).count();
            handled += masker.layers[kept..].iter().map(|layer| layer.texts.len()).sum::<usize>();
        }
        assert!(handled <= 1_000 * 11, "{handled} texts were put into an automaton");
        assert!(masker.layers.len() <= 10, "{} layers", masker.layers.len());
        assert!((0..1_000).all(|number| masker.betrays(&format!("the secret-{number} here"))));
    }

    #[test]
    fn secrets_of_several_layers_that_overlap_are_covered_as_one() {
        let masker = masker(["first-part", "another"]).with(vec![SecretText::new("part-second")]);
        assert_eq!(masker.layers.len(), 2);
        assert_eq!(masker.masked("a first-part-second b another"), "a (secret) b (secret)");
    }

    #[test]
    fn every_form_is_covered() {
        let masker = masker([CANARY]);
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
        let masker = masker([CANARY]);
        let text = "tr0ub4dor & \"3\" but not quite";
        assert_eq!(masker.masked(text), text);
    }

    #[test]
    fn lines_of_a_key_are_covered_one_by_one() {
        let masker = masker(["-----BEGIN KEY-----\nMIIEvQIBADANBg\n-----END KEY-----\n"]);
        assert_eq!(masker.masked("got MIIEvQIBADANBg here"), "got (secret) here");
    }
}

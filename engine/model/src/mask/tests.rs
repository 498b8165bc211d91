//! A corpus of secrets and outputs: nothing leaks, nothing else is covered, and it makes no difference in
//! which pieces a text comes.

use std::collections::BTreeSet;
use std::sync::Arc;

use fastrand::Rng;
use serde::Deserialize;

use super::{Covered, Masker, SHORTEST, Stream, is_too_short};
use crate::secret::SecretText;

/// Written by `corpus.py` with the encoders of others.
const CORPUS: &str = include_str!("corpus.json");

/// What stands in the place of a secret.
const COVER: &str = "(secret)";

/// So many bytes of a secret in a row are a leak.
const LEAK: usize = 5;

#[derive(Deserialize)]
struct Corpus {
    secrets: Vec<String>,
    written: Vec<Vec<serde_json::Value>>,
}

struct Written {
    secret: usize,
    how: String,
    text: String,
    /// What of it must not be seen.
    hidden: String,
}

impl Corpus {
    fn read() -> Self {
        serde_json::from_str(CORPUS).expect("a corpus")
    }

    fn written(&self) -> impl Iterator<Item = Written> {
        let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
        self.written.iter().map(move |entry| Written {
            secret: entry[0].as_u64().unwrap_or_default() as usize,
            how: text(&entry[1]),
            text: text(&entry[2]),
            hidden: text(entry.last().expect("an entry")),
        })
    }

    fn masker(&self) -> Arc<Masker> {
        masker(self.secrets.iter().map(String::as_str))
    }
}

fn masker<'t>(texts: impl IntoIterator<Item = &'t str>) -> Arc<Masker> {
    let texts = texts.into_iter().map(|text| Covered::new(SecretText::new(text)));
    Arc::new(Masker::default().with(texts.collect()))
}

/// What comes out if the text comes in pieces of these lengths, again and again.
fn in_pieces(masker: &Arc<Masker>, text: &[u8], lengths: &[usize]) -> Vec<u8> {
    let (mut stream, mut out, mut rest) = (Stream::new(Arc::clone(masker)), Vec::new(), text);
    for length in lengths.iter().cycle() {
        let (piece, behind) = rest.split_at(rest.len().min(*length));
        stream.push(piece, &mut out);
        rest = behind;
        if rest.is_empty() {
            break;
        }
    }
    stream.finish(&mut out);
    out
}

/// Without what may stand within a form.
fn unbroken(text: &str) -> String {
    text.split_whitespace().collect()
}

/// The first piece of what is hidden that shows.
fn leak<'h>(hidden: &'h str, shown: &str) -> Option<&'h str> {
    let ends = hidden.char_indices().map(|(at, _)| at).chain([hidden.len()]);
    let ends: Vec<usize> = ends.collect();
    let pieces = ends.windows(LEAK + 1).map(|ends| &hidden[ends[0]..ends[LEAK]]);
    pieces.into_iter().find(|piece| shown.contains(*piece))
}

#[test]
fn nothing_leaks_however_it_is_written_and_cut() {
    let corpus = Corpus::read();
    let all = corpus.masker();
    let each: Vec<_> = corpus.secrets.iter().map(|secret| masker([secret.as_str()])).collect();
    for Written { secret, how, text, hidden } in corpus.written() {
        let alone = &each[secret];
        let around =
            format!("$ run\n{{\"k\": \"{text}\"}}\nQQ=={text}==QQ\r50 %\r{text}\n@@ {text}");
        for masker in [alone, &all] {
            let whole = masker.masked(&around);
            let shown = unbroken(&whole.replace(COVER, "\u{1}"));
            let leak = leak(&unbroken(&hidden), &shown).map(str::to_owned);
            assert_eq!(leak, None, "secret {secret}, {how}: {text:?} became {whole:?}");
            for length in [1, 3, 64] {
                let cut = in_pieces(masker, around.as_bytes(), &[length]);
                assert_eq!(cut, whole.as_bytes(), "secret {secret}, {how}, pieces of {length}");
            }
        }
        // What stands around it is still there.
        let seen = alone.masked(&around);
        assert!(seen.starts_with("$ run\n{\"k\": \"") && seen.contains("50 %"), "{how}: {seen:?}");
    }
}

#[test]
fn every_line_of_a_secret_is_covered_by_itself() {
    let corpus = Corpus::read();
    let masker = corpus.masker();
    for secret in corpus.secrets.iter().filter(|secret| secret.lines().count() > 2) {
        for line in secret.lines().filter(|line| line.len() >= SHORTEST && !line.starts_with("---"))
        {
            assert_eq!(masker.masked(&format!("> {line} <\n")), "> (secret) <\n");
        }
    }
}

#[test]
fn what_is_no_secret_stays_as_it_is() {
    let corpus = Corpus::read();
    let masker = corpus.masker();
    let mut near = vec![
        "-----BEGIN EXAMPLE KEY-----\n-----END EXAMPLE KEY-----\n".to_owned(),
        "the word secret, (secret), a prefix, one two three; DB=qwertz; x=1".to_owned(),
        "==========\n----------\n\n\n\n\r\r\r\n          \n".to_owned(),
    ];
    for secret in corpus.secrets.iter().filter(|secret| secret.lines().count() == 1) {
        let secret = secret.trim();
        let letters: Vec<char> = secret.chars().collect();
        for at in 0..letters.len() {
            let mut other = letters.clone();
            other[at] = if other[at] == 'Z' { 'Q' } else { 'Z' };
            near.push(other.iter().collect());
            if at > 0 {
                // Broken by a line end, a text is two others.
                let (left, right) = (&letters[..at], &letters[at..]);
                near.push(left.iter().chain(&['\n']).chain(right).collect());
            }
        }
        near.push(letters.iter().rev().collect());
        near.push(letters[1..].iter().collect());
        near.push(letters[..letters.len() - 1].iter().collect());
        // The same bits, at other places.
        let bytes = secret.as_bytes().windows(2);
        near.push(bytes.map(|two| format!("{:02x}", two[0] << 4 | two[1] >> 4)).collect());
    }
    // Some of them are others of the corpus.
    let known: BTreeSet<&str> = corpus.secrets.iter().map(|secret| secret.trim()).collect();
    let is_other = |text: &&String| !known.iter().any(|known| text.contains(*known));
    for text in near.iter().filter(is_other) {
        let text = format!("a line\n{text}\nanother {text} line\n");
        assert_eq!(masker.masked(&text), text);
        assert!(masker.shown(&text).is_none());
    }
}

#[test]
fn pages_of_text_and_bytes_stay_as_they_are() {
    let masker = Corpus::read().masker();
    let mut rng = Rng::with_seed(20_261_121);
    let words =
        ["error:", "Xk7pQ2", "secret", "user", "prefix", "-----BEGIN", "abcabc", "%2B", "\\u00"];
    let mut page = Vec::new();
    for _ in 0..50_000 {
        match rng.u8(..8) {
            0 => page.push(b'\n'),
            1 => page.push(rng.u8(..)),
            2 => page.extend(std::iter::repeat_with(|| rng.alphanumeric() as u8).take(12)),
            _ => page.extend(words[rng.usize(..words.len())].bytes().chain([b' '])),
        }
    }
    assert!(in_pieces(&masker, &page, &[4096]) == page, "something was covered");
}

/// Texts made of pieces of secrets, cut anywhere.
#[test]
fn where_pieces_end_makes_no_difference() {
    let corpus = Corpus::read();
    let masker = corpus.masker();
    let written: Vec<Written> = corpus.written().collect();
    let mut rng = Rng::with_seed(4);
    for round in 0..300 {
        let mut text = Vec::new();
        while text.len() < 2_000 {
            let bytes = written[rng.usize(..written.len())].text.as_bytes();
            let from = if rng.bool() { 0 } else { rng.usize(..bytes.len()) };
            let to = if rng.bool() { bytes.len() } else { rng.usize(from..=bytes.len()) };
            text.extend(&bytes[from..to]);
            text.extend([&b"\n"[..], b"\r\n", b"\xff", b"", b"", b"\n    ", b" "][rng.usize(..7)]);
        }
        let whole = in_pieces(&masker, &text, &[text.len()]);
        let lengths: Vec<usize> = (0..50).map(|_| rng.usize(1..[2, 8, 300][round % 3])).collect();
        assert!(in_pieces(&masker, &text, &lengths) == whole, "round {round}, {lengths:?}");
    }
}

#[test]
fn secrets_that_overlap_are_covered_as_one_in_whatever_layer() {
    let texts = ["first-part", "part-second", "first-part-2", "another"];
    let covered = |text: &str| Covered::new(SecretText::new(text));
    let together = masker(texts);
    let layers = Masker::default().with(texts[1..].iter().copied().map(covered).collect());
    let layers = Arc::new(layers.with(vec![covered(texts[0])]));
    assert_eq!((together.layers.len(), layers.layers.len()), (1, 2));
    for masker in [together, layers] {
        assert_eq!(masker.masked("a first-part-second b another"), "a (secret) b (secret)");
        assert_eq!(masker.masked("first-part-2 first-part-3"), "(secret) (secret)-3");
        assert_eq!(masker.masked("anotheranother"), "(secret)(secret)");
    }
}

#[test]
fn bytes_that_are_no_text_hide_nothing() {
    let masker = masker(["hidden-text"]);
    let out = in_pieces(&masker, b"\xff\xfehidden-text\x00\xc3hidden-text", &[3]);
    assert_eq!(out, b"\xff\xfe(secret)\x00\xc3(secret)");
}

#[test]
fn a_name_is_told_where_it_is_known() {
    let named = Covered::named("token", SecretText::new("hidden-text"));
    let masker = masker(["hidden-text", "text-other"]).with(vec![named]);
    assert_eq!(Arc::new(masker).masked("a hidden-text-other b"), "a (secret token) b");
}

#[test]
fn only_what_may_begin_a_secret_is_held_back() {
    let key = Corpus::read().secrets[13].clone();
    let masker = masker(["hidden-text", &key]);
    let mut stream = Stream::new(masker);
    let mut said = |piece: &str| {
        let mut out = Vec::new();
        stream.push(piece.as_bytes(), &mut out);
        String::from_utf8(out).expect("text")
    };
    assert_eq!(said("a line\n"), "a line\n");
    assert_eq!(said("it ends with hidden"), "it ends with ");
    assert_eq!(said("\n"), "hidden\n");
    assert_eq!(said("-----BEGIN EXAMPLE KEY-----\n"), "");
    assert_eq!(said("and no key\n"), "-----BEGIN EXAMPLE KEY-----\nand no key\n");
}

#[test]
fn what_repeats_itself_for_ever_is_not_kept() {
    let masker = masker(["xyxyxyxyx"]);
    let (mut stream, mut out) = (Stream::new(masker), Vec::new());
    for _ in 0..1_000 {
        stream.push("xy".repeat(1_000).as_bytes(), &mut out);
        stream.push(" \r\n".repeat(300).as_bytes(), &mut Vec::new());
        assert!(stream.held.capacity() < 64 * 1024 && stream.found.capacity() < 64 * 1024);
    }
}

#[test]
fn a_secret_that_comes_up_on_the_way_is_covered_from_then_on() {
    let old = masker(["old-password"]);
    let new = old.with(vec![Covered::new(SecretText::new("new-password"))]);
    let (mut stream, mut out) = (Stream::new(Arc::clone(&old)), Vec::new());
    stream.push(b"old-password new-password old-pass", &mut out);
    stream.know(&Arc::new(new));
    stream.push(b"word new-password\n", &mut out);
    stream.finish(&mut out);
    let out = String::from_utf8(out).expect("text");
    assert_eq!(out, "(secret) new-password (secret) (secret)\n");
}

#[test]
fn one_more_secret_costs_little() {
    let (mut masker, mut handled) = (Masker::default(), 0);
    for number in 0..1_000 {
        let before: Vec<usize> = masker.layers.iter().map(|layer| layer.texts.len()).collect();
        masker = masker.with(vec![Covered::new(SecretText::new(format!("secret-{number}")))]);
        let kept = masker.layers.iter().zip(&before);
        let kept = kept.filter(|(layer, size)| layer.texts.len() == **size).count();
        handled += masker.layers[kept..].iter().map(|layer| layer.texts.len()).sum::<usize>();
    }
    assert!(handled <= 1_000 * 11, "{handled} texts were put into an automaton");
    assert!(masker.layers.len() <= 10, "{} layers", masker.layers.len());
    assert!((0..1_000).all(|number| masker.shown(&format!("the secret-{number} here")).is_some()));
}

#[test]
fn blanks_do_not_make_a_secret_longer() {
    assert!(
        is_too_short("  short \n") && is_too_short("a\nb\n  c\nd\n") && !is_too_short("longer")
    );
    assert_eq!(masker(["  short \n"]).masked("a short word"), "a short word");
}

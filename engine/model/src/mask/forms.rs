//! The forms in which a secret comes back: as it is, and as programs write text down.
//!
//! A text of several lines is looked for line by line too, since logs are read and written so. It must
//! not look into text: it only says what to look for.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};

use super::breaks::joined;
use super::{SHORTEST, is_too_short};

/// A form of a text.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Form {
    /// What is looked for: without line breaks, where it may be broken.
    pub(super) bytes: Vec<u8>,
    /// Lines may break anywhere in it.
    pub(super) breaks: bool,
}

/// Characters beside letters and digits that stay as they are in URLs, by who writes them: RFC 3986,
/// paths, `encodeURIComponent`, forms (WHATWG URL), user names before `@`, `encodeURI`.
const KEPT: [&str; 6] =
    ["-_.~", "-_.~/", "-_.~!'()*", "-_.*", "-_.~!$&'()*+,", "-_.~!'()*;,/?:@&=+$#"];

/// What `printf %q` of bash puts a backslash before.
const QUOTED: &str = " !\"$&'()*,;<>?[\\]^`{|}";

/// Returns every form in which a text is looked for, each once; none if it is too short.
pub(super) fn forms(text: &str) -> Vec<Form> {
    let text = text.trim();
    let mut forms = Vec::new();
    if !is_too_short(text) {
        add_all(text, &mut forms);
        let lines: Vec<&str> = text.lines().map(str::trim).collect();
        if lines.len() > 1 {
            add_all(&text.lines().collect::<Vec<_>>().join("\r\n"), &mut forms);
            // As `echo $KEY` writes it, without quotes.
            add_all(&lines.join(" "), &mut forms);
            lines.iter().filter(|line| tells(line)).for_each(|line| add_all(line, &mut forms));
        }
    }
    forms.sort_unstable();
    forms.dedup();
    forms
}

/// Returns whether a line of a secret is one by itself. Others read the same in what is none: the
/// heads of keys, and lines that only part.
fn tells(line: &str) -> bool {
    let is_armour = ["-----BEGIN ", "-----END "].iter().any(|head| line.starts_with(head));
    let mut bytes = line.as_bytes().to_vec();
    bytes.sort_unstable();
    bytes.dedup();
    line.len() >= SHORTEST && bytes.len() > 3 && !is_armour
}

fn add_all(text: &str, forms: &mut Vec<Form>) {
    let mut all = vec![text.to_owned()];
    if !text.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        all.extend([in_url(text), in_json(text), in_shell(text), in_markup(text)].concat());
    }
    for written in all {
        let breaks = written.contains(['\n', '\r']);
        let bytes = if breaks { joined(written.as_bytes()) } else { written.into_bytes() };
        forms.push(Form { bytes, breaks });
    }
    let coded = [in_hex(text), in_base64(text.as_bytes())].concat();
    forms.extend(coded.into_iter().map(|coded| Form { bytes: coded.into_bytes(), breaks: true }));
}

fn in_url(text: &str) -> Vec<String> {
    let mut forms = Vec::new();
    for kept in KEPT {
        for plus in [false, true] {
            forms.push(percent(text, kept, plus, |byte| format!("%{byte:02X}")));
            forms.push(percent(text, kept, plus, |byte| format!("%{byte:02x}")));
        }
    }
    forms
}

fn percent(text: &str, kept: &str, plus: bool, coded: impl Fn(u8) -> String) -> String {
    let one = |byte: u8| match char::from(byte) {
        ' ' if plus => "+".to_owned(),
        c if c.is_ascii_alphanumeric() || kept.contains(c) => c.to_string(),
        _ => coded(byte),
    };
    text.bytes().map(one).collect()
}

/// JSON as it must be, with `/` escaped too (PHP), with `<`, `>` and `&` (Go), and in ASCII alone.
fn in_json(text: &str) -> Vec<String> {
    let quoted = serde_json::to_string(text).unwrap_or_default();
    let plain =
        quoted.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or_default();
    let mut forms = Vec::new();
    for slash in ["/", "\\/"] {
        let text = plain.replace('/', slash);
        for beyond in ["", "<>&"] {
            forms.push(escaped(&text, beyond, false, |unit| format!("\\u{unit:04x}")));
            forms.push(escaped(&text, beyond, true, |unit| format!("\\u{unit:04x}")));
            forms.push(escaped(&text, beyond, true, |unit| format!("\\u{unit:04X}")));
        }
    }
    // JSON as text of JSON: what services log of their requests.
    let twice = |form: &String| form.replace('\\', "\\\\").replace('"', "\\\"");
    let nested: Vec<String> = forms.iter().map(twice).collect();
    forms.extend(nested);
    forms
}

/// Text of XML and HTML, with the ways in which apostrophes and quotes are written or left.
fn in_markup(text: &str) -> Vec<String> {
    let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let quotes = ["\"", "&quot;", "&#34;"];
    let apostrophes = ["'", "&#39;", "&apos;", "&#x27;"];
    let both = quotes.iter().flat_map(|quote| apostrophes.map(|apostrophe| (quote, apostrophe)));
    both.map(|(quote, apostrophe)| text.replace('"', quote).replace('\'', apostrophe)).collect()
}

fn escaped(text: &str, beyond: &str, ascii: bool, coded: impl Fn(u16) -> String) -> String {
    let one = |c: char| match c {
        c if beyond.contains(c) || (ascii && !c.is_ascii()) => {
            c.encode_utf16(&mut [0; 2]).iter().map(|unit| coded(*unit)).collect()
        }
        c => c.to_string(),
    };
    text.chars().map(one).collect()
}

/// As it is quoted for a shell: within `'` in both ways, within `"`, after backslashes, and as `$'…'`
/// with letters beyond ASCII as they are and in octal.
fn in_shell(text: &str) -> Vec<String> {
    let before = |quoted: &str, text: &str| -> String {
        let one = |c: char| if quoted.contains(c) { format!("\\{c}") } else { c.to_string() };
        text.chars().map(one).collect()
    };
    let ansi = before("\\'", text).replace('\n', "\\n").replace('\r', "\\r").replace('\t', "\\t");
    let octal = ansi.bytes().map(|byte| match byte {
        0..0x20 | 0x7f.. => Cow::Owned(format!("\\{byte:03o}")),
        byte => Cow::Owned(char::from(byte).to_string()),
    });
    let octal = octal.collect();
    let single = text.replace('\'', "'\\''");
    let mixed = text.replace('\'', "'\"'\"'");
    vec![single, mixed, before("\"$`\\", text), before(QUOTED, text), ansi, octal]
}

fn in_hex(text: &str) -> Vec<String> {
    let small: String = text.bytes().map(|byte| format!("{byte:02x}")).collect();
    vec![small.to_ascii_uppercase(), small]
}

/// Base64 in both alphabets, at each of the three places in which it can stand inside a longer text:
/// the characters that depend on its neighbours are left out. At the end of what is encoded the last
/// one, and what fills up, belong to it.
fn in_base64(bytes: &[u8]) -> Vec<String> {
    let mut forms = Vec::new();
    for before in 0..3 {
        let placed = [&vec![0; before], bytes].concat();
        let whole = (before * 8).div_ceil(6)..placed.len() * 8 / 6;
        for (open, filled) in [(&STANDARD_NO_PAD, &STANDARD), (&URL_SAFE_NO_PAD, &URL_SAFE)] {
            let (open, filled) = (open.encode(&placed), filled.encode(&placed));
            let ends = [&open[whole.clone()], &open[whole.start..], &filled[whole.start..]];
            forms.extend(ends.map(str::to_owned));
        }
    }
    forms
}

//! Bytes to text. What is not UTF-8 is named, with its place; it never ends the reading.

use std::ops::Range;

/// What is wrong with the encoding of a file, and where in the text that was made of it.
pub(crate) struct Flaw {
    pub at: Range<usize>,
    pub message: String,
    pub help: &'static str,
}

/// Returns the text, and the first flaw in it; the bad bytes are `U+FFFD` in the text.
pub(crate) fn read(bytes: Vec<u8>) -> (String, Option<Flaw>) {
    if let Some(text) = utf_16(&bytes) {
        let message = "this file is UTF-16".to_owned();
        let at = 0..text.chars().next().map_or(0, char::len_utf8);
        return (text, Some(Flaw { at, message, help: "save it as UTF-8" }));
    }
    let error = match String::from_utf8(bytes) {
        Ok(text) => return (text, None),
        Err(error) => error,
    };
    let start = error.utf8_error().valid_up_to();
    let byte = error.as_bytes().get(start).copied().unwrap_or_default();
    let text = String::from_utf8_lossy(error.as_bytes()).into_owned();
    let at = start..start + char::REPLACEMENT_CHARACTER.len_utf8();
    let message = format!("this is not UTF-8: byte {byte:#04x}");
    (text, Some(Flaw { at, message, help: help(byte) }))
}

/// Bytes from `0xa0` on are letters in the encodings that editors used before UTF-8.
fn help(byte: u8) -> &'static str {
    if byte >= 0xa0 {
        "save the file as UTF-8; this looks like Latin-1 or Windows-1252"
    } else {
        "save the file as UTF-8"
    }
}

fn utf_16(bytes: &[u8]) -> Option<String> {
    let unit: fn([u8; 2]) -> u16 = match bytes {
        [0xff, 0xfe, ..] => u16::from_le_bytes,
        [0xfe, 0xff, ..] => u16::from_be_bytes,
        _ => return None,
    };
    let units = bytes[2..].as_chunks::<2>().0.iter().map(|pair| unit(*pair));
    Some(
        char::decode_utf16(units).map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER)).collect(),
    )
}

//! XML as elements that open and close, with the line of each.
//!
//! Nothing outside the file is read and no entity is defined (that is how a few bytes become a
//! thousand million), whatever a DOCTYPE says. It must not know any form.

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use crate::Unreadable;

/// So deep elements may stand in one another.
const DEEPEST: usize = 256;

/// Takes what an XML file holds, in order.
pub(crate) trait Sink {
    /// An element opens.
    fn open(&mut self, element: &Element<'_>) -> Result<(), String>;
    /// Text within the innermost element.
    fn text(&mut self, text: &str);
    /// The innermost element closes.
    fn close(&mut self, name: &str);
}

/// An element with its attributes.
pub(crate) struct Element<'e> {
    pub(crate) name: &'e str,
    /// How many elements stand around it.
    pub(crate) depth: usize,
    attributes: Vec<(String, String)>,
}

impl Element<'_> {
    /// Returns an attribute; empty if it is not there.
    pub(crate) fn get(&self, name: &str) -> &str {
        let found = self.attributes.iter().find(|(key, _)| key == name);
        found.map_or("", |(_, value)| value.as_str())
    }

    /// Returns seconds as milliseconds; 0 if they are not there, or are none. Some tools write
    /// `1,234.5`.
    pub(crate) fn milliseconds(&self, name: &str) -> u64 {
        let seconds: f64 = self.get(name).replace(',', "").parse().unwrap_or(0.0);
        // A number that is none, or below zero, becomes zero; one that is too large, the largest.
        #[expect(clippy::cast_sign_loss)]
        let milliseconds = (seconds * 1000.0).round() as u64;
        milliseconds
    }
}

/// Reads a whole file, and returns what has taken it in.
pub(crate) fn read<S: Sink + Default>(bytes: &[u8]) -> Result<S, Unreadable> {
    let mut sink = S::default();
    let text = String::from_utf8_lossy(bytes);
    let mut reader = Reader::from_str(&text);
    reader.config_mut().expand_empty_elements = true;
    let mut open = 0;
    let mut seen = false;
    loop {
        let event = reader.read_event();
        let at = usize::try_from(reader.buffer_position()).unwrap_or(text.len()).min(text.len());
        let wrong = |why: String| Unreadable { line: line(&text, at), why };
        match event.map_err(|error| wrong(error.to_string()))? {
            Event::Start(start) => {
                seen = true;
                if open == DEEPEST {
                    return Err(wrong(format!("elements stand more than {DEEPEST} deep")));
                }
                let name = start.local_name().as_ref().to_owned();
                let attributes = attributes(&start).map_err(&wrong)?;
                sink.open(&Element { name: &name, depth: open, attributes }).map_err(wrong)?;
                open += 1;
            }
            Event::End(end) => {
                open -= 1;
                sink.close(end.local_name().as_ref());
            }
            Event::Text(text) => sink.text(&text),
            Event::CData(text) => sink.text(&text),
            Event::GeneralRef(name) => sink.text(&entity(&name)),
            Event::Eof if open > 0 => return Err(wrong("the file ends in the middle".to_owned())),
            Event::Eof if !seen => return Err(wrong("there is nothing in it".to_owned())),
            Event::Eof => return Ok(sink),
            _ => {}
        }
    }
}

fn attributes(start: &BytesStart<'_>) -> Result<Vec<(String, String)>, String> {
    let mut all = Vec::new();
    for attribute in start.attributes() {
        let attribute = attribute.map_err(|error| error.to_string())?;
        let key = attribute.key.local_name().as_ref().to_owned();
        all.push((key, unescaped(&attribute.value)));
    }
    Ok(all)
}

/// Puts in what `&lt;` and its like stand for.
fn unescaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('&') {
        out.push_str(before);
        match after.split_once(';') {
            Some((name, after)) if name.len() < 12 => {
                out.push_str(&entity(name));
                rest = after;
            }
            _ => {
                out.push('&');
                rest = after;
            }
        }
    }
    out.push_str(rest);
    out
}

/// What an entity stands for (XML 1.0 §4.6); others stay as they are written.
fn entity(name: &str) -> String {
    let number = |digits: &str, radix| u32::from_str_radix(digits, radix).ok();
    let code = match name.strip_prefix("#x") {
        Some(digits) => number(digits, 16),
        None => name.strip_prefix('#').and_then(|digits| number(digits, 10)),
    };
    match (name, code.and_then(char::from_u32)) {
        ("lt", _) => "<".to_owned(),
        ("gt", _) => ">".to_owned(),
        ("amp", _) => "&".to_owned(),
        ("quot", _) => "\"".to_owned(),
        ("apos", _) => "'".to_owned(),
        (_, Some(character)) => character.to_string(),
        (other, None) => format!("&{other};"),
    }
}

fn line(text: &str, at: usize) -> usize {
    text.get(..at).unwrap_or(text).matches('\n').count() + 1
}

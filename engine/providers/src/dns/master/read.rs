//! A master file as people and servers write them, read strictly: what is not understood is an error
//! with its line, so that nothing is lost when the file is written again.
//!
//! It must not read files.

pub use super::tokens::Wrong;
use super::tokens::{Entry, entries};
use super::{Keeper, Record, Soa, Zone};
use crate::dns::data::{RecordType, canonical};
use crate::dns::master::write::MARK;
use crate::dns::name::{Name, Style, Writer};
use crate::dns::serial::Serials;

/// Reads the text of a master file.
///
/// # Errors
/// The first line that is wrong, and why.
pub fn read(text: &str) -> Result<Zone, Wrong> {
    let mut reader = Reader::default();
    let mut last = 1;
    for entry in entries(text)? {
        last = entry.line;
        reader.entry(&entry).map_err(|why| Wrong { line: entry.line, why })?;
    }
    let Some((origin, soa)) = reader.soa else {
        return Err(Wrong { line: last, why: "there is no SOA record".to_owned() });
    };
    let elsewhere = reader.records.iter().find(|record| record.name.below(&origin).is_none());
    if let Some(record) = elsewhere {
        let why = format!("{} does not lie in the zone {origin}", record.name);
        return Err(Wrong { line: record.line, why });
    }
    let Reader { keeper, ttl, records, .. } = reader;
    Ok(Zone { keeper, origin, ttl, soa, records })
}

#[derive(Default)]
struct Reader {
    keeper: Option<Keeper>,
    /// What relative names are below of, at this line.
    origin: Option<Name>,
    ttl: Option<u32>,
    soa: Option<(Name, Soa)>,
    /// Of the entry before.
    name: Option<Name>,
    records: Vec<Record>,
}

impl Reader {
    fn entry(&mut self, entry: &Entry) -> Result<(), String> {
        let words: Vec<&str> = entry.words.iter().map(String::as_str).collect();
        match words[..] {
            [] => {
                let marked =
                    entry.comment.as_deref().and_then(|comment| comment.strip_prefix(MARK));
                self.keeper = marked.and_then(keeper).or(self.keeper.take());
                Ok(())
            }
            ["$ORIGIN", origin] => {
                self.origin = Some(self.name(origin)?);
                Ok(())
            }
            ["$TTL", ttl] => {
                self.ttl = Some(seconds(ttl).ok_or(format!("`{ttl}` is no time"))?);
                Ok(())
            }
            [directive, ..] if directive.starts_with('$') => {
                Err(format!("`{directive}` is not understood here: only $ORIGIN and $TTL are"))
            }
            _ => self.record(entry, &words),
        }
    }

    fn name(&self, text: &str) -> Result<Name, String> {
        match &self.origin {
            Some(origin) => Name::relative(text, origin, Style::Any),
            None if text.ends_with('.') => Name::relative(text, &Name::default(), Style::Any),
            None => Err(format!("`{text}` is relative, and no $ORIGIN stands before it")),
        }
    }

    fn record(&mut self, entry: &Entry, words: &[&str]) -> Result<(), String> {
        let (name, mut rest) = match (entry.indented, words) {
            (true, words) => (self.name.clone().ok_or("the first record has no name")?, words),
            (false, [name, rest @ ..]) => (self.name(name)?, rest),
            (false, []) => return Ok(()),
        };
        self.name = Some(name.clone());
        let mut ttl = None;
        // RFC 1035 §5.1: class and lifetime come in either order, or not at all.
        while let [first, tail @ ..] = rest {
            match *first {
                class if class.eq_ignore_ascii_case("IN") => {}
                class @ ("CH" | "HS" | "CS") => return Err(format!("class {class} is not kept")),
                word => match seconds(word) {
                    Some(time) if ttl.is_none() => ttl = Some(time),
                    _ => break,
                },
            }
            rest = tail;
        }
        let [kind, data @ ..] = rest else { return Err("a type is missing".to_owned()) };
        if kind.eq_ignore_ascii_case("SOA") {
            return self.start(name, data);
        }
        let owner = entry.comment.as_deref().and_then(|comment| comment.strip_prefix(MARK));
        let (kind, data) = (kind.to_ascii_uppercase(), self.data(kind, data)?);
        let owner = owner.map(|owner| owner.trim().to_owned());
        self.records.push(Record { name, kind, ttl, data, owner, line: entry.line });
        Ok(())
    }

    fn data(&self, kind: &str, words: &[&str]) -> Result<String, String> {
        let written = words.join(" ");
        match RecordType::of_word(kind) {
            Some(kind) => {
                let origin = self.origin.clone().unwrap_or_default();
                canonical(kind, &written, &origin, Writer::File)
            }
            None if words.is_empty() => Err(format!("`{kind}` says nothing")),
            None => Ok(written),
        }
    }

    fn start(&mut self, name: Name, words: &[&str]) -> Result<(), String> {
        if self.soa.is_some() {
            return Err("a second SOA record".to_owned());
        }
        let [primary, hostmaster, serial, times @ ..] = words else {
            return Err("an SOA record has seven parts".to_owned());
        };
        let serial = serial.parse().map_err(|_| format!("`{serial}` is no serial number"))?;
        let time = |word: &&str| seconds(word).ok_or(format!("`{word}` is no time"));
        let times: Vec<u32> = times.iter().map(time).collect::<Result<_, _>>()?;
        let [refresh, retry, expire, minimum] = times[..] else {
            return Err("an SOA record has seven parts".to_owned());
        };
        let (primary, hostmaster) = (self.name(primary)?, self.name(hostmaster)?);
        let soa = Soa { primary, hostmaster, serial, refresh, retry, expire, minimum };
        self.soa = Some((name, soa));
        Ok(())
    }
}

/// Reads what stands behind the mark at the top: `zone shop/zone; serials: date; purge: false`. An
/// address may hold semicolons, so it is read from its end.
fn keeper(text: &str) -> Option<Keeper> {
    let (text, purge) = text.trim().strip_prefix("zone ")?.rsplit_once("; purge: ")?;
    let (address, serials) = text.rsplit_once("; serials: ")?;
    let serials = Serials::of_word(serials)?;
    Some(Keeper { address: address.to_owned(), serials, purge: purge == "true" })
}

/// Reads a time: seconds, or as servers let people write it (`1h30m`, `2W`).
fn seconds(word: &str) -> Option<u32> {
    if word.bytes().all(|byte| byte.is_ascii_digit()) {
        return word.parse().ok();
    }
    let mut sum: u32 = 0;
    let mut number = String::new();
    for c in word.chars() {
        if c.is_ascii_digit() {
            number.push(c);
            continue;
        }
        let factor = match c.to_ascii_lowercase() {
            's' => 1,
            'm' => 60,
            'h' => 3_600,
            'd' => 86_400,
            'w' => 604_800,
            _ => return None,
        };
        let part = std::mem::take(&mut number).parse::<u32>().ok()?.checked_mul(factor)?;
        sum = sum.checked_add(part)?;
    }
    number.is_empty().then_some(sum)
}

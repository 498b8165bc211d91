//! The entries of an archive, one after the other, whatever its format.
//!
//! It must not believe what they say about where they want to stand.

use std::io::{self, Read};
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use flate2::read::MultiGzDecoder;
use lzma_rust2::XzReader;
use model::Fault;
use tar::EntryType;
use zip::ZipArchive;

use super::spec::Format;
use super::unpack::Order;
use crate::beside::Watched;

/// How much memory an xz archive may ask for, in KiB.
const MOST_MEMORY: u32 = 256 * 1024;
/// A link leads to a path, not to a book.
const LONGEST_LINK: u64 = 4096;

/// One entry.
pub(super) struct Entry<'e> {
    /// As it stands in the archive.
    pub(super) path: PathBuf,
    pub(super) modified: SystemTime,
    pub(super) what: What<'e>,
}

/// What an entry is.
pub(super) enum What<'e> {
    /// A folder with this mode.
    Folder(u32),
    /// A file with this mode and content.
    File(u32, &'e mut dyn Read),
    /// A link to this path.
    Link(PathBuf),
    /// Another name for a file before it.
    Same(PathBuf),
    /// Something that has no place in a folder of files.
    Other(&'static str),
}

type Take<'t> = &'t mut dyn FnMut(Entry<'_>) -> Result<(), Fault>;

/// Hands on each entry.
pub(super) fn each(
    file: Watched<std::fs::File>,
    order: &Order,
    take: Take<'_>,
) -> Result<(), Fault> {
    let file = io::BufReader::with_capacity(256 * 1024, file);
    match order.format {
        Format::Tar => tar(file, order, take),
        Format::TarGz => tar(MultiGzDecoder::new(file), order, take),
        Format::TarXz => tar(XzReader::new_mem_limit(file, true, MOST_MEMORY), order, take),
        Format::Zip => zip(file, order, take),
    }
}

/// Says that an archive is not what its name says, or is damaged.
pub(super) fn broken(name: &str, error: &dyn std::error::Error) -> Fault {
    let mut text = error.to_string();
    let mut last = error;
    while let Some(source) = last.source() {
        last = source;
        text = last.to_string();
    }
    Fault::refused(format!("{name} cannot be unpacked: {text}"))
        .help("is it whole, and is its `format` the right one?")
}

fn tar(reader: impl Read, order: &Order, take: Take<'_>) -> Result<(), Fault> {
    let failed = |error: io::Error| broken(&order.name, &error);
    let mut archive = tar::Archive::new(reader);
    for entry in archive.entries().map_err(failed)? {
        let mut entry = entry.map_err(failed)?;
        let path = entry.path().map_err(failed)?.into_owned();
        let mode = entry.header().mode().map_err(failed)?;
        let modified = entry.header().mtime().map_err(failed)?;
        let target = entry.link_name().map_err(failed)?.map(std::borrow::Cow::into_owned);
        let what = match entry.header().entry_type() {
            EntryType::Directory => What::Folder(mode),
            EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse => {
                What::File(mode, &mut entry)
            }
            EntryType::Symlink => What::Link(target.unwrap_or_default()),
            EntryType::Link => What::Same(target.unwrap_or_default()),
            EntryType::XGlobalHeader | EntryType::XHeader => continue,
            EntryType::Fifo => What::Other("a pipe"),
            EntryType::Char | EntryType::Block => What::Other("a device"),
            _ => What::Other("something that is no file"),
        };
        let modified = moment(modified.cast_signed());
        take(Entry { path, modified, what })?;
    }
    Ok(())
}

/// A time that no clock can show is none: it is only a note beside the content.
fn moment(seconds: i64) -> SystemTime {
    let (epoch, length) = (SystemTime::UNIX_EPOCH, Duration::from_secs(seconds.unsigned_abs()));
    let moment = if seconds < 0 { epoch.checked_sub(length) } else { epoch.checked_add(length) };
    moment.unwrap_or(epoch)
}

fn zip(reader: impl Read + io::Seek, order: &Order, take: Take<'_>) -> Result<(), Fault> {
    let failed = |error: zip::result::ZipError| broken(&order.name, &error);
    let mut archive = ZipArchive::new(reader).map_err(failed)?;
    for index in 0..archive.len() {
        let mut entry = archive.by_index(index).map_err(failed)?;
        let path = PathBuf::from(&*entry.name().map_err(failed)?);
        let modified = entry.last_modified().and_then(time).unwrap_or(SystemTime::UNIX_EPOCH);
        let what = if entry.is_dir() {
            What::Folder(entry.unix_mode().unwrap_or(0o755))
        } else if entry.is_symlink() {
            let mut target = String::new();
            let read = (&mut entry).take(LONGEST_LINK).read_to_string(&mut target);
            read.map_err(|error| broken(&order.name, &error))?;
            What::Link(target.into())
        } else {
            match entry.unix_mode() {
                Some(mode) if !matches!(mode & 0o170_000, 0 | 0o100_000) => {
                    What::Other("something that is no file")
                }
                mode => What::File(mode.unwrap_or(0o644), &mut entry),
            }
        };
        take(Entry { path, modified, what })?;
    }
    Ok(())
}

/// A zip has local times and does not say of where: they are taken as UTC, so that they are the
/// same everywhere.
fn time(time: zip::DateTime) -> Option<SystemTime> {
    let (year, month, day) = (i16::try_from(time.year()).ok()?, time.month(), time.day());
    let date = jiff::civil::Date::new(year, month.cast_signed(), day.cast_signed()).ok()?;
    let (hour, minute, second) = (time.hour(), time.minute(), time.second());
    let time = jiff::civil::Time::new(
        hour.cast_signed(),
        minute.cast_signed(),
        second.cast_signed().min(59),
        0,
    );
    let zoned = date.to_datetime(time.ok()?).to_zoned(jiff::tz::TimeZone::UTC).ok()?;
    Some(zoned.timestamp().into())
}

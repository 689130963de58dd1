//! The directory of a zip (PKWARE APPNOTE 6.3 §4.3), judged before anything is unpacked.
//!
//! Stricter than the format where laxness is what attacks are made of: no zip64, one end and nothing after it, a
//! directory that fills its place, local headers that say what the directory says, and bytes that belong to one entry.

use std::{
    collections::HashSet,
    io::{Read, Seek, SeekFrom},
};

use crate::{
    error::{XdmError, XdmErrorKind as Kind, io},
    limits::Limits,
    names,
};

/// Length of the end record without its comment.
const END: usize = 22;
/// Longest comment.
const MAX_COMMENT: u64 = 65_535;
/// Length of a zip64 locator, which would stand just before the end record.
const LOCATOR: u64 = 20;
/// Length of a directory record without its names.
const RECORD: usize = 46;
/// Length of a local header without its names.
const LOCAL: usize = 30;
/// Most bytes of directory for one entry: name, extra fields and comment of sensible programs.
const MAX_RECORD: u64 = 1_024;
/// Sizes and offsets that say "see zip64".
const SEE_ZIP64: u32 = u32::MAX;

/// An entry, known to be sound.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) name: String,
    pub(crate) folder: bool,
    pub(crate) crc: u32,
    pub(crate) packed: u64,
    pub(crate) size: u64,
    pub(crate) offset: u64,
    raw_name: Vec<u8>,
    flags: u16,
    method: u16,
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    bytes.get(at..at + 2).map_or(0, |b| u16::from_le_bytes([b[0], b[1]]))
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..at + 4).map_or(0, |b| u32::from_le_bytes([b[0], b[1], b[2], b[3]]))
}

/// Reads and judges the directory.
///
/// # Errors
/// On the first thing that is not as it must be.
pub(crate) fn read(archive: &mut (impl Read + Seek), limits: &Limits) -> Result<Vec<Entry>, XdmError> {
    let length = archive.seek(SeekFrom::End(0)).map_err(io)?;
    if length > limits.max_archive.min(u64::from(SEE_ZIP64) - 1) {
        return Err(Kind::ArchiveTooLarge.whole());
    }
    let (end, at) = end_record(archive, length)?;
    let (here, count) = (u16_at(&end, 8), u16_at(&end, 10));
    let (size, offset) = (u32_at(&end, 12), u32_at(&end, 16));
    if count == u16::MAX || size == SEE_ZIP64 || offset == SEE_ZIP64 || has_locator(archive, at)? {
        return Err(Kind::Zip64.whole());
    }
    if usize::from(count) > limits.max_entries {
        return Err(Kind::TooManyEntries.whole());
    }
    let whole = u16_at(&end, 4) == 0 && u16_at(&end, 6) == 0 && here == count;
    let fits = u64::from(offset) + u64::from(size) == at && u64::from(size) <= u64::from(count) * MAX_RECORD;
    if !whole || !fits {
        return Err(Kind::Directory.whole());
    }
    let bytes = read_at(archive, u64::from(offset), usize::try_from(size).unwrap_or(usize::MAX))?;
    let entries = records(&bytes, usize::from(count))?;
    judge(&entries, limits)?;
    lie_apart(archive, &entries, u64::from(offset))?;
    Ok(entries)
}

fn read_at(archive: &mut (impl Read + Seek), at: u64, length: usize) -> Result<Vec<u8>, XdmError> {
    archive.seek(SeekFrom::Start(at)).map_err(io)?;
    let mut bytes = vec![0; length];
    match archive.read_exact(&mut bytes) {
        Ok(()) => Ok(bytes),
        Err(e) if e.kind() == std::io::ErrorKind::UnexpectedEof => Err(Kind::Truncated.whole()),
        Err(e) => Err(io(e)),
    }
}

/// The end record and where it stands. One that fits, and only one: a comment may hold the picture of another.
fn end_record(archive: &mut (impl Read + Seek), length: u64) -> Result<(Vec<u8>, u64), XdmError> {
    let tail = length.min(END as u64 + MAX_COMMENT);
    let start = length - tail;
    let bytes = read_at(archive, start, usize::try_from(tail).unwrap_or(usize::MAX))?;
    let fits = |at: &usize| {
        bytes[*at..].starts_with(b"PK\x05\x06") && *at + END + usize::from(u16_at(&bytes, *at + 20)) == bytes.len()
    };
    let mut ends = (0..=bytes.len().saturating_sub(END)).filter(|at| bytes.len() >= END && fits(at));
    match (ends.next(), ends.next()) {
        (Some(at), None) => Ok((bytes[at..at + END].to_vec(), start + at as u64)),
        (Some(_), Some(_)) => Err(Kind::Directory.whole()),
        (None, _) => {
            let head = read_at(archive, 0, usize::try_from(length.min(4)).unwrap_or(0))?;
            let zip = head.starts_with(b"PK\x03\x04") || head.starts_with(b"PK\x05\x06");
            Err(if zip { Kind::Truncated } else { Kind::NotZip }.whole())
        }
    }
}

fn has_locator(archive: &mut (impl Read + Seek), end: u64) -> Result<bool, XdmError> {
    let Some(at) = end.checked_sub(LOCATOR) else { return Ok(false) };
    Ok(read_at(archive, at, 4)? == b"PK\x06\x07")
}

fn records(bytes: &[u8], count: usize) -> Result<Vec<Entry>, XdmError> {
    let mut entries = Vec::with_capacity(count.min(1_024));
    let mut rest = bytes;
    for index in 0..count {
        let torn = || Kind::Directory.entry(index);
        let fixed = rest.get(..RECORD).filter(|r| r.starts_with(b"PK\x01\x02")).ok_or_else(torn)?;
        let lengths = [28, 30, 32].map(|at| usize::from(u16_at(fixed, at)));
        let name = rest.get(RECORD..RECORD + lengths[0]).ok_or_else(torn)?;
        let extra = rest.get(RECORD + lengths[0]..RECORD + lengths[0] + lengths[1]).ok_or_else(torn)?;
        let next = RECORD + lengths.iter().sum::<usize>();
        entries.push(record(fixed, name, extra, index)?);
        rest = rest.get(next..).ok_or_else(torn)?;
    }
    if rest.is_empty() { Ok(entries) } else { Err(Kind::Directory.whole()) }
}

fn record(fixed: &[u8], name: &[u8], extra: &[u8], index: usize) -> Result<Entry, XdmError> {
    /// Encrypted, strongly encrypted, headers masked.
    const SECRET: u16 = 1 | 1 << 6 | 1 << 13;
    let (flags, method) = (u16_at(fixed, 8), u16_at(fixed, 10));
    let (packed, size, offset) = (u32_at(fixed, 20), u32_at(fixed, 24), u32_at(fixed, 42));
    let refuse = |kind: Kind| Err(kind.entry(index));
    if flags & SECRET != 0 || method == 99 {
        return refuse(Kind::Encrypted);
    }
    if !matches!(method, 0 | 8) {
        return refuse(Kind::Method);
    }
    if [packed, size, offset].contains(&SEE_ZIP64) || extra_has_zip64(extra) {
        return refuse(Kind::Zip64);
    }
    // Unix and macOS keep the kind of file in the upper half of the attributes.
    let mode = (u32_at(fixed, 38) >> 16) & 0o170_000;
    if matches!(fixed[5], 3 | 19) && !matches!(mode, 0 | 0o100_000 | 0o040_000) {
        return refuse(Kind::Link);
    }
    let folder = name.ends_with(b"/") || name.ends_with(b"\\");
    if u16_at(fixed, 34) != 0 || (method == 0 && packed != size) || (folder && size != 0) {
        return refuse(Kind::Directory);
    }
    Ok(Entry {
        name: names::sound(name).map_err(|kind| kind.entry(index))?,
        folder,
        crc: u32_at(fixed, 16),
        packed: packed.into(),
        size: size.into(),
        offset: offset.into(),
        raw_name: name.to_vec(),
        flags,
        method,
    })
}

fn extra_has_zip64(mut extra: &[u8]) -> bool {
    while extra.len() >= 4 {
        if u16_at(extra, 0) == 1 {
            return true;
        }
        extra = extra.get(4 + usize::from(u16_at(extra, 2))..).unwrap_or_default();
    }
    false
}

/// Names and claimed sizes.
fn judge(entries: &[Entry], limits: &Limits) -> Result<(), XdmError> {
    let mut seen = HashSet::new();
    let mut total = 0u64;
    for (index, entry) in entries.iter().enumerate() {
        if !seen.insert(names::folded(&entry.name)) {
            return Err(Kind::DuplicateName.entry(index));
        }
        total += entry.size;
        let kind = if entry.size > limits.max_entry {
            Kind::EntryTooLarge
        } else if entry.size > limits.ratio_from && entry.size / entry.packed.max(1) > limits.max_ratio {
            Kind::Ratio
        } else if total > limits.max_total {
            Kind::TotalTooLarge
        } else {
            continue;
        };
        return Err(kind.entry(index));
    }
    let files: HashSet<String> = entries.iter().filter(|e| !e.folder).map(|e| names::folded(&e.name)).collect();
    for (index, entry) in entries.iter().enumerate() {
        let name = names::folded(&entry.name);
        if name.match_indices('/').any(|(at, _)| files.contains(&name[..at])) {
            return Err(Kind::DuplicateName.entry(index));
        }
    }
    Ok(())
}

/// Local headers say what the directory says, and no byte belongs to two entries.
fn lie_apart(archive: &mut (impl Read + Seek), entries: &[Entry], directory: u64) -> Result<(), XdmError> {
    let mut ranges = Vec::with_capacity(entries.len());
    for (index, entry) in entries.iter().enumerate() {
        if entry.offset + LOCAL as u64 > directory {
            return Err(Kind::Directory.entry(index));
        }
        let local = read_at(archive, entry.offset, LOCAL)?;
        let lengths = [26, 28].map(|at| u64::from(u16_at(&local, at)));
        let end = entry.offset + LOCAL as u64 + lengths[0] + lengths[1] + entry.packed;
        if end > directory || !says_the_same(archive, &local, entry)? {
            return Err(Kind::Directory.entry(index));
        }
        ranges.push((entry.offset, end, index));
    }
    ranges.sort_unstable();
    match ranges.windows(2).find(|pair| pair[0].1 > pair[1].0) {
        None => Ok(()),
        Some(pair) => Err(Kind::Overlap.entry(pair[1].2)),
    }
}

fn says_the_same(archive: &mut (impl Read + Seek), local: &[u8], entry: &Entry) -> Result<bool, XdmError> {
    /// Check sum and sizes follow the data.
    const AFTER: u16 = 1 << 3;
    let head = local.starts_with(b"PK\x03\x04")
        && u16_at(local, 6) == entry.flags
        && u16_at(local, 8) == entry.method
        && usize::from(u16_at(local, 26)) == entry.raw_name.len();
    let (crc, packed, size) = (u32_at(local, 14), u64::from(u32_at(local, 18)), u64::from(u32_at(local, 22)));
    let sizes = (crc, packed, size) == (entry.crc, entry.packed, entry.size)
        || (entry.flags & AFTER != 0 && (crc, packed, size) == (0, 0, 0));
    let name = read_at(archive, entry.offset + LOCAL as u64, entry.raw_name.len())?;
    Ok(head && sizes && name == entry.raw_name)
}

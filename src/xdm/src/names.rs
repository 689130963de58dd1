//! Names of entries: what they may be, and when two are one.

use crate::error::XdmErrorKind as Kind;

/// Bytes of a name; the longest that any system unpacks.
const MAX_NAME: usize = 255;
/// Folders in a name.
const MAX_DEPTH: usize = 16;

/// A name as the archive writes it, made a path of `/`: folders lose their trailing one.
///
/// Windows programs write `\`, old ones no UTF-8: both are read. Whatever could leave the archive is refused, though
/// nothing is ever unpacked to a place of that name.
pub(crate) fn sound(bytes: &[u8]) -> Result<String, Kind> {
    if bytes.is_empty() || bytes.len() > MAX_NAME {
        return Err(Kind::Name);
    }
    // A name in an old code page is only compared: any letter will do for a byte.
    let text =
        std::str::from_utf8(bytes).map_or_else(|_| bytes.iter().map(|&b| char::from(b)).collect(), str::to_owned);
    let text = text.replace('\\', "/");
    if text.chars().any(char::is_control) {
        return Err(Kind::Name);
    }
    let drive = text.as_bytes().get(1) == Some(&b':');
    if text.starts_with('/') || drive {
        return Err(Kind::AbsoluteName);
    }
    let path = text.strip_suffix('/').unwrap_or(&text);
    let mut depth = 0;
    for part in path.split('/') {
        match part {
            ".." => return Err(Kind::Traversal),
            "" | "." => return Err(Kind::Name),
            _ => depth += 1,
        }
    }
    if depth > MAX_DEPTH { Err(Kind::Name) } else { Ok(path.to_owned()) }
}

/// What two names have in common when some file system would take them for one.
pub(crate) fn folded(name: &str) -> String {
    name.to_lowercase()
}

/// Whether a file is what a system leaves behind, and no part of the medium.
pub(crate) fn is_litter(name: &str) -> bool {
    let folded = folded(name);
    let last = folded.rsplit('/').next().unwrap_or_default();
    folded.split('/').any(|part| part == "__macosx") || matches!(last, ".ds_store" | "thumbs.db" | "desktop.ini")
}

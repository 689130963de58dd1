//! Where XDM puts things, and how real media depart from it.

use crate::{
    directory::Entry,
    error::{XdmError, XdmErrorKind as Kind},
    names,
};

/// The folder of everything.
const ROOT: &str = "ihe_xdm";
/// The metadata of a set.
const METADATA: &str = "metadata.xml";

/// How a medium departs from ITI-32 and is read all the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Departure {
    /// No `INDEX.HTM`.
    NoIndex,
    /// No `README.TXT`.
    NoReadme,
    /// Names that should be in capitals are not.
    Case,
    /// The medium stands in one more folder.
    Wrapped,
    /// A set's folder has no name of eight capitals or digits.
    FolderName,
    /// What systems leave behind: `__MACOSX/`, `.DS_Store`.
    Litter,
    /// Files that no metadata name.
    Unlisted,
}

/// Entries of a set.
#[derive(Debug)]
pub(crate) struct Subset {
    /// Path of its folder.
    pub(crate) folder: String,
    /// `METADATA.XML`, as a position in the directory.
    pub(crate) metadata: usize,
    /// Other files, by position.
    pub(crate) files: Vec<usize>,
}

/// The sets of a medium and how it departs from its form.
pub(crate) fn find(entries: &[Entry]) -> Result<(Vec<Subset>, Vec<Departure>), XdmError> {
    let mut departures = Vec::new();
    let files: Vec<usize> = (0..entries.len()).filter(|&i| !entries[i].folder).collect();
    let (litter, files): (Vec<_>, Vec<_>) = files.into_iter().partition(|&i| names::is_litter(&entries[i].name));
    if !litter.is_empty() {
        departures.push(Departure::Litter);
    }
    let root = root(entries, &files)?;
    let top = root.rsplit_once('/').map_or("", |(around, _)| around);
    if !top.is_empty() {
        departures.push(Departure::Wrapped);
    }
    for (name, missing) in [("INDEX.HTM", Departure::NoIndex), ("README.TXT", Departure::NoReadme)] {
        let path = if top.is_empty() { name.to_owned() } else { format!("{top}/{name}") };
        let found = files.iter().find(|&&i| names::folded(&entries[i].name) == names::folded(&path));
        match found {
            None => departures.push(missing),
            Some(&i) if entries[i].name != path => departures.push(Departure::Case),
            Some(_) => {}
        }
    }
    let subsets = subsets(entries, &files, &root)?;
    for subset in &subsets {
        let name = subset.folder.rsplit('/').next().unwrap_or_default();
        if name.len() > 8 || !name.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit()) {
            departures.push(Departure::FolderName);
        }
        if !entries[subset.metadata].name.ends_with("METADATA.XML") || !root.ends_with("IHE_XDM") {
            departures.push(Departure::Case);
        }
    }
    departures.sort_unstable();
    departures.dedup();
    Ok((subsets, departures))
}

/// Path of the `IHE_XDM` folder: at the top, or in one folder around everything.
fn root(entries: &[Entry], files: &[usize]) -> Result<String, XdmError> {
    let mut roots: Vec<String> = Vec::new();
    for &index in files {
        let parts: Vec<&str> = entries[index].name.split('/').collect();
        let folders = &parts[..parts.len() - 1];
        if let Some(at) = folders.iter().take(2).position(|p| names::folded(p) == ROOT) {
            roots.push(folders[..=at].join("/"));
        }
    }
    roots.sort_unstable();
    roots.dedup();
    match roots.as_slice() {
        [one] => Ok(one.clone()),
        _ => Err(Kind::NoXdm.whole()),
    }
}

/// The folders of the root, in the order of their names.
fn subsets(entries: &[Entry], files: &[usize], root: &str) -> Result<Vec<Subset>, XdmError> {
    let mut folders: std::collections::BTreeMap<&str, Vec<usize>> = std::collections::BTreeMap::new();
    for &index in files {
        let Some(inside) = entries[index].name.strip_prefix(root).and_then(|r| r.strip_prefix('/')) else { continue };
        if let Some((folder, _)) = inside.split_once('/') {
            folders.entry(folder).or_default().push(index);
        }
    }
    let mut subsets = Vec::new();
    for (number, (folder, files)) in folders.into_iter().enumerate() {
        let folder = format!("{root}/{folder}");
        let is_metadata = |i: &usize| {
            let inside = entries[*i].name.get(folder.len() + 1..).unwrap_or_default();
            names::folded(inside) == METADATA
        };
        let metadata = files.iter().copied().find(|i| is_metadata(i));
        let metadata = metadata.ok_or_else(|| Kind::NoMetadata.at(format!("subset {}", number + 1)))?;
        let files = files.into_iter().filter(|i| *i != metadata).collect();
        subsets.push(Subset { folder, metadata, files });
    }
    if subsets.is_empty() { Err(Kind::NoXdm.whole()) } else { Ok(subsets) }
}

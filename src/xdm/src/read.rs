//! A medium, its sets, and the documents their metadata name.

use std::{
    collections::HashSet,
    io::{Read, Seek, Write},
};

use sha1::{Digest, Sha1};
use wire_soap::{
    ebxml::ExtrinsicObject,
    xds::SubmitObjectsRequest,
    xml::{Tree, XmlLimits, decode},
};
use zip::ZipArchive;

use crate::{
    directory::{self, Entry},
    error::{XdmError, XdmErrorKind as Kind},
    layout::{self, Departure, Subset},
    limits::Limits,
    names,
};

/// Bytes copied at a time.
const CHUNK: usize = 64 << 10;

/// A document that the metadata of a set name, and that stands in the archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// `@id` of its `ExtrinsicObject`.
    pub object_id: String,
    /// `URI`, as the metadata write it.
    pub uri: String,
    /// Bytes, by the metadata and by the archive.
    pub size: u64,
    /// SHA-1 by the metadata, in lower-case hexadecimal: held against the bytes when they are read.
    pub hash: String,
    entry: usize,
}

/// A submission set of a medium.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubsetFiles {
    /// Name of its folder, to be shown to nobody but whoever sent the medium.
    pub folder: String,
    /// `METADATA.XML`, byte for byte.
    pub metadata: Vec<u8>,
    /// What it says.
    pub request: SubmitObjectsRequest,
    /// The documents, in the order of their `ExtrinsicObject`.
    pub documents: Vec<Document>,
}

/// A medium, opened.
#[derive(Debug)]
pub struct Media<R> {
    archive: ZipArchive<R>,
    entries: Vec<Entry>,
    limits: Limits,
    /// The sets, in the order of their folders.
    pub submission_sets: Vec<SubsetFiles>,
    /// How it departs from the form and was read all the same.
    pub departures: Vec<Departure>,
}

impl<R: Read + Seek> Media<R> {
    /// Opens an archive: judges it whole, reads the metadata of its sets, finds their documents.
    ///
    /// # Errors
    /// [`XdmError`] on the first thing that is wrong. Of the documents, the presence and claimed size are checked here;
    /// their bytes in [`Media::document`].
    pub fn open(mut archive: R, limits: Limits) -> Result<Self, XdmError> {
        let entries = directory::read(&mut archive, &limits)?;
        let (subsets, mut departures) = layout::find(&entries)?;
        if subsets.len() > limits.max_subsets {
            return Err(Kind::TooManySubsets.whole());
        }
        let archive = ZipArchive::new(archive).map_err(|_| Kind::Directory.whole())?;
        if archive.len() != entries.len() {
            return Err(Kind::Directory.whole());
        }
        let mut media = Self { archive, entries, limits, submission_sets: Vec::new(), departures: Vec::new() };
        for (index, subset) in subsets.iter().enumerate() {
            let read = media.subset(subset, &format!("subset {}", index + 1))?;
            if read.documents.len() < subset.files.len() {
                departures.push(Departure::Unlisted);
            }
            media.submission_sets.push(read);
        }
        departures.dedup();
        media.departures = departures;
        Ok(media)
    }

    fn subset(&mut self, subset: &Subset, place: &str) -> Result<SubsetFiles, XdmError> {
        if self.entries[subset.metadata].size > self.limits.max_metadata as u64 {
            return Err(Kind::MetadataTooLarge.at(place));
        }
        let mut metadata = Vec::new();
        self.unpack(subset.metadata, &mut metadata)?;
        let request = request(&metadata, self.limits.max_metadata, place)?;
        let mut documents: Vec<Document> = Vec::new();
        let mut taken = HashSet::new();
        for object in request.objects.extrinsic_objects() {
            let document = self.find(subset, object, place)?;
            if !taken.insert(document.entry) {
                return Err(Kind::SharedDocument.at(at(place, object)));
            }
            documents.push(document);
        }
        let folder = subset.folder.rsplit('/').next().unwrap_or_default().to_owned();
        Ok(SubsetFiles { folder, metadata, request, documents })
    }

    /// The file that an entry's `URI` names: a place in the set's folder, whatever the case of its letters.
    fn find(&self, subset: &Subset, object: &ExtrinsicObject, place: &str) -> Result<Document, XdmError> {
        let refuse = |kind: Kind| kind.at(at(place, object));
        let uri = uri(object).ok_or_else(|| refuse(Kind::Uri))?;
        let path = names::sound(uri.as_bytes()).map_err(|_| refuse(Kind::Uri))?;
        let wanted = names::folded(&format!("{}/{path}", subset.folder));
        let file = subset.files.iter().copied().find(|&i| names::folded(&self.entries[i].name) == wanted);
        let entry = file.ok_or_else(|| refuse(Kind::NoDocument))?;
        let slot = |name: &str| object.common.slot_value(name).map(str::trim).filter(|v| !v.is_empty());
        let (Some(hash), Some(size)) = (slot("hash"), slot("size")) else { return Err(refuse(Kind::NoHash)) };
        let hash = hash.to_ascii_lowercase();
        let (40, true) = (hash.len(), hash.bytes().all(|b| b.is_ascii_hexdigit())) else {
            return Err(refuse(Kind::NoHash));
        };
        let size: u64 = size.parse().map_err(|_| refuse(Kind::NoHash))?;
        if size != self.entries[entry].size {
            return Err(refuse(Kind::SizeDiffers));
        }
        Ok(Document { object_id: object.common.id.clone(), uri, size, hash, entry })
    }

    /// Streams a document to `out`, holding it against size and hash of its metadata; what `out` got counts only when
    /// this succeeds.
    ///
    /// # Errors
    /// [`Kind::Damaged`] when it does not unpack to what the archive claims, [`Kind::HashDiffers`] when it is another
    /// document than the metadata say, [`Kind::Io`] when `out` fails.
    pub fn document(&mut self, document: &Document, out: &mut impl Write) -> Result<(), XdmError> {
        if self.unpack(document.entry, out)? == document.hash {
            Ok(())
        } else {
            Err(Kind::HashDiffers.entry(document.entry))
        }
    }

    /// Unpacks an entry to exactly the length and check sum it claims; its SHA-1 in hexadecimal.
    fn unpack(&mut self, index: usize, out: &mut impl Write) -> Result<String, XdmError> {
        let entry = self.entries.get(index).ok_or_else(|| Kind::NoDocument.entry(index))?;
        let damaged = || Kind::Damaged.entry(index);
        let mut file = self.archive.by_index(index).map_err(|_| damaged())?;
        if file.header_start() != entry.offset || file.crc32() != entry.crc || file.compressed_size() != entry.packed {
            return Err(damaged());
        }
        let (mut hash, mut left, mut chunk) = (Sha1::new(), entry.size, vec![0; CHUNK]);
        loop {
            let read = file.read(&mut chunk).map_err(|_| damaged())?;
            if read == 0 {
                break;
            }
            left = left.checked_sub(read as u64).ok_or_else(damaged)?;
            hash.update(&chunk[..read]);
            out.write_all(&chunk[..read]).map_err(crate::error::io)?;
        }
        if left == 0 { Ok(hex(&hash.finalize())) } else { Err(damaged()) }
    }
}

/// Bytes in lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn at(place: &str, object: &ExtrinsicObject) -> String {
    format!("{place}{}", object.common.place)
}

fn request(bytes: &[u8], max: usize, place: &str) -> Result<SubmitObjectsRequest, XdmError> {
    let limits = XmlLimits { max_bytes: max, ..XmlLimits::default() };
    let xml = |e: wire_soap::xml::XmlError| Kind::Metadata(e.code()).at(format!("{place} {}", e.place()));
    let text = decode(bytes, None).map_err(xml)?;
    let tree = Tree::parse(&text, &limits).map_err(xml)?;
    SubmitObjectsRequest::read(tree.root())
        .map_err(|e| Kind::Metadata(e.kind.code()).at(format!("{place} {}", e.place)))
}

/// The `URI` of an entry; a long one is cut in numbered pieces, `1|…` (ITI TF-3 §4.2.3.2.27).
fn uri(object: &ExtrinsicObject) -> Option<String> {
    let values = &object.common.slot("URI")?.values;
    let whole = match values.as_slice() {
        [one] if !one.contains('|') => one.clone(),
        pieces => {
            let mut numbered = Vec::new();
            for piece in pieces {
                let (number, text) = piece.split_once('|')?;
                numbered.push((number.parse::<u32>().ok()?, text));
            }
            numbered.sort_unstable();
            numbered.into_iter().map(|(_, text)| text).collect()
        }
    };
    Some(whole.trim().trim_start_matches("./").to_owned()).filter(|uri| !uri.is_empty())
}

//! A medium, written: the same bytes for the same content and time.

use std::io::{Read, Seek, Write};

use jiff::{Timestamp, tz::TimeZone};
use sha1::{Digest, Sha1};
use wire_soap::{
    ebxml::{RegistryObject, RegistryObjectList, Slot},
    xds::SubmitObjectsRequest,
};
use zip::{CompressionMethod, DateTime, ZipWriter, write::SimpleFileOptions};

use crate::{
    error::{XdmError, XdmErrorKind as Kind, io},
    read::hex,
};

/// Sets that two digits number.
const MAX_SUBSETS: usize = 99;
/// Documents of a set that five digits number.
const MAX_DOCUMENTS: usize = 99_999;

/// Who makes the medium, for its `README.TXT`.
#[derive(Debug, Clone, Copy)]
pub struct About<'a> {
    /// The structure that sends.
    pub institution: &'a str,
    /// How to reach it.
    pub contact: &'a str,
    /// Program and version that write.
    pub product: &'a str,
}

/// A document to be written.
pub struct NewDocument<'a> {
    /// `@id` of its `ExtrinsicObject`.
    pub object_id: String,
    /// What the link in `INDEX.HTM` says.
    pub title: String,
    /// Its bytes, read once.
    pub content: &'a mut dyn Read,
}

/// A submission set to be written.
pub struct NewSubset<'a> {
    /// Its metadata: each `ExtrinsicObject` gets `URI`, `hash` and `size` here.
    pub objects: RegistryObjectList,
    /// Its documents, one for each `ExtrinsicObject`.
    pub documents: Vec<NewDocument<'a>>,
}

/// Where a document was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// `@id` of its `ExtrinsicObject`.
    pub object_id: String,
    /// Path in the archive.
    pub path: String,
    /// SHA-1, in hexadecimal.
    pub hash: String,
    /// Bytes.
    pub size: u64,
}

/// Writes a medium; `at` is the time its files bear, in UTC.
///
/// Documents are streamed; one that packs badly (an image, a PDF) is stored as it is.
///
/// # Errors
/// [`Kind::Unmatched`] when documents and `ExtrinsicObject`s are not one to one, [`Kind::TooMuch`] beyond what names
/// can number or a zip without zip64 can hold, [`Kind::Io`].
pub fn write<W: Write + Seek>(
    out: W,
    about: &About<'_>,
    subsets: Vec<NewSubset<'_>>,
    at: Timestamp,
) -> Result<Vec<Written>, XdmError> {
    if subsets.len() > MAX_SUBSETS || subsets.iter().any(|s| s.documents.len() > MAX_DOCUMENTS) {
        return Err(Kind::TooMuch.whole());
    }
    let plan: Vec<Vec<Planned>> =
        subsets.iter().enumerate().map(|(index, subset)| planned(subset, index)).collect::<Result<_, _>>()?;
    let mut zip = Zip { writer: ZipWriter::new(out), time: dos_time(at) };
    zip.file("INDEX.HTM", true, &mut index(about, &subsets, &plan).as_bytes())?;
    zip.file("README.TXT", true, &mut readme(about, at).as_bytes())?;
    let mut written = Vec::new();
    for (number, (mut subset, plan)) in subsets.into_iter().zip(plan).enumerate() {
        for (document, planned) in subset.documents.iter_mut().zip(&plan) {
            let path = folder(number) + &planned.name;
            let (hash, size) = zip.file(&path, planned.packs, document.content)?;
            complete(
                &mut subset.objects,
                &document.object_id,
                [("URI", &planned.name), ("hash", &hash), ("size", &size.to_string())],
            );
            written.push(Written { object_id: document.object_id.clone(), path, hash, size });
        }
        let mut metadata = b"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n".to_vec();
        SubmitObjectsRequest { objects: subset.objects }.write(&mut metadata);
        zip.file(&(folder(number) + "METADATA.XML"), true, &mut metadata.as_slice())?;
    }
    zip.writer.finish().map_err(|e| failed(&e))?;
    Ok(written)
}

/// What is known of a document before it is read.
struct Planned {
    name: String,
    packs: bool,
}

fn folder(number: usize) -> String {
    format!("IHE_XDM/SUBSET{:02}/", number + 1)
}

/// Names of the documents of a set, by the media types of their entries; each entry has its document.
fn planned(subset: &NewSubset<'_>, index: usize) -> Result<Vec<Planned>, XdmError> {
    let unmatched = || Kind::Unmatched.at(format!("subset {}", index + 1));
    let mut ids: Vec<&str> = subset.documents.iter().map(|d| d.object_id.as_str()).collect();
    ids.sort_unstable();
    ids.dedup();
    if ids.len() != subset.documents.len() || ids.len() != subset.objects.extrinsic_objects().count() {
        return Err(unmatched());
    }
    let name = |(number, document): (usize, &NewDocument<'_>)| {
        let object = subset.objects.extrinsic_objects().find(|o| o.common.id == document.object_id);
        let media = object.ok_or_else(unmatched)?.mime_type.as_deref().unwrap_or_default();
        let (extension, packs) = extension(media);
        Ok(Planned { name: format!("DOC{:05}.{extension}", number + 1), packs })
    };
    subset.documents.iter().enumerate().map(name).collect()
}

/// The extension of a media type, and whether its files pack well.
fn extension(media: &str) -> (&'static str, bool) {
    match media.split(';').next().unwrap_or_default().trim().to_ascii_lowercase().as_str() {
        "text/xml" | "application/xml" | "application/xslt+xml" => ("XML", true),
        "application/pdf" => ("PDF", false),
        "text/plain" => ("TXT", true),
        "text/rtf" | "application/rtf" => ("RTF", true),
        "text/html" => ("HTM", true),
        "image/jpeg" => ("JPG", false),
        "image/png" => ("PNG", false),
        "image/tiff" => ("TIF", false),
        "application/dicom" => ("DCM", true),
        _ => ("BIN", false),
    }
}

/// Gives an entry its slots, in place of those it had.
fn complete(objects: &mut RegistryObjectList, id: &str, slots: [(&str, &String); 3]) {
    for object in &mut objects.0 {
        if let RegistryObject::ExtrinsicObject(entry) = object
            && entry.common.id == id
        {
            entry.common.slots.retain(|s| !slots.iter().any(|(name, _)| *name == s.name));
            entry.common.slots.extend(slots.iter().map(|(name, value)| Slot::new(*name, [value.as_str()])));
        }
    }
}

/// The archive under construction.
struct Zip<W: Write + Seek> {
    writer: ZipWriter<W>,
    time: DateTime,
}

impl<W: Write + Seek> Zip<W> {
    /// Writes a file; its SHA-1 and its length.
    fn file(&mut self, path: &str, packs: bool, content: &mut dyn Read) -> Result<(String, u64), XdmError> {
        let method = if packs { CompressionMethod::Deflated } else { CompressionMethod::Stored };
        let options = SimpleFileOptions::default()
            .compression_method(method)
            .last_modified_time(self.time)
            .unix_permissions(0o644);
        self.writer.start_file(path, options).map_err(|e| failed(&e))?;
        let (mut hash, mut size, mut chunk) = (Sha1::new(), 0u64, vec![0; 64 << 10]);
        loop {
            let read = content.read(&mut chunk).map_err(io)?;
            if read == 0 {
                return Ok((hex(&hash.finalize()), size));
            }
            size += read as u64;
            hash.update(&chunk[..read]);
            self.writer.write_all(&chunk[..read]).map_err(io)?;
        }
    }
}

fn failed(error: &zip::result::ZipError) -> XdmError {
    match error {
        zip::result::ZipError::Io(_) => Kind::Io.whole(),
        _ => Kind::TooMuch.whole(),
    }
}

/// The time of a DOS file: from 1980, every second second.
fn dos_time(at: Timestamp) -> DateTime {
    let t = at.to_zoned(TimeZone::UTC).datetime();
    let small = |n: i8| u8::try_from(n).unwrap_or_default();
    let year = u16::try_from(t.year()).unwrap_or_default();
    DateTime::from_date_and_time(
        year,
        small(t.month()),
        small(t.day()),
        small(t.hour()),
        small(t.minute()),
        small(t.second()) & !1,
    )
    .unwrap_or_default()
}

/// `INDEX.HTM`: well-formed XHTML with a link for every document (ITI TF-2 §3.32.4.1.2.2).
fn index(about: &About<'_>, subsets: &[NewSubset<'_>], plan: &[Vec<Planned>]) -> String {
    let mut page = String::from(concat!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n",
        "<!DOCTYPE html PUBLIC \"-//W3C//DTD XHTML Basic 1.1//EN\" \"http://www.w3.org/TR/xhtml-basic/xhtml-basic11.dtd\">\n",
        "<html xmlns=\"http://www.w3.org/1999/xhtml\" xml:lang=\"fr\">\n<head><title>Documents</title></head>\n<body>\n",
    ));
    page += &format!(
        "<h1>{}</h1>\n<p>{}</p>\n<p><a href=\"README.TXT\">README.TXT</a></p>\n",
        escaped(about.institution),
        escaped(about.contact)
    );
    for (number, (subset, plan)) in subsets.iter().zip(plan).enumerate() {
        let folder = folder(number);
        page += &format!("<h2>SUBSET{:02}</h2>\n<ul>\n", number + 1);
        for (document, planned) in subset.documents.iter().zip(plan) {
            page += &format!("<li><a href=\"{folder}{}\">{}</a></li>\n", planned.name, escaped(&document.title));
        }
        page += &format!("<li><a href=\"{folder}METADATA.XML\">METADATA.XML</a></li>\n</ul>\n");
    }
    page + "</body>\n</html>\n"
}

/// Text that XML can hold, with markup escaped.
fn escaped(text: &str) -> String {
    let allowed = |c: &char| matches!(c, ' '..='\u{D7FF}' | '\u{E000}'..='\u{FFFD}' | '\u{10000}'..);
    let text: String = text.chars().map(|c| if c.is_ascii_control() { ' ' } else { c }).filter(allowed).collect();
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// `README.TXT`: who made the medium, with what, how to read it.
fn readme(about: &About<'_>, at: Timestamp) -> String {
    let line = |t: &str| t.replace(char::is_control, " ");
    format!(
        "{}\r\n{}\r\n\r\nCree par / created by {} ({})\r\n\r\nINDEX.HTM : liste des documents / list of the documents.\r\n\
         IHE_XDM/SUBSETnn/METADATA.XML : metadonnees / metadata (IHE XDM, ITI-32).\r\n",
        line(about.institution),
        line(about.contact),
        line(about.product),
        at.strftime("%Y-%m-%dT%H:%M:%SZ"),
    )
}

//! What is written is read back, here and by a reader nobody here wrote; what is hostile is refused, each by its kind.

use std::io::Cursor;

use jiff::Timestamp;
use proptest::prelude::*;
use wire_soap::ebxml::{Common, ExtrinsicObject, RegistryObject, RegistryObjectList, Slot};
use wire_soap::xds::SubmitObjectsRequest;
use wire_soap::xml::{Tree, XmlLimits};

use super::*;
use crate::XdmErrorKind as Kind;

const ABOUT: About<'_> =
    About { institution: "CHU <d'essai> & fils", contact: "mailto:dsi@example.org", product: "Passerelle 0.1" };

fn time() -> Timestamp {
    "2024-03-01T12:45:07Z".parse().expect("a time")
}

fn object(id: &str, mime: &str) -> RegistryObject {
    RegistryObject::ExtrinsicObject(ExtrinsicObject {
        common: Common { id: id.into(), slots: vec![Slot::new("hash", ["old"])], ..Common::default() },
        mime_type: Some(mime.into()),
        ..ExtrinsicObject::default()
    })
}

/// A medium of sets of documents, each a media type and its bytes.
fn medium(sets: &[Vec<(&str, Vec<u8>)>]) -> (Vec<u8>, Vec<Written>) {
    let mut readers: Vec<Vec<&[u8]>> = sets.iter().map(|s| s.iter().map(|d| d.1.as_slice()).collect()).collect();
    let subsets = sets.iter().zip(&mut readers).map(|(set, readers)| NewSubset {
        objects: RegistryObjectList(set.iter().enumerate().map(|(n, d)| object(&format!("d{n}"), d.0)).collect()),
        documents: readers
            .iter_mut()
            .enumerate()
            .map(|(n, content)| NewDocument { object_id: format!("d{n}"), title: format!("Document <{n}>"), content })
            .collect(),
    });
    let mut out = Cursor::new(Vec::new());
    let written = write(&mut out, &ABOUT, subsets.collect(), time()).expect("writes");
    (out.into_inner(), written)
}

fn sample() -> Vec<u8> {
    let text = "<a>texte</a>".repeat(200).into_bytes();
    medium(&[
        vec![("text/xml", text), ("application/pdf", b"%PDF-1.4 corps".to_vec())],
        vec![("text/plain", b"mot".to_vec())],
    ])
    .0
}

fn open(bytes: &[u8]) -> Result<Media<Cursor<&[u8]>>, XdmError> {
    Media::open(Cursor::new(bytes), Limits::default())
}

fn kind(bytes: &[u8]) -> Option<Kind> {
    open(bytes).and_then(|mut media| contents(&mut media)).err().map(|e| e.kind)
}

fn contents(media: &mut Media<Cursor<&[u8]>>) -> Result<Vec<Vec<u8>>, XdmError> {
    let documents: Vec<_> = media.submission_sets.iter().flat_map(|s| s.documents.clone()).collect();
    let one = |d: &Document| {
        let mut out = Vec::new();
        media.document(d, &mut out).map(|()| out)
    };
    documents.iter().map(one).collect()
}

#[test]
fn what_is_written_is_read_back() {
    let bytes = sample();
    let mut media = open(&bytes).expect("opens");
    assert_eq!(media.departures, []);
    let folders: Vec<_> = media.submission_sets.iter().map(|s| s.folder.as_str()).collect();
    assert_eq!(folders, ["SUBSET01", "SUBSET02"]);
    let uris: Vec<_> = media.submission_sets[0].documents.iter().map(|d| d.uri.as_str()).collect();
    assert_eq!(uris, ["DOC00001.XML", "DOC00002.PDF"]);
    let first = media.submission_sets[0].request.objects.extrinsic_objects().next().expect("an object");
    assert_eq!(first.common.slots.iter().filter(|s| s.name == "hash").count(), 1, "the old hash is gone");
    let read = contents(&mut media).expect("documents");
    assert_eq!(read[1], b"%PDF-1.4 corps");
    assert_eq!(read[2], b"mot");
}

#[test]
fn the_same_content_and_time_are_the_same_bytes() {
    assert_eq!(sample(), sample());
}

#[test]
fn the_index_is_well_formed_and_links_every_document() {
    let bytes = sample();
    let mut zip = zip::ZipArchive::new(Cursor::new(&bytes)).expect("a zip");
    let mut page = String::new();
    std::io::Read::read_to_string(&mut zip.by_name("INDEX.HTM").expect("an index"), &mut page).expect("text");
    // The reader of the house refuses every DTD, this one too.
    let (head, rest) = page.split_once("<!DOCTYPE").expect("declared");
    let page = format!("{head}{}", rest.split_once(">\n").expect("closed").1);
    let tree = Tree::parse(&page, &XmlLimits::default()).expect("well-formed");
    let links: Vec<_> = tree.root().descendants().filter_map(|e| e.attr("href")).collect();
    assert_eq!(links.len(), 6, "{links:?}");
    assert!(links.contains(&"IHE_XDM/SUBSET02/DOC00001.TXT"));
    for link in links {
        assert!(zip.by_name(link).is_ok(), "{link}");
    }
}

#[test]
fn what_does_not_match_is_not_written() {
    let mut content: &[u8] = b"x";
    let document = NewDocument { object_id: "other".into(), title: String::new(), content: &mut content };
    let subset = NewSubset { objects: RegistryObjectList(vec![object("d0", "text/plain")]), documents: vec![document] };
    let error = write(Cursor::new(Vec::new()), &ABOUT, vec![subset], time()).err().map(|e| e.kind);
    assert_eq!(error, Some(Kind::Unmatched));
    let many = (0..100).map(|_| NewSubset { objects: RegistryObjectList::default(), documents: Vec::new() }).collect();
    assert_eq!(write(Cursor::new(Vec::new()), &ABOUT, many, time()).err().map(|e| e.kind), Some(Kind::TooMuch));
}

#[test]
#[expect(clippy::print_stderr, reason = "a skipped test says so")]
fn python_reads_what_is_written() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("IHE_XDM.ZIP");
    std::fs::write(&path, sample()).expect("written");
    let script = "import sys,zipfile\nz=zipfile.ZipFile(sys.argv[1])\nassert z.testzip() is None\nprint('\\n'.join(z.namelist()))";
    let Ok(run) = std::process::Command::new("python3").args(["-c", script]).arg(&path).output() else {
        return eprintln!("skipped: python3 is absent");
    };
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    let names = String::from_utf8(run.stdout).expect("text");
    let names: Vec<_> = names.lines().collect();
    let want = [
        "INDEX.HTM",
        "README.TXT",
        "IHE_XDM/SUBSET01/DOC00001.XML",
        "IHE_XDM/SUBSET01/DOC00002.PDF",
        "IHE_XDM/SUBSET01/METADATA.XML",
        "IHE_XDM/SUBSET02/DOC00001.TXT",
        "IHE_XDM/SUBSET02/METADATA.XML",
    ];
    assert_eq!(names, want);
}

#[test]
#[expect(clippy::print_stderr, reason = "a skipped test says so")]
fn what_python_writes_is_read_streamed_or_not() {
    let folder = tempfile::tempdir().expect("a folder");
    let place = |name: &str| folder.path().join(name);
    std::fs::write(place("m"), metadata("DOC1.TXT", &sha1_of(BODY), BODY.len())).expect("written");
    std::fs::write(place("d"), BODY).expect("written");
    let script = r"
import sys, os, zipfile
os.chdir(sys.argv[1])
class Pipe:
    def __init__(self, f): self.f = f
    def write(self, b): return self.f.write(b)
    def flush(self): self.f.flush()
for name, wrap in (('whole.zip', lambda f: f), ('streamed.zip', Pipe)):
    with open(name, 'wb') as f, zipfile.ZipFile(wrap(f), 'w', zipfile.ZIP_DEFLATED) as z:
        z.writestr('INDEX.HTM', '<html/>')
        z.writestr('README.TXT', 'x')
        z.writestr('IHE_XDM/SUBSET01/METADATA.XML', open('m', 'rb').read())
        z.writestr('IHE_XDM/SUBSET01/DOC1.TXT', open('d', 'rb').read())
";
    let Ok(run) = std::process::Command::new("python3").args(["-c", script]).arg(folder.path()).output() else {
        return eprintln!("skipped: python3 is absent");
    };
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    for name in ["whole.zip", "streamed.zip"] {
        let bytes = std::fs::read(place(name)).expect("written");
        let mut media = open(&bytes).unwrap_or_else(|e| panic!("{name}: {e}"));
        assert_eq!(contents(&mut media), Ok(vec![BODY.to_vec()]), "{name}");
        assert_eq!(media.departures, [], "{name}");
    }
}

/// CRC-32 (ISO 3309), bit by bit.
fn crc(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0u32, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |c, _| if c & 1 == 1 { c >> 1 ^ 0xEDB8_8320 } else { c >> 1 })
    })
}

/// An entry as it will stand in an archive, every field to be bent.
#[derive(Clone)]
struct Raw {
    name: Vec<u8>,
    data: Vec<u8>,
    method: u16,
    size: u32,
    packed: Option<u32>,
    crc: u32,
    flags: u16,
    host: u8,
    mode: u32,
    extra: Vec<u8>,
    local_name: Option<Vec<u8>>,
    /// Place of another entry that this one claims as its own.
    stolen: Option<usize>,
}

fn raw(name: &str, data: &[u8]) -> Raw {
    Raw {
        name: name.into(),
        data: data.to_vec(),
        method: 0,
        size: u32::try_from(data.len()).expect("small"),
        packed: None,
        crc: crc(data),
        flags: 0,
        host: 0,
        mode: 0,
        extra: Vec::new(),
        local_name: None,
        stolen: None,
    }
}

fn u16s(out: &mut Vec<u8>, values: &[u16]) {
    values.iter().for_each(|v| out.extend(v.to_le_bytes()));
}

fn u32s(out: &mut Vec<u8>, values: &[u32]) {
    values.iter().for_each(|v| out.extend(v.to_le_bytes()));
}

fn len16(bytes: &[u8]) -> u16 {
    u16::try_from(bytes.len()).expect("short")
}

/// The archive of these entries.
fn pack(entries: &[Raw]) -> Vec<u8> {
    let (mut out, mut directory, mut offsets) = (Vec::new(), Vec::new(), Vec::new());
    for entry in entries {
        let offset = entry.stolen.map_or(u32::try_from(out.len()).expect("small"), |other| offsets[other]);
        offsets.push(offset);
        let packed = entry.packed.unwrap_or(u32::try_from(entry.data.len()).expect("small"));
        let local_name = entry.local_name.as_ref().unwrap_or(&entry.name);
        if entry.stolen.is_none() {
            out.extend(b"PK\x03\x04");
            u16s(&mut out, &[20, entry.flags, entry.method, 0, 0x21]);
            u32s(&mut out, &[entry.crc, packed, entry.size]);
            u16s(&mut out, &[len16(local_name), 0]);
            out.extend(local_name);
            out.extend(&entry.data);
        }
        directory.extend(b"PK\x01\x02");
        directory.extend([20, entry.host]);
        u16s(&mut directory, &[20, entry.flags, entry.method, 0, 0x21]);
        u32s(&mut directory, &[entry.crc, packed, entry.size]);
        u16s(&mut directory, &[len16(&entry.name), len16(&entry.extra), 0, 0, 0]);
        u32s(&mut directory, &[entry.mode << 16, offset]);
        directory.extend(&entry.name);
        directory.extend(&entry.extra);
    }
    let (at, size) = (u32::try_from(out.len()).expect("small"), u32::try_from(directory.len()).expect("small"));
    out.extend(directory);
    out.extend(b"PK\x05\x06");
    let count = u16::try_from(entries.len()).unwrap_or(u16::MAX);
    u16s(&mut out, &[0, 0, count, count]);
    u32s(&mut out, &[size, at]);
    u16s(&mut out, &[0]);
    out
}

fn sha1_of(bytes: &[u8]) -> String {
    use sha1::{Digest, Sha1};
    crate::read::hex(&Sha1::digest(bytes))
}

/// Metadata that name one document.
fn metadata(uri: &str, hash: &str, size: usize) -> Vec<u8> {
    let mut one = object("d0", "text/plain");
    if let RegistryObject::ExtrinsicObject(o) = &mut one {
        let size = size.to_string();
        let slots = [("URI", uri), ("hash", hash), ("size", size.as_str())];
        o.common.slots = slots.into_iter().filter(|s| !s.1.is_empty()).map(|(n, v)| Slot::new(n, [v])).collect();
    }
    let mut out = Vec::new();
    SubmitObjectsRequest { objects: RegistryObjectList(vec![one]) }.write(&mut out);
    out
}

const BODY: &[u8] = b"corps du document";

/// A sound medium of one document, by hand.
fn plain() -> Vec<Raw> {
    vec![
        raw("INDEX.HTM", b"<html/>"),
        raw("README.TXT", b"x"),
        raw("IHE_XDM/SUBSET01/METADATA.XML", &metadata("DOC1.TXT", &sha1_of(BODY), BODY.len())),
        raw("IHE_XDM/SUBSET01/DOC1.TXT", BODY),
    ]
}

/// The sound medium with its document bent.
fn bent(change: impl FnOnce(&mut Raw)) -> Vec<u8> {
    let mut entries = plain();
    change(&mut entries[3]);
    pack(&entries)
}

#[test]
fn a_plain_medium_is_read() {
    assert_eq!(kind(&pack(&plain())), None);
    let media = open(&bent(|_| ())).map(|m| m.departures);
    assert_eq!(media, Ok(vec![]));
}

#[test]
fn every_hostile_entry_has_its_kind() {
    assert_eq!(kind(&bent(|e| e.name = b"IHE_XDM/SUBSET01/../../../etc/passwd".to_vec())), Some(Kind::Traversal));
    assert_eq!(kind(&bent(|e| e.name = b"IHE_XDM\\..\\..\\x".to_vec())), Some(Kind::Traversal));
    assert_eq!(kind(&bent(|e| e.name = b"/etc/passwd".to_vec())), Some(Kind::AbsoluteName));
    assert_eq!(kind(&bent(|e| e.name = b"C:\\x".to_vec())), Some(Kind::AbsoluteName));
    assert_eq!(kind(&bent(|e| e.name = b"IHE_XDM//x".to_vec())), Some(Kind::Name));
    assert_eq!(kind(&bent(|e| e.name = b"a\0b".to_vec())), Some(Kind::Name));
    assert_eq!(kind(&bent(|e| e.name = ("a/".repeat(40) + "b").into_bytes())), Some(Kind::Name));
    assert_eq!(kind(&bent(|e| e.name = vec![b'a'; 256])), Some(Kind::Name));
    assert_eq!(kind(&bent(|e| e.name = b"folder/".to_vec())), Some(Kind::Directory));
    assert_eq!(kind(&bent(|e| e.name = b"README.TXT".to_vec())), Some(Kind::DuplicateName));
    assert_eq!(kind(&bent(|e| e.name = b"readme.txt".to_vec())), Some(Kind::DuplicateName));
    assert_eq!(kind(&bent(|e| e.name = b"README.TXT/a".to_vec())), Some(Kind::DuplicateName));
    assert_eq!(kind(&bent(|e| (e.host, e.mode) = (3, 0o120_777))), Some(Kind::Link));
    assert_eq!(kind(&bent(|e| (e.host, e.mode) = (3, 0o020_666))), Some(Kind::Link));
    assert_eq!(kind(&bent(|e| e.flags = 1)), Some(Kind::Encrypted));
    assert_eq!(kind(&bent(|e| e.method = 99)), Some(Kind::Encrypted));
    assert_eq!(kind(&bent(|e| e.method = 12)), Some(Kind::Method));
    assert_eq!(kind(&bent(|e| e.crc ^= 1)), Some(Kind::Damaged));
    assert_eq!(kind(&bent(|e| e.method = 8)), Some(Kind::Damaged));
    assert_eq!(kind(&bent(|e| e.size += 1)), Some(Kind::Directory));
    assert_eq!(kind(&bent(|e| e.local_name = Some(b"IHE_XDM/SUBSET01/DOC2.TXT".to_vec()))), Some(Kind::Directory));
    assert_eq!(kind(&bent(|e| e.stolen = Some(1))), Some(Kind::Directory));
    assert_eq!(kind(&bent(|e| e.data[0] ^= 1)), Some(Kind::Damaged));
}

#[test]
fn overlapping_entries_are_refused() {
    // The second entry is hidden in the bytes of the first.
    let inner = pack(&[raw("a", b"inside")]);
    let local = inner[..37].to_vec();
    let mut entries = plain();
    entries.push(raw("OUTER.BIN", &local));
    entries.push(raw("a", b"inside"));
    let mut bytes = pack(&entries);
    // Point the last entry of the directory at the copy in the first.
    let copy = (0..bytes.len() - 37).find(|&at| bytes[at..at + 37] == local[..]).expect("the copy");
    let at = bytes.windows(4).rposition(|w| w == b"PK\x01\x02").expect("a record");
    bytes[at + 42..at + 46].copy_from_slice(&u32::try_from(copy).expect("small").to_le_bytes());
    assert_eq!(kind(&bytes), Some(Kind::Overlap));
    // Twice the same bytes under two names is refused as well, for the local header bears one name only.
    let mut twice = plain();
    twice.push(Raw { stolen: Some(3), ..raw("IHE_XDM/SUBSET01/DOC2.TXT", BODY) });
    assert_eq!(kind(&pack(&twice)), Some(Kind::Directory));
}

#[test]
fn bombs_are_refused_before_they_go_off() {
    let deflated = |bytes: &[u8]| {
        let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
        let options = zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Deflated);
        zip.start_file("IHE_XDM/SUBSET01/DOC1.TXT", options).expect("starts");
        std::io::Write::write_all(&mut zip, bytes).expect("writes");
        zip.finish().expect("ends").into_inner()
    };
    let bomb = deflated(&vec![0; 8 << 20]);
    assert!(bomb.len() < 20_000);
    assert_eq!(kind(&bomb), Some(Kind::Ratio));
    // Sizes that lie: the entry claims little and unpacks to much.
    let mut liar = bomb.clone();
    for signature in [b"PK\x03\x04", b"PK\x01\x02"] {
        let at = liar.windows(4).rposition(|w| w == signature).expect("a header");
        let at = at + if signature == b"PK\x03\x04" { 22 } else { 24 };
        liar[at..at + 4].copy_from_slice(&17u32.to_le_bytes());
    }
    let data = liar;
    let mut media = plain();
    media.truncate(3);
    let start = data.windows(4).position(|w| w == b"PK\x01\x02").expect("a directory");
    let packed = data[30 + 25..start].to_vec();
    media.push(Raw { method: 8, size: 17, ..raw("IHE_XDM/SUBSET01/DOC1.TXT", &packed) });
    assert_eq!(kind(&pack(&media)), Some(Kind::Damaged));
    // An archive in the archive is a document like another.
    let nested = bomb;
    let mut media = plain();
    media[2] = raw("IHE_XDM/SUBSET01/METADATA.XML", &metadata("N.ZIP", &sha1_of(&nested), nested.len()));
    media[3] = raw("IHE_XDM/SUBSET01/N.ZIP", &nested);
    assert_eq!(kind(&pack(&media)), None);
}

#[test]
fn limits_hold() {
    let open = |limits: Limits| Media::open(Cursor::new(pack(&plain())), limits).err().map(|e| e.kind);
    let all = Limits::default();
    assert_eq!(open(all), None);
    assert_eq!(open(Limits { max_archive: 100, ..all }), Some(Kind::ArchiveTooLarge));
    assert_eq!(open(Limits { max_entries: 3, ..all }), Some(Kind::TooManyEntries));
    assert_eq!(open(Limits { max_entry: 16, ..all }), Some(Kind::EntryTooLarge));
    assert_eq!(open(Limits { max_total: 20, ..all }), Some(Kind::TotalTooLarge));
    assert_eq!(open(Limits { max_metadata: 20, ..all }), Some(Kind::MetadataTooLarge));
    assert_eq!(open(Limits { max_subsets: 0, ..all }), Some(Kind::TooManySubsets));
}

#[test]
fn a_crowd_of_entries_is_refused_by_its_number() {
    let entries: Vec<_> = (0..2_000).map(|n| raw(&format!("f{n}"), b"")).collect();
    assert_eq!(kind(&pack(&entries)), Some(Kind::TooManyEntries));
    // A hundred thousand do not fit in the count: such an archive says zip64, or lies.
    let entries: Vec<_> = (0..100_000).map(|n| raw(&format!("f{n}"), b"")).collect();
    let mut bytes = pack(&entries);
    assert_eq!(kind(&bytes), Some(Kind::Zip64));
    let end = bytes.len() - 22;
    bytes[end + 8..end + 12].copy_from_slice(&[4, 0, 4, 0]);
    assert_eq!(kind(&bytes), Some(Kind::Directory));
}

#[test]
fn zip64_is_refused_wherever_it_is_said() {
    assert_eq!(kind(&bent(|e| e.extra = vec![1, 0, 8, 0, 1, 0, 0, 0, 0, 0, 0, 0])), Some(Kind::Zip64));
    assert_eq!(kind(&bent(|e| e.extra = vec![9, 9, 0, 0, 1, 0, 0, 0])), Some(Kind::Zip64));
    assert_eq!(kind(&bent(|e| (e.size, e.packed) = (u32::MAX, Some(u32::MAX)))), Some(Kind::Zip64));
    let mut bytes = pack(&plain());
    let end = bytes.len() - 22;
    bytes[end + 16..end + 20].copy_from_slice(&[0xFF; 4]);
    assert_eq!(kind(&bytes), Some(Kind::Zip64));
    let mut bytes = pack(&plain());
    let locator = [b"PK\x06\x07".as_slice(), &[0; 16]].concat();
    bytes.splice(end..end, locator);
    assert_eq!(kind(&bytes), Some(Kind::Zip64));
}

#[test]
fn an_archive_cut_anywhere_is_refused() {
    for bytes in [pack(&plain()), sample()] {
        for cut in 0..bytes.len() {
            let found = kind(&bytes[..cut]);
            assert!(matches!(found, Some(Kind::Truncated | Kind::NotZip)), "cut at {cut}: {found:?}");
        }
        assert_eq!(kind(&[bytes.as_slice(), b"x"].concat()), Some(Kind::Truncated));
        assert_eq!(kind(&[b"MZ".as_slice(), &bytes].concat()), Some(Kind::Directory));
    }
    assert_eq!(kind(b"%PDF-1.4"), Some(Kind::NotZip));
}

#[test]
fn documents_are_held_against_their_metadata() {
    let with = |metadata: Vec<u8>| {
        let mut entries = plain();
        entries[2] = raw("IHE_XDM/SUBSET01/METADATA.XML", &metadata);
        kind(&pack(&entries))
    };
    let (hash, size) = (sha1_of(BODY), BODY.len());
    assert_eq!(with(metadata("DOC1.TXT", &sha1_of(b"other"), size)), Some(Kind::HashDiffers));
    assert_eq!(with(metadata("DOC1.TXT", &hash.to_uppercase(), size)), None);
    assert_eq!(with(metadata("DOC1.TXT", &hash, size + 1)), Some(Kind::SizeDiffers));
    assert_eq!(with(metadata("DOC1.TXT", "", size)), Some(Kind::NoHash));
    assert_eq!(with(metadata("DOC1.TXT", "zz", size)), Some(Kind::NoHash));
    assert_eq!(with(metadata("DOC9.TXT", &hash, size)), Some(Kind::NoDocument));
    assert_eq!(with(metadata("", &hash, size)), Some(Kind::Uri));
    assert_eq!(with(metadata("../../README.TXT", &hash, size)), Some(Kind::Uri));
    assert_eq!(with(metadata("http://example.org/a", &hash, size)), Some(Kind::Uri));
    assert_eq!(with(metadata("./doc1.txt", &hash, size)), None);
    assert_eq!(with(metadata("1|DOC1.TXT", &hash, size)), None);
    assert_eq!(with(b"<a/>".to_vec()), Some(Kind::Metadata("unexpected-element")));
    assert_eq!(with(b"<!DOCTYPE a><a/>".to_vec()), Some(Kind::Metadata("xml-doctype")));
    let text = String::from_utf8(metadata("DOC1.TXT", &hash, size)).expect("text");
    let (at, end) = (text.find("<rim:Extr").expect("starts"), text.find("</rim:RegistryObjectList").expect("ends"));
    let twice = format!("{}{}{}", &text[..end], text[at..end].replace("d0", "d1"), &text[end..]);
    assert_eq!(with(twice.into_bytes()), Some(Kind::SharedDocument));
}

#[test]
fn real_departures_are_read_and_told() {
    let mut entries = plain();
    for entry in &mut entries {
        let name = String::from_utf8(entry.name.clone()).expect("text");
        entry.name = format!("dossier/{}", name.replace("INDEX.HTM", "index.htm").replace("SUBSET01", "LUCY_0")).into();
    }
    entries.remove(1);
    entries.push(raw("__MACOSX/dossier/._index.htm", b"x"));
    entries.push(raw("dossier/.DS_Store", b"x"));
    entries.push(raw("dossier/IHE_XDM/LUCY_0/COPIE.PDF", b"x"));
    entries.push(raw("dossier/IHE_XDM/", b""));
    let bytes = pack(&entries);
    assert_eq!(kind(&bytes), None);
    use Departure::{Case, FolderName, Litter, NoReadme, Unlisted, Wrapped};
    let departures = open(&bytes).map(|m| m.departures);
    assert_eq!(departures, Ok(vec![NoReadme, Case, Wrapped, FolderName, Litter, Unlisted]));
    let mut none = plain();
    none[2].name = b"IHE_XDM/SUBSET01/META.XML".to_vec();
    assert_eq!(kind(&pack(&none)), Some(Kind::NoMetadata));
    assert_eq!(kind(&pack(&plain()[..2])), Some(Kind::NoXdm));
    let mut two = plain();
    two.push(raw("autre/IHE_XDM/SUBSET01/METADATA.XML", b"x"));
    assert_eq!(kind(&pack(&two)), Some(Kind::NoXdm));
}

#[test]
fn errors_name_no_file() {
    let error = open(&bent(|e| e.name = b"DUPONT/../x".to_vec())).err().map(|e| e.to_string());
    assert_eq!(error.as_deref(), Some("a name leads out of the archive at entry 4"));
}

proptest! {
    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let _ = kind(&bytes);
    }

    #[test]
    fn no_change_of_bytes_panics_or_passes_for_another_document(
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let mut bytes = pack(&plain());
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if let Ok(mut media) = open(&bytes)
            && let Ok(documents) = contents(&mut media)
        {
            prop_assert!(documents.iter().all(|d| d == BODY));
        }
    }

    #[test]
    fn any_documents_are_written_and_read_back(
        bodies in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..3_000), 1..6), sets in 1usize..4,
    ) {
        let mimes = ["text/xml", "application/pdf", "application/octet-stream", "text/plain"];
        let set: Vec<_> = bodies.iter().enumerate().map(|(n, b)| (mimes[n % 4], b.clone())).collect();
        let (bytes, written) = medium(&vec![set; sets]);
        let mut media = open(&bytes).expect("opens");
        prop_assert_eq!(&media.departures, &[]);
        let read = contents(&mut media).expect("documents");
        prop_assert_eq!(read, bodies.iter().cycle().take(bodies.len() * sets).cloned().collect::<Vec<_>>());
        let known: Vec<_> = media.submission_sets.iter().flat_map(|s| s.documents.iter().map(|d| d.hash.clone())).collect();
        prop_assert_eq!(known, written.into_iter().map(|w| w.hash).collect::<Vec<_>>());
    }
}

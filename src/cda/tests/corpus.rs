//! Published documents that nobody here wrote, when they stand beside the project.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use cda::{Body, HEAD_BYTES, Header, Lang, Rules, check, derive};
use space::Oid;
use terminology::Mappings;

/// The files of a folder, if the corpus is there.
#[expect(clippy::print_stderr, reason = "a skipped test says so")]
fn files(folder: &str) -> Option<Vec<PathBuf>> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared");
    let shared = std::env::var_os("PASSERELLE_SHARED").map_or(beside, PathBuf::from);
    if !shared.exists() {
        eprintln!("skipped: ../shared is absent");
        return None;
    }
    let folder = shared.join(folder);
    let read = std::fs::read_dir(&folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    let mut files: Vec<_> = read.map(|f| f.expect("readable").path()).filter(|p| p.is_file()).collect();
    files.sort();
    assert!(!files.is_empty(), "{} is empty", folder.display());
    Some(files)
}

#[test]
#[expect(clippy::print_stdout, reason = "what is found in documents of others is worth a look")]
fn every_published_document_is_read_and_says_what_metadata_need() {
    let Some(files) = files("corpus/cda") else { return };
    let rules = Rules::load(&Mappings::built_in()).expect("rules load");
    let mut by_rule: BTreeMap<String, usize> = BTreeMap::new();
    let (mut clean, mut unstructured, mut longest) = (0, 0, 0);
    for path in &files {
        let name = path.file_name().and_then(|n| n.to_str()).unwrap_or_default();
        let bytes = std::fs::read(path).expect("readable");
        let header = Header::read(&bytes[..bytes.len().min(HEAD_BYTES)]).unwrap_or_else(|e| panic!("{name}: {e}"));
        let found = check(&header, &rules);
        clean += usize::from(found.is_empty());
        for finding in &found {
            println!("{name}: {} at {}", finding.rule, finding.place);
            *by_rule.entry(finding.rule.clone()).or_default() += 1;
        }
        unstructured += usize::from(matches!(header.body.as_ref().map(|b| &b.value), Some(Body::NonXml { .. })));
        let needed = (1..=HEAD_BYTES / 4096).find(|k| Header::read(&bytes[..bytes.len().min(k * 4096)]).is_ok());
        longest = longest.max(needed.unwrap_or_default() * 4);
        let derived = derive(&header, &rules);
        let told = [
            derived.unique_id.is_some(),
            derived.patient_id.is_some(),
            derived.creation_time.is_some(),
            derived.type_code.is_some(),
            derived.practice_setting_code.is_some(),
            derived.healthcare_facility_type_code.is_some(),
            derived.legal_authenticator.is_some(),
            derived.authors.iter().all(|a| a.person.is_some()),
        ];
        assert_eq!(told, [true; 8], "{name}: an attribute cannot be derived");
        let sound = |oid: Option<&str>| oid.is_none_or(|oid| Oid::parse(oid).is_ok());
        for author in &derived.authors {
            assert!(
                author.institutions.iter().all(|i| i.name().is_some() && sound(i.authority())),
                "{name}: {author:?}"
            );
            assert!(author.person.iter().all(|p| sound(p.authority())), "{name}: {author:?}");
        }
        assert!(derived.reference_ids.iter().all(|id| sound(id.authority())), "{name}");
        if derived.format_code.is_none() {
            println!("{name}: no format is known for its templates");
        }
    }
    println!(
        "{} documents, {clean} without finding, {unstructured} unstructured, heads of {longest} KiB at most",
        files.len()
    );
    for (rule, count) in &by_rule {
        println!("{count:4}  {rule}: {}", rules.sentence(rule, Lang::En).unwrap_or_default());
    }
}

#[test]
#[expect(clippy::print_stdout, reason = "what is found in documents of others is worth a look")]
fn the_document_of_the_dmp_samples_is_read() {
    let Some(files) = files("corpus/dmp/messages") else { return };
    let rules = Rules::load(&Mappings::built_in()).expect("rules load");
    let mut read = 0;
    for path in &files {
        let bytes = std::fs::read(path).expect("readable");
        // Messages hold their documents in parts of their own: only a file that is a document is one here.
        let Ok(header) = Header::read(&bytes) else { continue };
        read += 1;
        let derived = derive(&header, &rules);
        assert!(derived.unique_id.is_some() && derived.patient_id.is_some() && derived.type_code.is_some());
        for finding in check(&header, &rules) {
            println!("{}: {} at {}", path.display(), finding.rule, finding.place);
        }
    }
    assert!(read > 0, "no sample is a CDA document");
}

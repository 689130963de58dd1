use super::*;

const LIMITS: MultipartLimits = MultipartLimits { max_header_bytes: 200, max_parts: 3, max_preamble_bytes: 64 };

fn split(body: &str) -> Result<Vec<(Option<String>, String)>, MultipartError> {
    let parts = split_complete(body.to_owned(), "b", LIMITS)?;
    Ok(parts.into_iter().map(|(h, c)| (h.content_id, String::from_utf8_lossy(&c).into_owned())).collect())
}

fn contents(body: &str) -> Vec<String> {
    split(body).unwrap().into_iter().map(|(_, c)| c).collect()
}

fn code(body: &str) -> (&'static str, String) {
    let error = split(body).unwrap_err();
    (error.code(), error.place().to_owned())
}

#[test]
fn parts_come_out_exactly_with_crlf_and_with_lf() {
    assert_eq!(contents("--b\r\nContent-ID: <1>\r\n\r\none\r\n\r\n--b\r\n\r\ntwo\r\n--b--\r\n"), ["one\r\n", "two"]);
    assert_eq!(contents("--b\nContent-ID: 1\n\none\r\n--b\n\ntwo\n\n--b--"), ["one\r", "two\n"]);
}

#[test]
fn a_preamble_is_skipped_and_an_epilogue_ignored() {
    assert_eq!(contents("see --b\r\nnot --b\r\n--b \t\r\n\r\none\r\n--b--epilogue\r\n--b\r\n\r\nno"), ["one"]);
}

#[test]
fn a_line_that_starts_like_the_delimiter_is_content() {
    assert_eq!(
        contents("--b\r\n\r\n--bc\r\n--b x\r\n--\r\n-\r\n\n--b\n\r\n--b--"),
        ["--bc\r\n--b x\r\n--\r\n-\r\n\n--b\n"]
    );
}

#[test]
fn empty_parts_are_parts() {
    assert_eq!(contents("--b\r\n\r\n\r\n--b\r\nContent-ID: x\r\n\r\n--b\r\n\r\n\r\n--b--"), ["", "", ""]);
    assert_eq!(contents("--b--"), [""; 0]);
}

#[test]
fn base64_is_decoded_and_quoted_printable_refused() {
    assert_eq!(contents("--b\n\nx\n--b\nContent-Transfer-Encoding: BASE64\n\nYm9u\nam91cg==\n--b--"), ["x", "bonjour"]);
    let with = |e: &str| format!("--b\nContent-ID: <c>\nContent-Transfer-Encoding: {e}\n\n=C3=A9\n--b--");
    assert_eq!(code(&with("quoted-printable")), ("multipart-transfer-encoding", "c".into()));
    assert_eq!(code(&with("base64")), ("multipart-base64", "c".into()));
    assert_eq!(
        code("--b\nContent-ID: <c>\nContent-Transfer-Encoding: base64\n\nYm9\n--b--"),
        ("multipart-base64", "c".into())
    );
}

#[test]
fn a_body_cut_short_names_its_part() {
    assert_eq!(code("--b\r\nContent-ID: <c>\r\n\r\none\r\n--b"), ("multipart-truncated", "c".into()));
    assert_eq!(code("--b\r\nContent-ID: <c>\r\n\r\none"), ("multipart-truncated", "c".into()));
    assert_eq!(
        code("--b\r\nContent-ID: <c>\r\n\r\none\r\n--b\r\nContent-ID: <d"),
        ("multipart-truncated", "#2".into())
    );
    assert_eq!(code(""), ("multipart-preamble", String::new()));
    assert_eq!(code("--c\r\n"), ("multipart-preamble", String::new()));
}

#[test]
fn headers_parts_and_preamble_are_bounded() {
    assert_eq!(code(&format!("--b\nA: {}\n\nx\n--b--", "x".repeat(200))).0, "multipart-headers-too-long");
    assert_eq!(code(&format!("--b\n{}", "A: b\n".repeat(100))).0, "multipart-headers-too-long");
    assert_eq!(code(&format!("{}--b--", "--b\n\nx\n".repeat(4))).0, "multipart-too-many-parts");
    assert_eq!(code(&format!("{}\n--b--", "x".repeat(65))).0, "multipart-preamble");
    assert_eq!(code("--b\nnot a header\n\nx\n--b--"), ("multipart-headers", "#1".into()));
}

#[test]
fn a_boundary_that_could_not_be_sent_is_refused() {
    for boundary in ["", "a\r\nb", "a ", &"x".repeat(201)] {
        assert!(matches!(split_complete("", boundary, LIMITS), Err(MultipartError::Boundary)));
    }
}

#[test]
fn chunks_of_a_part_are_slices_of_what_arrived() {
    use futures::FutureExt;
    let body = Bytes::from([b"--b\r\n\r\n".as_slice(), &[7; 1000], b"\r\n--b--"].concat());
    let range = body.as_ptr_range();
    let mut multipart =
        Multipart::new(futures::stream::iter([Ok::<_, std::io::Error>(body.clone())]), "b", LIMITS).unwrap();
    let chunk = async {
        multipart.next_part().await.unwrap().unwrap();
        multipart.next_chunk().await.unwrap().unwrap()
    };
    let chunk = chunk.now_or_never().unwrap();
    assert_eq!(chunk.len(), 1000);
    assert!(range.contains(&chunk.as_ptr()));
}

#[test]
fn a_failing_input_is_reported_once() {
    use futures::FutureExt;
    let stream = futures::stream::iter([Ok(Bytes::from_static(b"--b\r\n\r\nabc")), Err(std::io::Error::other("gone"))]);
    let mut multipart = Multipart::new(stream, "b", LIMITS).unwrap();
    let run = async {
        multipart.next_part().await.unwrap().unwrap();
        assert_eq!(multipart.next_chunk().await.unwrap().unwrap(), "abc");
        assert!(matches!(multipart.next_chunk().await, Err(MultipartError::Input(_))));
        assert!(multipart.next_chunk().await.unwrap().is_none());
        assert!(multipart.next_part().await.unwrap().is_none());
    };
    run.now_or_never().unwrap();
}

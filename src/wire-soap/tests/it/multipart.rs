//! Bytes of a part come out exactly, however the body is cut into chunks.

use bytes::Bytes;
use proptest::prelude::*;
use wire_soap::multipart::{Multipart, MultipartLimits};

const BOUNDARY: &str = "=_b";

/// Content made of what looks like a boundary, cleared of what RFC 2046 says it may not hold: a line that is one.
fn content() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        4 => prop::collection::vec(any::<u8>(), 0..40),
        3 => prop::sample::select(vec!["\r\n--=_", "\r\n--=_b", "--=_b", "\r\n", "\r", "\n", "\n--=_b\n", "-", "--", "\r\n--=_bc\r\n", "\r\r\n--=_"])
            .prop_map(|s| s.as_bytes().to_vec()),
        1 => (0usize..3000).prop_map(|n| vec![b'x'; n]),
    ];
    prop::collection::vec(piece, 0..8).prop_map(|pieces| {
        let mut all = pieces.concat();
        for at in 0..all.len() {
            let begins_line = at == 0 || all[at - 1] == b'\n';
            if begins_line && all[at..].starts_with(b"--=_b") && !all[at..].starts_with(b"--=_bc") {
                all[at] = b'.';
            }
        }
        all
    })
}

fn framed(parts: &[Vec<u8>], line_end: &str) -> Vec<u8> {
    let mut body = format!("preamble{line_end}").into_bytes();
    for (index, part) in parts.iter().enumerate() {
        body.extend(format!("--{BOUNDARY}{line_end}Content-ID: <{index}>{line_end}{line_end}").into_bytes());
        body.extend_from_slice(part);
        body.extend_from_slice(line_end.as_bytes());
    }
    body.extend(format!("--{BOUNDARY}--{line_end}").into_bytes());
    body
}

/// Cuts a body into chunks of the given sizes, again and again.
fn chunks(body: &[u8], sizes: &[usize]) -> Vec<Result<Bytes, std::io::Error>> {
    let mut rest = body;
    let mut all = Vec::new();
    for size in sizes.iter().cycle() {
        if rest.is_empty() {
            break;
        }
        let (chunk, after) = rest.split_at((*size).min(rest.len()));
        all.push(Ok(Bytes::copy_from_slice(chunk)));
        rest = after;
    }
    all
}

async fn split(chunks: Vec<Result<Bytes, std::io::Error>>) -> Vec<(String, Vec<u8>)> {
    let mut multipart = Multipart::new(futures::stream::iter(chunks), BOUNDARY, MultipartLimits::default()).unwrap();
    let mut parts = Vec::new();
    while let Some(headers) = multipart.next_part().await.unwrap() {
        let mut content = Vec::new();
        while let Some(chunk) = multipart.next_chunk().await.unwrap() {
            assert!(!chunk.is_empty());
            content.extend_from_slice(&chunk);
        }
        parts.push((headers.content_id.unwrap(), content));
    }
    parts
}

fn block_on<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn parts_come_out_exactly(
        parts in prop::collection::vec(content(), 1..4),
        sizes in prop::collection::vec(prop_oneof![1usize..5, 1usize..5000], 1..6),
        line_end in prop::sample::select(vec!["\r\n", "\n"]),
    ) {
        let seen = block_on(split(chunks(&framed(&parts, line_end), &sizes)));
        let expected: Vec<_> = parts.into_iter().enumerate().map(|(i, p)| (i.to_string(), p)).collect();
        prop_assert_eq!(seen, expected);
    }
}

#[test]
fn parts_that_are_not_read_are_passed_over() {
    let body = framed(&[vec![1; 10_000], vec![2; 3]], "\r\n");
    let run = async {
        let mut multipart =
            Multipart::new(futures::stream::iter(chunks(&body, &[100])), BOUNDARY, MultipartLimits::default()).unwrap();
        multipart.next_part().await.unwrap().unwrap();
        multipart.next_chunk().await.unwrap().unwrap();
        assert_eq!(multipart.next_part().await.unwrap().unwrap().content_id.as_deref(), Some("1"));
        assert_eq!(multipart.next_chunk().await.unwrap().unwrap(), &[2, 2, 2][..]);
        assert!(multipart.next_part().await.unwrap().is_none());
    };
    block_on(run);
}

#[test]
fn a_body_of_sixty_megabytes_is_split_in_a_moment() {
    let chunk = Bytes::from(vec![b'\r'; 64 << 10]);
    let head = Bytes::from_static(b"--=_b\r\n\r\n");
    let chunks =
        std::iter::once(head).chain(std::iter::repeat_n(chunk, 1000)).chain([Bytes::from_static(b"\r\n--=_b--")]);
    let stream = futures::stream::iter(chunks.map(Ok::<_, std::io::Error>));
    let start = std::time::Instant::now();
    let run = async {
        let mut multipart = Multipart::new(stream, BOUNDARY, MultipartLimits::default()).unwrap();
        multipart.next_part().await.unwrap().unwrap();
        let mut length = 0;
        while let Some(chunk) = multipart.next_chunk().await.unwrap() {
            length += chunk.len();
        }
        length
    };
    assert_eq!(block_on(run), 1000 * (64 << 10));
    assert!(start.elapsed() < std::time::Duration::from_secs(5));
}

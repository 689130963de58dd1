use super::*;

fn parse(text: &str) -> Result<Tree<'_>, XmlError> {
    Tree::parse(text, &XmlLimits::default())
}

#[test]
fn an_element_answers_the_questions_of_a_reader() {
    let tree = parse("<a xmlns='urn:a' xmlns:b='urn:b' k='1' b:k='2'>x<b:c>y</b:c><![CDATA[<z>]]><b:c/></a>").unwrap();
    let root = tree.root();
    assert!(root.is("urn:a", "a") && !root.is("urn:b", "a"));
    assert_eq!((root.attr("k"), root.attr_ns("urn:b", "k"), root.attr("j")), (Some("1"), Some("2"), None));
    assert_eq!(root.text(), "xy<z>");
    assert_eq!(root.children_named("urn:b", "c").count(), 2);
    assert_eq!(root.child("urn:b", "c").unwrap().path(), "/a/c[1]");
    assert_eq!(root.child("urn:b", "c").unwrap().source(), "<b:c>y</b:c>");
    assert_eq!(format!("{root:?}"), "Element(/a)");
}

#[test]
fn ten_thousand_levels_are_refused_and_a_hundred_are_not() {
    let deep = |n: usize| format!("{}{}", "<a>".repeat(n), "</a>".repeat(n));
    assert_eq!(parse(&deep(10_000)).unwrap_err(), XmlError::TooDeep { max: 100 });
    assert_eq!(parse(&"<a>".repeat(500_000)).unwrap_err(), XmlError::TooDeep { max: 100 });
    assert_eq!(parse(&deep(101)).unwrap_err(), XmlError::TooDeep { max: 100 });
    assert!(parse(&deep(100)).is_ok());
}

#[test]
fn a_deep_tree_that_was_allowed_is_read_and_dropped_without_recursion() {
    let text = format!("{}x{}", "<a>".repeat(20_000), "</a>".repeat(20_000));
    let limits = XmlLimits { max_depth: 20_000, ..XmlLimits::default() };
    std::thread::Builder::new()
        .stack_size(64 * 1024)
        .spawn(move || {
            let tree = Tree::parse(&text, &limits).unwrap();
            assert_eq!(tree.root().text(), "x");
        })
        .unwrap()
        .join()
        .unwrap();
}

#[test]
fn document_types_and_entities_are_refused() {
    assert_eq!(parse("<!DOCTYPE a [<!ENTITY e 'x'>]><a>&e;</a>").unwrap_err(), XmlError::Doctype);
    assert_eq!(
        parse("<?xml version='1.0'?>\n<!DOCTYPE a SYSTEM 'file:///etc/passwd'><a/>").unwrap_err(),
        XmlError::Doctype
    );
    assert!(matches!(parse("<a>&e;</a>"), Err(XmlError::Malformed { .. })));
}

#[test]
fn oversize_input_is_refused() {
    let limits = XmlLimits { max_bytes: 10, ..XmlLimits::default() };
    assert_eq!(Tree::parse("<a>1234567</a>", &limits).unwrap_err(), XmlError::TooLong { max: 10 });
    let limits = XmlLimits { max_nodes: 10, ..XmlLimits::default() };
    assert_eq!(
        Tree::parse(&format!("<a>{}</a>", "<b/>".repeat(10)), &limits).unwrap_err(),
        XmlError::TooManyNodes { max: 10 }
    );
    assert!(Tree::parse(&format!("<a>{}</a>", "<b/>".repeat(9)), &limits).is_ok());
}

#[test]
fn attributes_and_namespaces_are_bounded() {
    let attributes: String = (0..65).map(|i| format!(" a{i}=''")).collect();
    assert_eq!(parse(&format!("<a{attributes}/>")).unwrap_err(), XmlError::TooManyAttributes { max: 64 });
    let open: String = (0..6)
        .map(|i| {
            let declarations: String = (0..60).map(|j| format!(" xmlns:p{i}x{j} = 'urn:x'")).collect();
            format!("<a{declarations}>")
        })
        .collect();
    assert!(matches!(parse(&format!("{open}{}", "</a>".repeat(6))), Err(XmlError::Namespaces { .. })));
    assert!(matches!(parse(&format!("<a xmlns='{}'/>", "x".repeat(257))), Err(XmlError::Namespaces { .. })));
}

#[test]
fn broken_input_gives_clean_errors() {
    for text in [
        "",
        "   ",
        "<",
        "<a",
        "<a b='",
        "<a>",
        "<a><!--",
        "<a><![CDATA[x",
        "<?xml",
        "<a></b>",
        "<a/><b/>",
        "x",
        "</a>",
        "<p:a/>",
        "<a>\0</a>",
        "<a b='\0'/>",
        "<a>&#0;</a>",
        "<a b='<'/>",
        "<!",
        "<!-",
        "</",
        "<?",
    ] {
        assert!(parse(text).is_err(), "{text:?}");
    }
    let error = parse("<a>\n<secret-name></a>").unwrap_err();
    assert_eq!(error.place(), "line 2, column 18");
    assert!(!error.to_string().contains("secret"));
}

#[test]
fn the_largest_document_is_read_in_a_moment() {
    let item = "<s n='&amp;'><v>text</v></s>";
    let text = format!("<a xmlns='urn:x'>{}</a>", item.repeat(60_000));
    let start = std::time::Instant::now();
    assert_eq!(parse(&text).unwrap().root().children().count(), 60_000);
    assert!(start.elapsed() < std::time::Duration::from_secs(5));
}

#[test]
fn a_character_that_xml_has_not_is_refused() {
    for bad in ["<a b=\"\u{0}\"/>", "<a>\u{8}</a>", "<a>\u{1f}</a>"] {
        assert!(matches!(Tree::parse(bad, &XmlLimits::default()), Err(XmlError::NotText { .. })), "{bad:?}");
    }
    assert!(Tree::parse("<a>\t\r\n</a>", &XmlLimits::default()).is_ok());
}

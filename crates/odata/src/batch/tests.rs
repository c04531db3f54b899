//! Tests of batches.

use proptest::prelude::*;

use super::*;

fn headers(kind: &str) -> Vec<(String, String)> {
    let mut headers = vec![("if-match".to_owned(), "W/\"1\"".to_owned())];
    if !kind.is_empty() {
        headers.push(("content-type".to_owned(), kind.to_owned()));
    }
    headers
}

type Content = (Vec<(String, String)>, Vec<u8>);

fn content() -> impl Strategy<Value = Content> {
    prop_oneof![
        Just((headers(""), Vec::new())),
        "[a-zé\"\\\\ ]{0,9}".prop_map(|text| (
            headers("application/json"),
            serde_json::json!({ "a": text }).to_string().into_bytes()
        )),
        ".{1,20}".prop_map(|text| (headers("text/plain;charset=utf-8"), text.into_bytes())),
        proptest::collection::vec(any::<u8>(), 1..30).prop_map(|bytes| (headers("image/png"), bytes)),
        Just((
            headers("application/json"),
            b"{\"x\":\r\n\"--batch_seed\"}".to_vec()
        )),
        Just((headers("text/plain"), b"\r\n--batch_seed--\r\n\r\n".to_vec())),
    ]
}

fn requests() -> impl Strategy<Value = Vec<Request>> {
    let part = (content(), 0usize..3, any::<bool>());
    proptest::collection::vec(part, 1..8).prop_map(|mut parts| {
        parts.sort_by_key(|(_, group, _)| *group);
        let part = |(at, ((headers, body), group, depends)): (usize, (Content, usize, bool))| Request {
            id: format!("r{at}"),
            method: if body.is_empty() { "DELETE" } else { "PATCH" }.to_owned(),
            url: format!("Things('{at}%20x')"),
            headers,
            body,
            group: (group > 0).then(|| format!("set{group}")),
            depends_on: (depends && at > 0 && group == 0)
                .then(|| "r0".to_owned())
                .into_iter()
                .collect(),
            condition: None,
        };
        parts.into_iter().enumerate().map(part).collect()
    })
}

fn responses() -> impl Strategy<Value = Vec<Response>> {
    proptest::collection::vec((content(), 200u16..300, any::<bool>()), 1..8).prop_map(|parts| {
        let part = |(place, ((headers, body), status, grouped)): (usize, (Content, u16, bool))| Response {
            id: Some(format!("r{place}")),
            place,
            status,
            headers,
            body,
            group: grouped.then(|| format!("set{place}")),
        };
        parts.into_iter().enumerate().map(part).collect()
    })
}

/// Multipart adds the length of bodies to the headers and has no names of groups and dependencies.
fn comparable(requests: &[Request]) -> Vec<(String, String, Vec<u8>, Option<String>)> {
    let tag = |request: &Request| part::header(&request.headers, "if-match").map(str::to_owned);
    requests
        .iter()
        .map(|r| {
            (
                r.id.clone(),
                format!("{} {}", r.method, r.url),
                r.body.clone(),
                tag(r),
            )
        })
        .collect()
}

/// Which requests share a group, by place.
fn grouping(requests: &[Request]) -> Vec<Option<usize>> {
    let first = |group: &String| {
        requests
            .iter()
            .position(|other| other.group.as_ref() == Some(group))
    };
    requests
        .iter()
        .map(|request| request.group.as_ref().and_then(first))
        .collect()
}

proptest! {
    #[test]
    fn json_requests_survive_write_and_read(requests in requests()) {
        let bytes = write_json_requests(&requests);
        prop_assert_eq!(read_json_requests(&bytes, &BatchLimits::default()).unwrap(), requests);
    }

    #[test]
    fn json_responses_survive_write_and_read_and_cutting(responses in responses(), cut in any::<prop::sample::Index>()) {
        let bytes = write_json_responses(&responses);
        let whole = read_json_responses(&bytes, &BatchLimits::default()).unwrap();
        prop_assert_eq!(&whole.parts, &responses);
        prop_assert!(!whole.cut_short);
        let cut = cut.index(bytes.len());
        let part = read_json_responses(&bytes[..cut], &BatchLimits::default()).unwrap();
        prop_assert!(part.cut_short);
        prop_assert_eq!(&part.parts[..], &responses[..part.parts.len()]);
    }

    #[test]
    fn multipart_requests_survive_write_and_read(requests in requests()) {
        let (content_type, bytes) = write_multipart_requests(&requests, "seed");
        let read = read_multipart_requests(&content_type, &bytes, &BatchLimits::default()).unwrap();
        prop_assert_eq!(comparable(&read), comparable(&requests));
        prop_assert_eq!(grouping(&read), grouping(&requests));
    }

    #[test]
    fn multipart_responses_survive_write_and_read_and_cutting(responses in responses(), cut in any::<prop::sample::Index>()) {
        let (content_type, bytes) = write_multipart_responses(&responses, "seed");
        let essence = |parts: &[Response]| {
            parts.iter().map(|r| (r.id.clone(), r.place, r.status, r.body.clone(), r.group.clone())).collect::<Vec<_>>()
        };
        let whole = read_multipart_responses(&content_type, &bytes, &BatchLimits::default()).unwrap();
        prop_assert_eq!(essence(&whole.parts), essence(&responses));
        prop_assert!(!whole.cut_short);
        // The line end after the closing boundary proves nothing.
        let cut = cut.index(bytes.len() - 2);
        let part = read_multipart_responses(&content_type, &bytes[..cut], &BatchLimits::default()).unwrap();
        prop_assert!(part.cut_short);
        prop_assert_eq!(essence(&part.parts), essence(&responses[..part.parts.len()]));
    }

    #[test]
    fn no_bytes_make_a_reader_panic(requests in requests(), at in any::<prop::sample::Index>(), byte in any::<u8>(), text in ".{0,60}") {
        let limits = BatchLimits::default();
        let (kind, mut bytes) = write_multipart_requests(&requests, "seed");
        let mut json = write_json_requests(&requests);
        let place = at.index(bytes.len());
        bytes[place] = byte;
        let place = at.index(json.len());
        json[place] = byte;
        for bytes in [bytes.as_slice(), json.as_slice(), text.as_bytes()] {
            let _ = (read_multipart_requests(&kind, bytes, &limits), read_multipart_responses(&kind, bytes, &limits));
            let _ = (read_json_requests(bytes, &limits), read_json_responses(bytes, &limits));
        }
        let _ = read_multipart_requests(&text, &bytes, &limits);
    }
}

fn json(text: &str) -> Result<Vec<Request>, BatchError> {
    read_json_requests(text.as_bytes(), &BatchLimits::default())
}

#[test]
fn requests_against_the_rules_are_refused() {
    let request = |id: &str, more: &str| format!(r#"{{"id":"{id}","method":"get","url":"/x"{more}}}"#);
    let batch = |parts: &[String]| format!(r#"{{"requests":[{}]}}"#, parts.join(","));
    assert_eq!(json(&batch(&[request("1", "")])).unwrap()[0].method, "GET");
    let twice = batch(&[request("1", ""), request("1", "")]);
    assert_eq!(json(&twice), Err(BatchError::SameId("1".to_owned())));
    let forward = batch(&[request("1", r#","dependsOn":["2"]"#), request("2", "")]);
    assert!(matches!(json(&forward), Err(BatchError::Dependency { .. })));
    let (a, b) = (r#","atomicityGroup":"a""#, r#","atomicityGroup":"b""#);
    let apart = batch(&[request("1", a), request("2", b), request("3", a)]);
    assert_eq!(json(&apart), Err(BatchError::Group("a".to_owned())));
    assert_eq!(
        json(&batch(&[request("a", a)])),
        Err(BatchError::Group("a".to_owned()))
    );
    let secret = batch(&[request("1", r#","headers":{"Authorization":"x"}"#)]);
    assert_eq!(json(&secret), Err(BatchError::Credentials("1".to_owned())));
    assert!(matches!(
        json(r#"{"requests":[{"id":"1"}]}"#),
        Err(BatchError::Malformed(_))
    ));
    assert!(matches!(
        json(r#"{"requests":[{"id":"1","id":"2","method":"GET","url":""}]}"#),
        Err(BatchError::Malformed(_))
    ));
    assert!(matches!(json("{}"), Err(BatchError::Malformed(_))));
    let many: Vec<_> = (0..1_001).map(|n| request(&n.to_string(), "")).collect();
    assert_eq!(json(&batch(&many)), Err(BatchError::Limit("parts")));
}

#[test]
fn a_member_is_believed_only_with_its_whole_group() {
    let request = |id: &str| Request {
        id: id.to_owned(),
        group: Some("g".to_owned()),
        ..Request::default()
    };
    let requests = [
        request("1"),
        request("2"),
        Request {
            id: "3".to_owned(),
            ..Request::default()
        },
    ];
    let response = |id: &str, status| Response {
        id: Some(id.to_owned()),
        status,
        ..Response::default()
    };
    let statuses = |parts: Vec<Response>| {
        let responses = Responses {
            parts,
            cut_short: true,
            next_link: None,
        };
        responses
            .settled(&requests)
            .iter()
            .map(|part| part.status)
            .collect::<Vec<_>>()
    };
    assert_eq!(statuses(vec![response("3", 204), response("1", 201)]), [204]);
    assert_eq!(statuses(vec![response("1", 201), response("2", 204)]), [201, 204]);
    assert_eq!(statuses(vec![response("1", 409)]), [409]);
}

#[test]
fn multipart_of_other_services_is_read() {
    let body = "preamble\n--b 1\nContent-Type: application/http\n\nHTTP/1.1 204 No Content\n\n\n--b 1\r\n\
        Content-Type: multipart/mixed; boundary=\"c\"\r\n\r\n--c\r\nContent-Type: application/http\r\nContent-ID: 1\r\n\r\n\
        HTTP/1.1 201 Created\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}\r\n--c--\r\n--b 1--";
    let read = read_multipart_responses(
        "Multipart/Mixed; charset=x; Boundary=\"b 1\"",
        body.as_bytes(),
        &BatchLimits::default(),
    );
    let read = read.unwrap();
    assert!(!read.cut_short);
    let parts: Vec<_> = read
        .parts
        .iter()
        .map(|p| (p.id.as_deref(), p.place, p.status, p.body.as_slice()))
        .collect();
    assert_eq!(parts, [(None, 0, 204, &b""[..]), (Some("1"), 1, 201, &b"{}"[..])]);
}

//! The multipart batch format: `multipart/mixed` with `application/http` parts and change sets.

use std::io::Write as _;

use super::error::BatchError;
use super::part::{BatchLimits, Request, Response, Responses, check, header};

/// Writes a multipart batch request; returns the `Content-Type` and the body.
///
/// Requests of one group become a change set. `seed` makes the boundary: letters and digits, such as a request id.
#[must_use]
pub fn write_multipart_requests(requests: &[Request], seed: &str) -> (String, Vec<u8>) {
    let parts = requests.iter().map(|request| {
        let mut http = format!("{} {} HTTP/1.1\r\n", request.method, request.url).into_bytes();
        message(&mut http, &request.headers, &request.body);
        (request.group.as_deref(), Some(request.id.as_str()), http)
    });
    write(&parts.collect::<Vec<_>>(), seed)
}

/// Writes a multipart batch response; returns the `Content-Type` and the body.
///
/// Responses of one group that succeeded become a change set; a failure stands for its whole group.
#[must_use]
pub fn write_multipart_responses(responses: &[Response], seed: &str) -> (String, Vec<u8>) {
    let parts = responses.iter().map(|response| {
        let mut http = format!("HTTP/1.1 {} {}\r\n", response.status, phrase(response.status)).into_bytes();
        message(&mut http, &response.headers, &response.body);
        (
            response.group.as_deref().filter(|_| response.status < 400),
            response.id.as_deref(),
            http,
        )
    });
    write(&parts.collect::<Vec<_>>(), seed)
}

/// The reason phrases of the statuses that batches have; others get a word that says only what kind they are.
fn phrase(status: u16) -> &'static str {
    match status {
        200 => "OK",
        201 => "Created",
        204 => "No Content",
        304 => "Not Modified",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        409 => "Conflict",
        412 => "Precondition Failed",
        424 => "Failed Dependency",
        428 => "Precondition Required",
        100..=399 => "OK",
        _ => "Error",
    }
}

fn message(out: &mut Vec<u8>, headers: &[(String, String)], body: &[u8]) {
    for (name, value) in headers.iter().filter(|(name, _)| name != "content-length") {
        line(out, name, value);
    }
    if !body.is_empty() {
        line(out, "content-length", &body.len().to_string());
    }
    out.extend_from_slice(b"\r\n");
    out.extend_from_slice(body);
}

/// Writes a header line; line ends inside a value become spaces.
fn line(out: &mut Vec<u8>, name: &str, value: &str) {
    let _ = write!(out, "{name}: {}\r\n", value.replace(['\r', '\n'], " "));
}

type Part<'a> = (Option<&'a str>, Option<&'a str>, Vec<u8>);

fn write(parts: &[Part<'_>], seed: &str) -> (String, Vec<u8>) {
    let mut boundary = format!("batch_{seed}");
    let stands_in = |boundary: &str| {
        let holds = |http: &[u8]| {
            http.windows(boundary.len())
                .any(|window| window == boundary.as_bytes())
        };
        parts.iter().any(|(_, _, http)| holds(http))
    };
    while stands_in(&boundary) {
        boundary.push('x');
    }
    let mut out = Vec::new();
    let mut open: Option<&str> = None;
    let mut sets = 0;
    let inner = |set: usize| format!("{boundary}_set{set}");
    for (group, id, http) in parts {
        if open.is_some() && open != *group {
            let _ = write!(out, "--{}--\r\n", inner(sets));
        }
        let delimiter = match group {
            Some(_) if open != *group => {
                sets += 1;
                let _ = write!(
                    out,
                    "--{boundary}\r\ncontent-type: multipart/mixed; boundary={0}\r\n\r\n",
                    inner(sets)
                );
                inner(sets)
            }
            Some(_) => inner(sets),
            None => boundary.clone(),
        };
        open = *group;
        let _ = write!(out, "--{delimiter}\r\n");
        out.extend_from_slice(b"content-type: application/http\r\ncontent-transfer-encoding: binary\r\n");
        if let Some(id) = id {
            line(&mut out, "content-id", id);
        }
        out.extend_from_slice(b"\r\n");
        out.extend_from_slice(http);
        out.extend_from_slice(b"\r\n");
    }
    if open.is_some() {
        let _ = write!(out, "--{}--\r\n", inner(sets));
    }
    let _ = write!(out, "--{boundary}--\r\n");
    (format!("multipart/mixed; boundary={boundary}"), out)
}

/// Returns the boundary in a content type, if it is a multipart one.
fn boundary(content_type: &str) -> Option<&str> {
    let mut pieces = content_type.split(';').map(str::trim);
    if !pieces.next()?.to_ascii_lowercase().starts_with("multipart/") {
        return None;
    }
    let parameter = pieces.find_map(|piece| {
        let (name, value) = piece.split_once('=')?;
        name.trim()
            .eq_ignore_ascii_case("boundary")
            .then_some(value.trim())
    })?;
    let value = parameter.trim_matches('"');
    (1..=200).contains(&value.len()).then_some(value)
}

/// The pieces between delimiters that are proved complete, and whether the closing delimiter came.
struct Pieces<'a> {
    complete: Vec<&'a [u8]>,
    closed: bool,
    /// What came after the last delimiter, if that was not the closing one.
    rest: &'a [u8],
}

/// Cuts a multipart body at the lines that are its delimiters.
fn pieces<'a>(body: &'a [u8], boundary: &str, most: usize) -> Result<Pieces<'a>, BatchError> {
    let delimiter = format!("--{boundary}");
    let mut complete = Vec::new();
    let mut start: Option<usize> = None;
    let mut at = 0;
    while at < body.len() {
        let end = body[at..]
            .iter()
            .position(|byte| *byte == b'\n')
            .map_or(body.len(), |found| at + found + 1);
        let line = body[at..end].trim_ascii_end();
        let whole_line = body[..end].ends_with(b"\n");
        let after = line.strip_prefix(delimiter.as_bytes());
        let (is_delimiter, is_closing) = (after == Some(b""), after == Some(b"--"));
        if is_closing || (is_delimiter && whole_line) {
            if let Some(from) = start {
                complete.push(trim_line_end(&body[from..at.max(from)]));
                if complete.len() > most {
                    return Err(BatchError::Limit("parts"));
                }
            }
            if is_closing {
                return Ok(Pieces {
                    complete,
                    closed: true,
                    rest: &[],
                });
            }
            start = Some(end);
        }
        at = end;
    }
    Ok(Pieces {
        complete,
        closed: false,
        rest: start.map_or(&[], |from| &body[from..]),
    })
}

/// Takes away the one line end that belongs to the delimiter after it.
fn trim_line_end(piece: &[u8]) -> &[u8] {
    let piece = piece.strip_suffix(b"\n").unwrap_or(piece);
    piece.strip_suffix(b"\r").unwrap_or(piece)
}

type Headers = Vec<(String, String)>;

/// Reads header lines up to the empty line; returns them with what follows.
fn headers<'a>(text: &'a [u8], limits: &BatchLimits) -> Result<(Headers, &'a [u8]), BatchError> {
    let mut headers = Vec::new();
    let mut rest = text;
    loop {
        let Some(end) = rest.iter().position(|byte| *byte == b'\n') else {
            // A message without body may end with its last header.
            if rest.trim_ascii().is_empty() {
                return Ok((headers, &[]));
            }
            headers.extend(header_line(rest)?);
            return Ok((headers, &[]));
        };
        let (line, after) = rest.split_at(end + 1);
        rest = after;
        match header_line(line)? {
            Some(header) => headers.push(header),
            None => return Ok((headers, rest)),
        }
        if headers.len() > limits.headers {
            return Err(BatchError::Limit("headers"));
        }
    }
}

fn header_line(line: &[u8]) -> Result<Option<(String, String)>, BatchError> {
    let malformed = BatchError::Malformed("header lines");
    let text = std::str::from_utf8(line).map_err(|_| malformed.clone())?.trim();
    if text.is_empty() {
        return Ok(None);
    }
    let (name, value) = text.split_once(':').ok_or(malformed)?;
    Ok(Some((name.trim().to_ascii_lowercase(), value.trim().to_owned())))
}

/// An HTTP message inside a part: its first line, headers and body.
struct Message {
    content_id: Option<String>,
    first: String,
    headers: Headers,
    body: Vec<u8>,
}

/// What stands between two delimiters.
enum Piece<'a> {
    Message(Message),
    ChangeSet(&'a [u8], String),
}

fn piece<'a>(bytes: &'a [u8], limits: &BatchLimits) -> Result<Piece<'a>, BatchError> {
    let (mime, rest) = headers(bytes, limits)?;
    let content_type = header(&mime, "content-type").unwrap_or_default();
    if let Some(inner) = boundary(content_type) {
        return Ok(Piece::ChangeSet(rest, inner.to_owned()));
    }
    if !content_type.to_ascii_lowercase().starts_with("application/http") {
        return Err(BatchError::Malformed("application/http parts"));
    }
    let end = rest
        .iter()
        .position(|byte| *byte == b'\n')
        .map_or(rest.len(), |found| found + 1);
    let (first, rest) = rest.split_at(end);
    let first = std::str::from_utf8(first).map_err(|_| BatchError::Malformed("a request or status line"))?;
    let (inner, body) = headers(rest, limits)?;
    let told = header(&inner, "content-length").and_then(|length| length.parse::<usize>().ok());
    let body = told.and_then(|length| body.get(..length)).unwrap_or(body);
    let content_id = header(&mime, "content-id")
        .or_else(|| header(&inner, "content-id"))
        .map(str::to_owned);
    Ok(Piece::Message(Message {
        content_id,
        first: first.trim().to_owned(),
        headers: inner,
        body: body.to_vec(),
    }))
}

fn status(first: &str) -> Result<u16, BatchError> {
    let mut words = first.split_ascii_whitespace();
    let is_http = words.next().is_some_and(|word| word.starts_with("HTTP/"));
    let code = words
        .next()
        .and_then(|word| word.parse().ok())
        .filter(|code| (100..600).contains(code));
    code.filter(|_| is_http)
        .ok_or(BatchError::Malformed("a status line"))
}

fn response(message: Message, place: usize, group: Option<String>) -> Result<Response, BatchError> {
    Ok(Response {
        status: status(&message.first)?,
        id: message.content_id,
        place,
        headers: message.headers,
        body: message.body,
        group,
    })
}

/// Reads a multipart batch response, as far as it goes.
///
/// # Errors
/// [`BatchError`] if the body is no batch response or exceeds a limit; a body that ends early is no error.
pub fn read_multipart_responses(
    content_type: &str,
    body: &[u8],
    limits: &BatchLimits,
) -> Result<Responses, BatchError> {
    let outer = open(content_type, body, limits)?;
    let mut out = Responses {
        cut_short: !outer.closed,
        ..Responses::default()
    };
    for (place, bytes) in outer.complete.iter().enumerate() {
        match piece(bytes, limits)? {
            Piece::Message(message) => out.parts.push(response(message, place, None)?),
            Piece::ChangeSet(inner, boundary) => {
                let set = pieces(inner, &boundary, limits.parts)?;
                for bytes in &set.complete {
                    let Piece::Message(message) = piece(bytes, limits)? else {
                        return Err(BatchError::Malformed("no change set inside a change set"));
                    };
                    out.parts
                        .push(response(message, place, Some(format!("set{place}")))?);
                }
            }
        }
        if out.parts.len() > limits.parts {
            return Err(BatchError::Limit("parts"));
        }
    }
    Ok(out)
}

fn open<'a>(content_type: &str, body: &'a [u8], limits: &BatchLimits) -> Result<Pieces<'a>, BatchError> {
    if body.len() > limits.bytes {
        return Err(BatchError::Limit("bytes"));
    }
    let boundary = boundary(content_type).ok_or(BatchError::Malformed("multipart/mixed with a boundary"))?;
    pieces(body, boundary, limits.parts)
}

/// Reads a multipart batch request and holds it against the rules of the standard.
///
/// Requests without `Content-ID` get their place as id.
///
/// # Errors
/// [`BatchError`]; nothing of the batch may be executed.
pub fn read_multipart_requests(
    content_type: &str,
    body: &[u8],
    limits: &BatchLimits,
) -> Result<Vec<Request>, BatchError> {
    let outer = open(content_type, body, limits)?;
    if !outer.closed || !outer.rest.is_empty() {
        return Err(BatchError::Malformed("a closing boundary"));
    }
    let mut requests = Vec::new();
    for (place, bytes) in outer.complete.iter().enumerate() {
        match piece(bytes, limits)? {
            Piece::Message(message) => requests.push(request(message, format!("part{place}"), None)?),
            Piece::ChangeSet(inner, boundary) => {
                let set = pieces(inner, &boundary, limits.parts)?;
                if !set.closed {
                    return Err(BatchError::Malformed("a closing boundary"));
                }
                for (member, bytes) in set.complete.iter().enumerate() {
                    let Piece::Message(message) = piece(bytes, limits)? else {
                        return Err(BatchError::Malformed("no change set inside a change set"));
                    };
                    let id = format!("part{place}.{member}");
                    requests.push(request(message, id, Some(format!("set{place}")))?);
                }
            }
        }
        if requests.len() > limits.parts {
            return Err(BatchError::Limit("parts"));
        }
    }
    check(&requests)?;
    Ok(requests)
}

fn request(message: Message, id: String, group: Option<String>) -> Result<Request, BatchError> {
    let mut words = message.first.split_ascii_whitespace();
    let (Some(method), Some(url)) = (words.next(), words.next()) else {
        return Err(BatchError::Malformed("a request line"));
    };
    Ok(Request {
        id: message.content_id.unwrap_or(id),
        method: method.to_ascii_uppercase(),
        url: url.to_owned(),
        headers: message.headers,
        body: message.body,
        group,
        depends_on: Vec::new(),
        condition: None,
    })
}

//! The JSON batch format.

use std::borrow::Cow;
use std::cell::RefCell;
use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE;
use serde::de::{self, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::error::BatchError;
use super::part::{BatchLimits, Request, Response, Responses, check, header};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RequestOut<'a> {
    id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    atomicity_group: Option<&'a str>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    depends_on: &'a [String],
    #[serde(rename = "if", skip_serializing_if = "Option::is_none")]
    condition: Option<&'a str>,
    method: &'a str,
    url: &'a str,
    #[serde(skip_serializing_if = "Headers::is_empty")]
    headers: Headers<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<Box<RawValue>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ResponseOut<'a> {
    id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    atomicity_group: Option<&'a str>,
    status: u16,
    #[serde(skip_serializing_if = "Headers::is_empty")]
    headers: Headers<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<Box<RawValue>>,
}

/// Headers as an object, in their order.
struct Headers<'a>(&'a [(String, String)]);

impl Headers<'_> {
    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Serialize for Headers<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}

/// What a body is, by its content type: JSON unless it says otherwise.
enum BodyKind {
    Json,
    Text,
    Bytes,
}

fn body_kind(headers: &[(String, String)]) -> BodyKind {
    let media =
        header(headers, "content-type").map(|value| value.split(';').next().unwrap_or_default().trim());
    match media.map(str::to_ascii_lowercase).as_deref() {
        None => BodyKind::Json,
        Some(media) if media == "application/json" || media.ends_with("+json") => BodyKind::Json,
        Some(media) if media.starts_with("text/") => BodyKind::Text,
        Some(_) => BodyKind::Bytes,
    }
}

fn body_out(headers: &[(String, String)], body: &[u8]) -> Option<Box<RawValue>> {
    if body.is_empty() {
        return None;
    }
    let as_string = |text: &str| serde_json::value::to_raw_value(text).ok();
    let bytes = || as_string(&URL_SAFE.encode(body));
    let text = std::str::from_utf8(body).ok();
    match (body_kind(headers), text) {
        (BodyKind::Json, Some(text)) => RawValue::from_string(text.to_owned()).ok().or_else(bytes),
        (BodyKind::Text, Some(text)) => as_string(text),
        _ => bytes(),
    }
}

fn body_in(headers: &[(String, String)], body: Option<&RawValue>) -> Option<Vec<u8>> {
    let Some(raw) = body.filter(|raw| raw.get() != "null") else {
        return Some(Vec::new());
    };
    let string = || serde_json::from_str::<String>(raw.get()).ok();
    match body_kind(headers) {
        BodyKind::Json => Some(raw.get().as_bytes().to_vec()),
        // A service may explain in JSON why it has no text or bytes.
        _ if !raw.get().starts_with('"') => Some(raw.get().as_bytes().to_vec()),
        BodyKind::Text => Some(string()?.into_bytes()),
        BodyKind::Bytes => crate::syntax::base64url(&string()?),
    }
}

fn object<T: Serialize>(name: &str, parts: impl Iterator<Item = T>) -> Vec<u8> {
    let mut out = format!("{{\"{name}\":[").into_bytes();
    for (index, part) in parts.enumerate() {
        if index > 0 {
            out.push(b',');
        }
        // Writing into memory cannot fail.
        let _ = serde_json::to_writer(&mut out, &part);
    }
    out.extend_from_slice(b"]}");
    out
}

/// Writes a JSON batch request.
///
/// A body whose `content-type` is JSON (or missing) must be valid JSON; other bodies are written as text or base64url.
#[must_use]
pub fn write_json_requests(requests: &[Request]) -> Vec<u8> {
    let out = requests.iter().map(|request| RequestOut {
        id: &request.id,
        atomicity_group: request.group.as_deref(),
        depends_on: &request.depends_on,
        condition: request.condition.as_deref(),
        method: &request.method,
        url: &request.url,
        headers: Headers(&request.headers),
        body: body_out(&request.headers, &request.body),
    });
    object("requests", out)
}

/// Writes a JSON batch response.
#[must_use]
pub fn write_json_responses(responses: &[Response]) -> Vec<u8> {
    let out = responses.iter().map(|response| ResponseOut {
        id: response.id.as_deref().unwrap_or_default(),
        atomicity_group: response.group.as_deref(),
        status: response.status,
        headers: Headers(&response.headers),
        body: body_out(&response.headers, &response.body),
    });
    object("responses", out)
}

/// Headers of a part, names made lower case, duplicates refused.
#[derive(Default)]
struct HeadersIn(Vec<(String, String)>);

impl<'de> Deserialize<'de> for HeadersIn {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Pairs;
        impl<'de> Visitor<'de> for Pairs {
            type Value = HeadersIn;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("headers")
            }
            fn visit_unit<E: de::Error>(self) -> Result<HeadersIn, E> {
                Ok(HeadersIn::default())
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<HeadersIn, A::Error> {
                let mut headers: Vec<(String, String)> = Vec::new();
                while let Some((name, value)) = map.next_entry::<Cow<'de, str>, HeaderValue>()? {
                    let name = name.to_ascii_lowercase();
                    if headers.len() >= BatchLimits::default().headers
                        || headers.iter().any(|(known, _)| *known == name)
                    {
                        return Err(de::Error::custom("too many headers"));
                    }
                    headers.push((name, value.0));
                }
                Ok(HeadersIn(headers))
            }
        }
        deserializer.deserialize_any(Pairs)
    }
}

/// A header's value; some services write numbers.
struct HeaderValue(String);

impl<'de> Deserialize<'de> for HeaderValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = <&RawValue>::deserialize(deserializer)?.get();
        match raw.as_bytes().first() {
            Some(b'"') => serde_json::from_str(raw).map(Self).map_err(de::Error::custom),
            Some(b'{' | b'[') => Err(de::Error::custom("a header is not a list")),
            _ => Ok(Self(raw.to_owned())),
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RequestIn<'a> {
    id: String,
    method: String,
    url: String,
    atomicity_group: Option<String>,
    #[serde(default)]
    depends_on: Vec<String>,
    #[serde(rename = "if")]
    condition: Option<String>,
    #[serde(default)]
    headers: HeadersIn,
    #[serde(borrow)]
    body: Option<&'a RawValue>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ResponseIn<'a> {
    id: String,
    atomicity_group: Option<String>,
    status: u16,
    #[serde(default)]
    headers: HeadersIn,
    #[serde(borrow)]
    body: Option<&'a RawValue>,
}

/// Reads a JSON batch request and holds it against the rules of the standard.
///
/// # Errors
/// [`BatchError`]; nothing of the batch may be executed.
pub fn read_json_requests(bytes: &[u8], limits: &BatchLimits) -> Result<Vec<Request>, BatchError> {
    if bytes.len() > limits.bytes {
        return Err(BatchError::Limit("bytes"));
    }
    let requests = RefCell::new(Vec::new());
    let add = |request: RequestIn<'_>| {
        let headers = request.headers.0;
        let body = body_in(&headers, request.body)
            .ok_or(BatchError::Malformed("a body that fits its content type"))?;
        requests.borrow_mut().push(Request {
            id: request.id,
            method: request.method.to_ascii_uppercase(),
            url: request.url,
            headers,
            body,
            group: request.atomicity_group,
            depends_on: request.depends_on,
            condition: request.condition,
        });
        Ok(())
    };
    let read = parts(bytes, "requests", limits.parts, &add);
    match read {
        Ok(_) => {}
        Err(Stop::Json) => {
            return Err(BatchError::Malformed(
                "an object with `requests`, each with id, method and url",
            ));
        }
        Err(Stop::Refused(error)) => return Err(error),
    }
    let requests = requests.into_inner();
    check(&requests)?;
    Ok(requests)
}

/// Reads a JSON batch response, as far as it goes.
///
/// # Errors
/// [`BatchError`] if the body is no batch response or exceeds a limit; a body that ends early is no error.
pub fn read_json_responses(bytes: &[u8], limits: &BatchLimits) -> Result<Responses, BatchError> {
    if bytes.len() > limits.bytes {
        return Err(BatchError::Limit("bytes"));
    }
    let found = RefCell::new(Vec::new());
    let add = |response: ResponseIn<'_>| {
        let headers = response.headers.0;
        let body = body_in(&headers, response.body).unwrap_or_default();
        let mut found = found.borrow_mut();
        let place = found.len();
        found.push(Response {
            id: Some(response.id),
            place,
            status: response.status,
            headers,
            body,
            group: response.atomicity_group,
        });
        Ok(())
    };
    let (next_link, cut_short) = match parts(bytes, "responses", limits.parts, &add) {
        Ok(next_link) => (next_link, false),
        Err(Stop::Refused(error)) => return Err(error),
        Err(Stop::Json) => (None, true),
    };
    if cut_short && !starts_like_a_batch(bytes) {
        return Err(BatchError::Malformed("an object with `responses`"));
    }
    Ok(Responses {
        parts: found.into_inner(),
        cut_short,
        next_link,
    })
}

/// Whether a body that could not be read to its end began as an object at all.
fn starts_like_a_batch(bytes: &[u8]) -> bool {
    bytes
        .iter()
        .find(|byte| !byte.is_ascii_whitespace())
        .is_none_or(|first| *first == b'{')
}

enum Stop {
    /// The text is not JSON, cut short, or of another shape.
    Json,
    /// A part is refused.
    Refused(BatchError),
}

type Add<'a, T> = &'a dyn Fn(T) -> Result<(), BatchError>;

/// Hands over the parts in the named list one by one, as soon as each is complete; returns the next link.
fn parts<'de, T: Deserialize<'de>>(
    bytes: &'de [u8],
    name: &'static str,
    most: usize,
    add: Add<'_, T>,
) -> Result<Option<String>, Stop> {
    let refused = RefCell::new(None);
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let batch = Batch {
        name,
        most,
        add,
        refused: &refused,
    };
    let result = json
        .deserialize_map(batch)
        .and_then(|next| json.end().map(|()| next));
    result.map_err(|_| refused.into_inner().map_or(Stop::Json, Stop::Refused))
}

struct Batch<'a, T> {
    name: &'static str,
    most: usize,
    add: Add<'a, T>,
    refused: &'a RefCell<Option<BatchError>>,
}

impl<'de, T: Deserialize<'de>> Visitor<'de> for Batch<'_, T> {
    type Value = Option<String>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a batch")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let (mut next_link, mut seen) = (None, false);
        while let Some(key) = map.next_key::<Cow<'de, str>>()? {
            if key == self.name {
                if std::mem::replace(&mut seen, true) {
                    return Err(de::Error::custom("given twice"));
                }
                map.next_value_seed(&self)?;
            } else if key == "@odata.nextLink" || key == "@nextLink" {
                next_link = Some(map.next_value()?);
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        if seen {
            Ok(next_link)
        } else {
            Err(de::Error::custom("not a batch"))
        }
    }
}

impl<'de, T: Deserialize<'de>> DeserializeSeed<'de> for &Batch<'_, T> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de, T: Deserialize<'de>> Visitor<'de> for &Batch<'_, T> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of parts")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let mut count = 0;
        while let Some(item) = items.next_element::<T>()? {
            count += 1;
            let added = if count > self.most {
                Err(BatchError::Limit("parts"))
            } else {
                (self.add)(item)
            };
            if let Err(error) = added {
                *self.refused.borrow_mut() = Some(error);
                return Err(de::Error::custom("refused"));
            }
        }
        Ok(())
    }
}

//! Reading a body: decoding, and counting what comes out.

use std::io::{self, Write};

use bytes::Bytes;
use flate2::write::MultiGzDecoder;
use http::HeaderMap;
use http::header::CONTENT_ENCODING;

use crate::Limits;

/// Decoded bytes below this may have been compressed to any ratio.
const RATIO_FROM: usize = 1 << 20;

/// Collects a body chunk by chunk.
pub(crate) struct BodyReader {
    decoder: Decoder,
    limits: Limits,
    received: usize,
}

enum Decoder {
    Identity(Bounded),
    Gzip(Box<MultiGzDecoder<Bounded>>),
}

impl BodyReader {
    /// Starts a body with the encoding that the head declares; `expected` is its declared size.
    ///
    /// Fails with the reason in words if the encoding was never asked for or the declared size is over the limit.
    pub(crate) fn new(headers: &HeaderMap, expected: Option<u64>, limits: Limits) -> Result<Self, String> {
        let limit = limits.body_bytes;
        let expected = expected.map_or(0, |size| usize::try_from(size).unwrap_or(usize::MAX));
        if expected > limit {
            return Err(too_large(limit));
        }
        let sink = Bounded {
            bytes: Vec::with_capacity(expected),
            most: limit,
        };
        let encodings: Vec<_> = headers.get_all(CONTENT_ENCODING).iter().collect();
        let decoder = match encodings.as_slice() {
            [] => Decoder::Identity(sink),
            [one] => match one.to_str().map(|text| text.trim().to_ascii_lowercase()) {
                Ok(name) if name == "identity" => Decoder::Identity(sink),
                Ok(name) if name == "gzip" || name == "x-gzip" => {
                    Decoder::Gzip(Box::new(MultiGzDecoder::new(sink)))
                }
                _ => return Err("its content encoding was not asked for".to_owned()),
            },
            _ => return Err("it is encoded more than once".to_owned()),
        };
        Ok(Self {
            decoder,
            limits,
            received: 0,
        })
    }

    /// Takes a chunk as it came over the wire. Fails with the reason in words.
    pub(crate) fn push(&mut self, chunk: &[u8]) -> Result<(), String> {
        self.received = self.received.saturating_add(chunk.len());
        let most = self
            .received
            .saturating_mul(self.limits.ratio)
            .max(RATIO_FROM)
            .min(self.limits.body_bytes);
        let full = most == self.limits.body_bytes;
        let fail = |error: &io::Error| {
            if error.kind() != io::ErrorKind::FileTooLarge {
                "its compressed body is broken".to_owned()
            } else if full {
                too_large(most)
            } else {
                "its body unpacks to far more than was sent".to_owned()
            }
        };
        match &mut self.decoder {
            Decoder::Identity(sink) => sink.write_all(chunk).map_err(|error| fail(&error)),
            Decoder::Gzip(decoder) => {
                decoder.get_mut().most = most;
                decoder
                    .write_all(chunk)
                    .and_then(|()| decoder.flush())
                    .map_err(|error| fail(&error))
            }
        }
    }

    /// Returns the bytes that came over the wire so far.
    pub(crate) fn received(&self) -> usize {
        self.received
    }

    /// Returns the body, and whether its encoding says that it is complete.
    pub(crate) fn finish(self) -> (Bytes, bool) {
        match self.decoder {
            Decoder::Identity(sink) => (Bytes::from(sink.bytes), true),
            Decoder::Gzip(mut decoder) => {
                let empty = self.received == 0;
                let complete = empty || decoder.try_finish().is_ok();
                let bytes = std::mem::take(&mut decoder.get_mut().bytes);
                (Bytes::from(bytes), complete)
            }
        }
    }
}

fn too_large(limit: usize) -> String {
    format!("its body is larger than {} MiB", limit >> 20)
}

/// A buffer that refuses to grow over a limit.
struct Bounded {
    bytes: Vec<u8>,
    most: usize,
}

impl Write for Bounded {
    fn write(&mut self, chunk: &[u8]) -> io::Result<usize> {
        if chunk.len() > self.most.saturating_sub(self.bytes.len()) {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.bytes.extend_from_slice(chunk);
        Ok(chunk.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::Compression;
    use flate2::write::GzEncoder;

    fn gzip(size: usize, fill: impl Fn(usize) -> u8) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        let bytes: Vec<u8> = (0..size).map(fill).collect();
        encoder.write_all(&bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn read(encoding: Option<&'static str>, body: &[u8], limits: Limits) -> Result<(usize, bool), String> {
        let mut headers = HeaderMap::new();
        if let Some(name) = encoding {
            headers.insert(CONTENT_ENCODING, http::HeaderValue::from_static(name));
        }
        let mut reader = BodyReader::new(&headers, None, limits)?;
        for chunk in body.chunks(1000) {
            reader.push(chunk)?;
        }
        let (bytes, complete) = reader.finish();
        Ok((bytes.len(), complete))
    }

    #[test]
    fn bodies_are_counted_after_decoding() {
        let limits = Limits {
            body_bytes: 8 << 20,
            ..Limits::default()
        };
        let noise = |at: usize| (at.wrapping_mul(2_654_435_761) >> 13) as u8;
        let zeros = gzip(7 << 20, |_| 0);
        let text = gzip(2 << 20, noise);
        for (encoding, body, want) in [
            (None, vec![1; 8 << 20], Ok((8 << 20, true))),
            (None, vec![1; (8 << 20) + 1], Err("larger than 8 MiB")),
            (Some("gzip"), text.clone(), Ok((2 << 20, true))),
            (Some("gzip"), text[..text.len() / 2].to_vec(), Ok((0, false))),
            (Some("gzip"), gzip(1 << 19, |_| 0), Ok((1 << 19, true))),
            (Some("gzip"), zeros.clone(), Err("far more than was sent")),
            (Some("gzip"), b"no gzip at all".to_vec(), Err("broken")),
            (Some("gzip"), Vec::new(), Ok((0, true))),
            (Some("gzip, gzip"), zeros, Err("not asked for")),
            (Some("br"), Vec::new(), Err("not asked for")),
        ] {
            match (read(encoding, &body, limits), want) {
                (Ok((_, false)), Ok((_, false))) => {}
                (Ok(got), Ok(want)) => assert_eq!(got, want),
                (Err(got), Err(want)) => assert!(got.contains(want), "{got}"),
                (got, want) => panic!("{got:?} instead of {want:?}"),
            }
        }
    }
}

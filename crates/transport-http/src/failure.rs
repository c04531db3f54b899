//! Failures without an answer, by what may have happened.

use std::error::Error;
use std::io;

use driftless_transport::TransportError;
use rustls::CertificateError;

/// The most characters of a failure's text.
const MAX_DETAIL: usize = 200;

/// Classifies a failure: only a connection that never came about means that nothing left the device.
pub(crate) fn classify(error: reqwest::Error, host: &str) -> TransportError {
    let host = host.to_owned();
    let error = error.without_url();
    if error.is_builder() {
        return TransportError::Address(format!("the request cannot be made: {}", detail(&error)));
    }
    if !error.is_connect() {
        return TransportError::Lost {
            host,
            detail: detail(&error),
        };
    }
    match certificate(&error) {
        Some(detail) => TransportError::Certificate { host, detail },
        None if error.is_timeout() => TransportError::Unreachable {
            host,
            detail: "no answer in time".to_owned(),
        },
        None => TransportError::Unreachable {
            host,
            detail: detail(&error),
        },
    }
}

/// Returns the text of the innermost cause.
pub(crate) fn detail(error: &reqwest::Error) -> String {
    let mut innermost: &dyn Error = error;
    walk(error, |cause| innermost = cause);
    innermost.to_string().chars().take(MAX_DETAIL).collect()
}

/// Visits the causes of an error, outermost first, looking into I/O errors, whose `source` skips what they hold.
fn walk<'e>(error: &'e (dyn Error + 'static), mut visit: impl FnMut(&'e (dyn Error + 'static))) {
    let mut next = error.source();
    while let Some(cause) = next {
        visit(cause);
        let held = cause
            .downcast_ref::<io::Error>()
            .and_then(io::Error::get_ref)
            .map(|held| held as &(dyn Error + 'static));
        next = held.or_else(|| cause.source());
    }
}

fn certificate(error: &reqwest::Error) -> Option<String> {
    let mut found = None;
    walk(error, |cause| {
        if let Some(rustls::Error::InvalidCertificate(why)) = cause.downcast_ref() {
            found = Some(words(why));
        }
    });
    found
}

fn words(why: &CertificateError) -> String {
    match why {
        CertificateError::UnknownIssuer => "its issuer is not known here".to_owned(),
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => "it has expired".to_owned(),
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "it is not valid yet; is this device's clock right?".to_owned()
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "it is for another name".to_owned()
        }
        CertificateError::Revoked => "it was revoked".to_owned(),
        other => other.to_string().chars().take(MAX_DETAIL).collect(),
    }
}

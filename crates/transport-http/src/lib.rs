#![doc = include_str!("../README.md")]

mod address;
mod body;
mod client;
mod failure;
mod options;
mod reply;
mod tls;
mod trace;
mod wait;

pub use address::ServiceRoot;
pub use client::{HttpClient, Request};
pub use options::{ClientOptions, Deadlines, Limits};
pub use reply::Reply;
pub use trace::{Exchange, WireTrace};
pub use wait::{MAX_RETRY_AFTER, format_http_date, parse_http_date, parse_retry_after};

pub use bytes::Bytes;
pub use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
pub use url::Url;

//! A real server on a loopback port, driven by plain HTTP.

mod batches;
mod client;
mod documents;
mod own;
mod paging;
mod records;
mod repeats;
mod schemas;

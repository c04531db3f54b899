//! A real server on a loopback port, driven by plain HTTP.

#[cfg(test)]
mod batches;
#[cfg(test)]
mod client;
mod commands;
#[cfg(test)]
mod documents;
#[cfg(test)]
mod own;
#[cfg(test)]
mod paging;
#[cfg(test)]
mod records;
#[cfg(test)]
mod repeats;
#[cfg(test)]
mod schemas;

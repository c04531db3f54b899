//! The reference server in a process of its own, with as many records as are asked for.

use super::data::pages;
use super::entity::schema;
use anyhow::{Context as _, Result};
use driftless_server::{Server, ServerOptions};
use driftless_transport::Credentials;
use driftless_transport_http::{ClientOptions, ServiceRoot, WireTrace};
use std::fs::File;
use std::io::{BufRead as _, BufReader, BufWriter, Read as _, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use tokio::sync::oneshot;

/// A running server. It ends with this process at the latest.
pub(super) struct Served {
    process: Child,
    url: String,
}

impl Served {
    /// Starts a server with so many records, and waits until it answers.
    pub(super) fn start(records: usize) -> Result<Self> {
        let mut process = Command::new(std::env::current_exe()?)
            .args(["serve", &records.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let output = process.stdout.take().context("the server has no output")?;
        let mut served = Self {
            process,
            url: String::new(),
        };
        BufReader::new(output).read_line(&mut served.url)?;
        served.url.truncate(served.url.trim_end().len());
        anyhow::ensure!(!served.url.is_empty(), "the server did not start");
        Ok(served)
    }

    /// The address.
    pub(super) fn root(&self) -> Result<ServiceRoot> {
        Ok(ServiceRoot::parse(&self.url)?)
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        let _ = self.process.wait();
    }
}

/// The user of the measurements.
pub(super) const USER: &str = "demo";

/// How a client signs in; `trace` is told of each request.
pub(super) fn client(trace: Option<Arc<dyn WireTrace>>) -> ClientOptions {
    let mut options = ClientOptions::default();
    options.credentials = Some(Credentials::Password {
        user: USER.to_owned(),
        password: String::new(),
    });
    options.trace = trace;
    options
}

/// The part of the process that `Served` starts: serves until standard input ends, and tells its address in the
/// first line of standard output.
///
/// # Errors
/// When the server cannot be made or fails.
pub fn serve(records: usize) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let mut options = ServerOptions::default();
    options.data = Some(folder.path().join("data"));
    options.schema_file = Some(folder.path().join("schema.xml"));
    options.seed_file = Some(folder.path().join("seed.json"));
    std::fs::write(
        folder.path().join("schema.xml"),
        driftless_odata::csdl::write(&schema()?, "Sales"),
    )?;
    write_seed(&folder.path().join("seed.json"), records)?;
    let server = Server::open(options)?;
    let (tell, ended) = oneshot::channel::<()>();
    std::thread::spawn(move || {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        drop(tell);
    });
    tokio::runtime::Runtime::new()?.block_on(async {
        let bound = server.bind().await?;
        writeln!(std::io::stdout(), "{}", bound.url())?;
        bound.run(async { drop(ended.await) }).await?;
        Ok(())
    })
}

fn write_seed(path: &Path, records: usize) -> Result<()> {
    let mut file = BufWriter::new(File::create(path)?);
    file.write_all(br#"{"Opportunities":["#)?;
    for (number, page) in pages(records)?.iter().enumerate() {
        // A page is `{"value":[…]}`; the list without its brackets goes on.
        let rows = page.get(10..page.len() - 2).context("a page is too short")?;
        if number > 0 {
            file.write_all(b",")?;
        }
        file.write_all(rows)?;
    }
    file.write_all(b"]}")?;
    Ok(file.flush()?)
}
